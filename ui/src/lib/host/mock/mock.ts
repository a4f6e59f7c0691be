import { HostError } from "../error";
import type { Transport } from "../transport";
import type { Annotation, ColumnInfo, Commands, Event as HostEvent, FrameArgs, Job, Project, ProblemRow, RunDetail, StatusLine } from "../wire";
import { advance, data } from "./data";
import { encodeFrame } from "./frames";
import { policy } from "./policy";
import { promoted } from "./promoted";
import { makeRun, NOW, type MockRun } from "./runs";
import { secrets } from "./secrets";
import { storage } from "./storage";
import { arrange, columnsOf, compileFilter, complete, lowerIsBetter, metricRow, rowOf, tablePage } from "./table";

type Handlers = { [N in keyof Commands]: (args: Commands[N]["args"]) => Commands[N]["reply"] };

/** Sizes by address: `?runs=100000` for a big table, `?empty` for a first start, `?slow=800` for skeletons; `?refused` for
 *  systems that turn us away or were not allowed yet, `?broken` for rules that are not understood, `?audit=1200` for a long audit, `?vault=missing` (or `locked`, `relocks`) for a machine without a keychain; of data see data.ts. */
const options = new URLSearchParams(location.search);
const nRuns = Number(options.get("runs") ?? 240);
const slowMs = Number(options.get("slow") ?? 0);
const live = options.get("live") !== "0";

const project = (id: number, name: string, n: number, extra: Partial<Project> = {}): Project => ({ id, path: `/home/ada/work/${name}`, name, open: true, demo: false, missing: false, last_opened: NOW - id * 4000, n_runs: n, ...extra });
let projects: Project[] = options.has("empty")
  ? []
  : [project(1, "churn", nRuns), project(2, "segmentation", 36), project(3, "old-thesis", 0, { open: false, missing: true, last_opened: NOW - 40 * 86400 })];
const runsOf = new Map<number, MockRun[]>();
const prefs = new Map<string, unknown>(Object.entries(JSON.parse(sessionStorage.getItem("mock-prefs") ?? "{}") as object));
let version = 1;
let emit: (event: HostEvent) => void = () => undefined;
let jobs: Job[] = [{ id: 1, name: "Read churn", project: 1, done: 412_000_000, total: 655_000_000, unit: "bytes", can_stop: true }];

function runs(id: number): MockRun[] {
  const known = projects.find((candidate) => candidate.id === id);
  if (!known) throw new HostError("not_found", "This project is not known.", "Open the folder again.");
  let list = runsOf.get(id);
  if (!list) runsOf.set(id, (list = Array.from({ length: known.n_runs }, (_, index) => makeRun(id, index))));
  return list;
}

function run(id: number): MockRun {
  const found = runs(Math.floor(id / 1_000_000))[id % 1_000_000];
  if (!found) throw new HostError("not_found", "This run is not known.", "It may have been deleted from its folder.");
  return found;
}

const columnsKept = new Map<number, ColumnInfo[]>();

/** The mock's runs never gain a param or a metric. */
function projectColumns(id: number): ColumnInfo[] {
  let kept = columnsKept.get(id);
  if (!kept) columnsKept.set(id, (kept = columnsOf(runs(id))));
  return kept;
}

function problemRows(only: number | null): ProblemRow[] {
  return projects.filter((p) => p.open && (only === null || p.id === only)).flatMap((p) =>
    runs(p.id).slice(0, 500).filter((r) => r.problems).flatMap((r): ProblemRow[] => [
      { project: p.id, path: `${r.path}/events.out.tfevents.1794.gpu-3`, offset: 18_244_112 + r.id, kind: "damaged record", message: "The checksum of a record of 1,204 bytes does not match; the record was skipped.", first_seen: NOW - 3600, runs: [{ id: r.id, name: r.name }] },
      { project: p.id, path: `${r.path}/hparams.yaml`, offset: null, kind: "unreadable", message: "Permission denied.", first_seen: NOW - 86_400, runs: [{ id: r.id, name: r.name }] },
    ]));
}

function statusLine(): StatusLine {
  return {
    projects: projects.filter((p) => p.open).map((p) => ({ project: p.id, mode: p.id === 2 ? "polling" : "notify", why: p.id === 2 ? "the folder is on a network mount" : null, n_dirs: 412, n_sources: 61, scanning: false, scanned_files: 41_200, read_bytes: 655_000_000, backlog_bytes: 0 })),
    points_per_second: live ? 1240 : 0, n_points: 41_200_000, n_live: 2, n_problems: problemRows(null).length, jobs, cpu_percent: 0.3, memory_bytes: 84_000_000, version: "0.1.0-mock",
  };
}

function openFolder(path: string): Project {
  if (!path.startsWith("/") && !path.startsWith("~")) throw new HostError("bad_request", `“${path}” is not a full path.`, "Write it from the root, such as /home/ada/work/churn.");
  if (path.includes("missing")) throw new HostError("not_found", `There is no folder ${path}.`, "Check the spelling.");
  const known = projects.find((p) => p.path === path);
  if (known) {
    known.open = true;
    return known;
  }
  const added = project(Math.max(0, ...projects.map((p) => p.id)) + 1, path.split("/").filter(Boolean).at(-1) ?? path, 24, { path, last_opened: NOW });
  projects = [added, ...projects];
  emit({ type: "projects" });
  return added;
}

function annotationOf(r: MockRun): Annotation {
  return { name: r.ownName, color: r.color, hidden: r.hidden, pinned: r.pinned, tags: r.ownTags, note: r.note };
}

function detail(r: MockRun): RunDetail {
  const projectId = Math.floor(r.id / 1_000_000);
  return {
    id: r.id, row: rowOf(r, []), project: projectId, key: "", path: r.path, source_format: r.source.toLowerCase(), source_title: r.source, started: r.started, ended: r.ended, last_change: r.ended ?? NOW,
    duration: (r.ended ?? NOW) - r.started, experiment: r.experiment, user: r.user, parent: r.id % 7 === 3 ? { id: r.id - 1, name: run(r.id - 1).name } : null, children: [],
    // One run with more params than a page holds.
    params: [...r.params, ...Array.from({ length: r.id % 1_000_000 === 1 ? 2000 : 0 }, (_, i): [string, string] => [`model.layer_${i}.dropout`, String((i % 10) / 20)])], tags: [...r.tags], own: annotationOf(r), metrics: [...r.metrics.keys()].map((name) => metricRow(r, name)),
    datasets: [{ name: "churn-2026-09", digest: "a81f44c2", context: "training", source: "s3://datasets/churn/2026-09.parquet", schema: '{"rows": 71204, "columns": 23}' }],
    models: [{ name: "churn", version: "7", stage: "None", aliases: ["candidate"], run: r.id, status: "READY", source: `${r.path}/artifacts/model` }],
    media: [{ tag: 1, kind: "text", name: "config", n: 1, first_step: 0, last_step: 0 }],
    sources: [{ run: r.id, format: r.source.toLowerCase(), title: r.source, path: r.path, why: null, n_metrics: 4, differs: [], files: [{ path: `${r.path}/events.out.tfevents.1794.gpu-3`, bytes: 18_400_112 }, { path: `${r.path}/hparams.yaml`, bytes: 412 }] }],
    problems: problemRows(projectId).filter((p) => p.runs.some((x) => x.id === r.id)), artifact_root: `${r.path}/artifacts`, state_why: r.status === "running" ? "A point arrived 2 s ago." : "The logger wrote the end of the run.",
  };
}

const handlers: Handlers = {
  join_runs: () => null,
  split_run: () => null,
  about: () => ({ version: "0.1.0-mock", data_dir: "/home/ada/.local/share/signalbox", can_dialog: false, demo_path: "/opt/signalbox/demo", home: "/home/ada" }),
  projects: () => projects,
  open_project: ({ path }) => openFolder(path),
  open_demo: () => Object.assign(openFolder("/opt/signalbox/demo"), { demo: true, name: "Demo" }),
  close_project: ({ project: id }) => {
    projects = projects.map((p) => (p.id === id ? { ...p, open: false } : p));
    emit({ type: "projects" });
    return null;
  },
  pick_folder: () => {
    throw new HostError("refused", "A browser cannot show a folder dialog.", "Type the path.");
  },
  status: statusLine,
  columns: ({ project: id }) => projectColumns(id),
  table: (query) => tablePage(runs(query.project), query, version),
  table_ids: (query) => {
    const list = arrange(runs(query.project), query).slice(0, query.limit);
    const rows = list.map((r) => rowOf(r, []));
    return { ids: rows.map((r) => r.id), colors: rows.map((r) => r.color), dashes: rows.map((r) => r.dash), names: rows.map((r) => r.name) };
  },
  check_filter: ({ project: id, filter }) => {
    try {
      return { ok: true, error: null, matched: runs(id).filter(compileFilter(filter)).length };
    } catch (thrown) {
      if (!(thrown instanceof HostError) || thrown.code !== "bad_filter") throw thrown;
      return { ok: false, error: { code: thrown.code, message: thrown.message, hint: thrown.hint, detail: thrown.detail }, matched: 0 };
    }
  },
  complete_filter: ({ project: id, filter, caret }) => complete(projectColumns(id), filter, caret),
  metrics: ({ project: id, runs: only }) => {
    const list = only ? columnsOf(only.map(run)) : projectColumns(id);
    return list.filter((column) => column.kind === "metric").map((column) => ({ name: column.name, n_runs: column.n_runs, n_points: column.n_runs * 1200, prefix: column.name.includes("/") ? (column.name.split("/")[0] ?? "") : "", goal: lowerIsBetter(column.name) ? "min" : "max" }));
  },
  run: ({ run: id }) => detail(run(id)),
  annotate: (args) => {
    for (const r of args.runs.map(run)) {
      if (args.name !== undefined) r.ownName = args.name;
      if (args.color !== undefined) r.color = args.color ?? r.id % 10;
      if (args.hidden !== undefined) r.hidden = args.hidden;
      if (args.pinned !== undefined) r.pinned = args.pinned;
      if (args.note !== undefined) r.note = args.note;
      r.ownTags = [...new Set([...r.ownTags, ...(args.add_tags ?? [])])].filter((tag) => !args.remove_tags?.includes(tag));
    }
    const first = args.runs[0];
    if (first !== undefined) emit({ type: "runs", project: Math.floor(first / 1_000_000), version: ++version, changed: args.runs });
    return null;
  },
  media: () => ({ items: [{ step: 0, time: null, part: 1, index: 0, offset: 0, caption: "", path: "" }], n: 1 }),
  media_texts: () => [{ step: 0, time: null, text: "backbone: resnet18\naugment: [flip, crop]\n", fault: null }],
  histograms: () => ({ steps: [], low: 0, high: 1, counts: [], n: 0, fault: null }),
  code: () => null,
  console: () => [{ path: "train.log", bytes: 54, modified: Math.floor(Date.now() / 1000) - 90 }],
  console_text: () => ({ text: "epoch 1 loss 2.31\nepoch 2 loss 1.94\nepoch 3 loss 1.61\n", from: 0, to: 54, bytes: 54, n_hidden: 0 }),
  artifacts: ({ path }) =>
    path === ""
      ? [
          { path: "model", name: "model", is_dir: true, bytes: 0, kind: "other" },
          { path: "config.json", name: "config.json", is_dir: false, bytes: 88, kind: "json" },
          { path: "confusion.csv", name: "confusion.csv", is_dir: false, bytes: 64, kind: "csv" },
          { path: "log.txt", name: "log.txt", is_dir: false, bytes: 140, kind: "text" },
          { path: "sample.png", name: "sample.png", is_dir: false, bytes: 900, kind: "image" },
        ]
      : [{ path: `${path}/weights.bin`, name: "weights.bin", is_dir: false, bytes: 44_000_000, kind: "other" }],
  problems: ({ project: id, limit }) => {
    const rows = problemRows(id);
    return { total: rows.length, rows: rows.slice(0, limit) };
  },
  get_pref: ({ key }) => ({ value: prefs.get(key) ?? null }),
  set_pref: ({ key, value }) => {
    prefs.set(key, value);
    sessionStorage.setItem("mock-prefs", JSON.stringify(Object.fromEntries(prefs)));
    return null;
  },
  models: () => (options.has("refused") ? [promoted.registry, promoted.refused, promoted.asked] : [promoted.registry]),
  production: () => (options.has("refused") ? [...promoted.services, promoted.refusedService] : promoted.services),
  run_models: ({ run: id }) => (id % 2 === 0 ? [{ path: "model", name: "model", suggested: "churn" }] : []),
  propose: () => {
    if (!options.has("ask-models") || promoted.loads) return promoted.plan;
    const python = "/home/ada/wine/.venv/bin/python";
    const hint = "Allow it if you know who made the model: it can do all that you can. It is asked once for a project and its Python.";
    throw new HostError("not_allowed", `Making this plan loads wine, of /home/ada/wine, with ${python}: that runs what its author has put in.`, hint, null, { project: 1, python });
  },
  propose_rollback: () => promoted.plan,
  plans: () => promoted.plans.map((plan) => plan.row),
  plan: ({ plan: id }) => promoted.plans.find((plan) => plan.row.id === id) ?? promoted.plan,
  apply_plan: () => {
    promoted.apply();
    emit({ type: "promotion", plan: promoted.plan.row.id });
    return null;
  },
  resume_plan: () => null,
  stop_plan: () => null,
  discard_plan: ({ plan }) => {
    promoted.discarded.add(plan);
    return null;
  },
  approve_plan: ({ plan, withdraw }) => {
    if (plan === promoted.foreign.row.id) promoted.foreign = { ...promoted.foreign, own_approval: withdraw ? null : "signalbox-approval:1:AAAA" };
    return promoted.plans.find(({ row }) => row.id === plan) ?? promoted.plan;
  },
  plan_file: () => JSON.stringify(promoted.plan),
  import_plan: ({ text }) => {
    if (!text.includes("{")) throw new HostError("bad_request", "This is not a plan.", "Copy all of what you were sent.");
    return promoted.foreign;
  },
  add_approval: () => promoted.plan,
  allow_policy: () => {
    promoted.asked = { ...promoted.asked, allow: null, failure: null };
    return null;
  },
  allow_models: () => {
    promoted.loads = true;
    return null;
  },
  stop_service: () => null,
  stop_keeper: () => null,
  audit_trail: ({ from }) => {
    const { rows, ...audit } = promoted.audit;
    const all = Array.from({ length: Number(options.get("audit") ?? rows.length) }, (_, i) => ({ ...rows[i % rows.length]!, seq: i + 1 }));
    return { ...audit, total: all.length, rows: all.filter((row) => row.seq >= from).slice(0, 1000) };
  },
  ...secrets,
  ...storage(() => projects, (id) => (projects = projects.filter((p) => p.id !== id)), (event) => emit(event)),
  ...policy,
  ...data,
  verify_audit: ({ head }) => ({ total: promoted.audit.total, head: promoted.audit.head, broken: null, at: null, kept: promoted.audit.rows.find((row) => row.hash === head)?.seq ?? null }),
  rehearse: () => ({ stands: [], before: [{ expects: "production points at churn 1", holds: true, saw: "production points at 1" }], gates: promoted.plan.gates }),
  lineage: () => promoted.lineage,
  stop_job: ({ id }) => {
    jobs = jobs.filter((job) => job.id !== id);
    emit({ type: "status", status: statusLine() });
    return null;
  },
  export_csv: ({ runs: ids, metrics }) => ({ text: `run,metric,step,value\n${ids.flatMap((id) => metrics.map((metric) => `${id},${metric},0,0`)).join("\n")}\n` }),
  save_export: () => {
    throw new HostError("refused", "A browser saves files itself.");
  },
};

/** Two runs write points; the page hears of them as it would from the watcher. */
function startLive() {
  setInterval(() => {
    for (const p of projects.filter((candidate) => candidate.open && runsOf.has(candidate.id))) {
      const moving = runs(p.id).filter((r) => r.status === "running");
      for (const r of moving) for (const metric of r.metrics.values()) metric.n += 3;
      if (!moving.length) continue;
      emit({ type: "series", project: p.id, runs: moving.map((r) => r.id), metrics: [] });
      emit({ type: "runs", project: p.id, version: ++version, changed: moving.map((r) => r.id) });
    }
    advance(emit);
    jobs = jobs.map((job) => ({ ...job, done: Math.min(job.total ?? 0, job.done + 4_000_000) })).filter((job) => job.done < (job.total ?? Infinity));
    emit({ type: "status", status: statusLine() });
  }, 700);
}

const encoder = new TextEncoder();
const bytes = (text: string) => encoder.encode(text).buffer as ArrayBuffer;

async function image(): Promise<ArrayBuffer> {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 160;
  const context = canvas.getContext("2d");
  for (let y = 0; y < 16 && context; y++) for (let x = 0; x < 16; x++) {
    context.fillStyle = `hsl(${(x * y * 9) % 360} 60% ${30 + ((x + y) % 5) * 10}%)`;
    context.fillRect(x * 10, y * 10, 10, 10);
  }
  const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve));
  return blob ? blob.arrayBuffer() : new ArrayBuffer(0);
}

const pause = () => (slowMs ? new Promise((resolve) => setTimeout(resolve, slowMs)) : Promise.resolve());

export const mock: Transport = {
  kind: "mock",
  async call(name, args) {
    await pause();
    const handler = handlers[name as keyof Commands] as ((args: unknown) => unknown) | undefined;
    if (!handler) throw new HostError("not_found", `There is no command ${name}.`);
    // As over a wire: the page must not share objects with the backend.
    return structuredClone(handler(args));
  },
  async frame(args) {
    await pause();
    const request = args as FrameArgs;
    return encodeFrame(request, request.runs.map(run));
  },
  async blob(_name, args) {
    await pause();
    const path = (args as { path?: string }).path ?? "";
    if (path.endsWith(".png")) return image();
    if (path.endsWith(".json")) return bytes('{"backbone": "resnet18", "augment": ["flip", "crop"], "head": {"dropout": 0.2}}');
    if (path.endsWith(".csv")) return bytes("label,kept,churned\nkept,812,41\nchurned,66,281\n");
    return bytes("epoch 1 loss 2.31\nepoch 2 loss 1.94\nepoch 3 loss 1.61\n");
  },
  subscribe(onEvent, onLink) {
    emit = onEvent;
    onLink("up");
    if (live) startLive();
  },
};
