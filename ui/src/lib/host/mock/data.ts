// Data, as the page's own tests and pictures have it: `?data=empty`, `?data=reading`, `?data=failed`, `?data=broken`.
import { HostError } from "../error";
import type { AskedRule, ColumnProfile, Commands, DataProblem, Event as HostEvent, DriftReport, MonitorDefinition, MonitorRow, MonitorView, Timeline } from "../wire";
import { added, COLUMNS, counted, edgesOf, FIRST, HOURS, judged, N_BUCKETS, noise, rowsOf, RULE, SEGMENTS, settled, type Counted } from "./data-model";
import { fairness, quality, rowsIn } from "./data-quality";

type Reply<N extends keyof Commands> = (args: Commands[N]["args"]) => Commands[N]["reply"];
const look = new URLSearchParams(location.search).get("data") ?? "";
/** `?columns=5000`: the twenty, over and over. */
const nColumns = Number(new URLSearchParams(location.search).get("columns") ?? COLUMNS.length);

const WINE: MonitorDefinition = { reference: "wine/data/train.parquet", current: "wine/inference", time: "tasted_at", segment: "colour", prediction: "predicted", score: "score", positive: "good", label: "quality", labels: "wine/labels", id: "row_id", groups: ["seller", "region_group"], min_group: 50 };
const CHANNELS: MonitorDefinition = { reference: "churn/train.csv", current: "churn/requests", time: "at" };
const PROBLEMS: DataProblem[] = [
  { file: "wine/inference/2026-11-02T06.parquet", column: null, place: "row group 1", lost: true, message: "A row group of 210 rows could not be read; the rest of the file was.", hint: "The file may have been cut short while it was copied." },
  { file: "wine/inference/2026-11-09T12.csv", column: "alcohol", place: "line 120", lost: false, message: "“13,1” is no number here; the cell counts as another type.", hint: null },
];

let monitors: MonitorRow[] = look === "empty" ? [] : [
  { project: 1, name: "inference", definition: WINE, in_policy: true, state: look === "reading" ? "reading" : look === "failed" ? "failed" : "watching", trouble: look === "failed" ? "wine/inference is not there any more." : null, files_done: look === "reading" ? 34 : 140, files: 140, rows: 41_882, n_lost: 2, alert: { since: FIRST + 16 * 24 + 6, columns: ["color_intensity", "hue"], says: "color_intensity has moved since 3 Nov, hue since 11 Nov.", acknowledged: false, snoozed_until: null }, judged: true, table: null },
  { project: 1, name: "channels", definition: CHANNELS, in_policy: false, state: "reading", trouble: null, files_done: 34, files: 140, rows: 812_004, n_lost: 0, alert: null, judged: false, table: null },
  ...(look === "asking" ? [{ project: 1, name: "loans", definition: { reference: "wine/data/train.parquet", engine: "postgres://ada@db.example/app", table: "public.tastings", time: "tasted_at" }, in_policy: true, state: "asking" as const, trouble: null, files_done: 0, files: 0, rows: 0, n_lost: 0, alert: null, judged: false, table: { engine: "Postgres", at: "db.example/app", is_private: true, credential: "PGPASSWORD", asked: null, every_minutes: 10 } }] : []),
  { project: 2, name: "masks", definition: { reference: "masks/train", current: "masks/served" }, in_policy: false, state: "failed", trouble: "masks/train has no file of a kind that is read: Parquet, Arrow, CSV or JSON lines.", files_done: 0, files: 0, rows: 0, n_lost: 0, alert: null, judged: false, table: null },
];

/** A file more is read, as the watcher would say. */
export function advance(emit: (event: HostEvent) => void) {
  for (const row of monitors.filter((row) => row.state === "reading" || row.state === "freezing")) {
    const done = Math.min(row.files, row.files_done + 1);
    monitors = monitors.map((other) => (other === row ? { ...row, state: done === row.files ? "watching" : "reading", files_done: done, rows: row.rows + 5_800 } : other));
    emit({ type: "data", project: row.project, name: row.name });
  }
}

const reference = COLUMNS.map((_, at) => counted(at, -1, 0, 8000));
const kept = new Map<string, Counted>();
const segmentsOf = (segment: string | null) => SEGMENTS.flatMap((name, at) => (segment === null || name === segment ? [at] : []));

function found(at: number, bucket: number, segment: string | null): Counted {
  const key = `${at}/${bucket}/${segment ?? ""}`;
  let known = kept.get(key);
  if (!known) kept.set(key, (known = added(segmentsOf(segment).map((s) => counted(at, bucket, s, rowsOf(bucket, s))))));
  return known;
}

const windowOf = (buckets: readonly number[], segment: string | null) => settled(COLUMNS.map((_, at) => judged(at, reference[at]!, added(buckets.map((bucket) => found(at, bucket, segment))))));
const many = <T extends { name: string }>(columns: readonly T[]): T[] => Array.from({ length: nColumns }, (_, i) => ({ ...columns[i % columns.length]!, name: i < columns.length ? columns[i]!.name : `${columns[i % columns.length]!.name}_${Math.floor(i / columns.length)}` }));

function timeline(segment: string | null, hours: number): Timeline {
  const per = Math.max(1, Math.round(hours / HOURS));
  const groups = Array.from({ length: Math.ceil(N_BUCKETS / per) }, (_, i) => Array.from({ length: Math.min(per, N_BUCKETS - i * per) }, (_, k) => i * per + k));
  const judgedAll = groups.map((group) => (group.some((bucket) => rowsIn(bucket, segment) > 0) ? windowOf(group, segment) : null));
  const lines = COLUMNS.map((column, at) => ({
    name: column.name, band: { mean: 0.035, high: 0.062, rows: 1400 },
    points: judgedAll.map((columns) => {
      const report = columns?.[at];
      if (!report) return null;
      return { verdict: report.verdict, strength: (report.effect?.value ?? 0) / (report.effect?.threshold ?? 1), js: report.tests["js"]?.statistic ?? null, psi: report.tests["psi"]?.statistic ?? null, p_adjusted: report.p_adjusted, nulls: report.current ? report.current.nulls / Math.max(1, report.current.rows) : 0, mean: report.current?.moments?.mean ?? null };
    }),
  }));
  return {
    bucket_hours: hours,
    buckets: groups.map((group, i) => ({ from: FIRST + group[0]! * HOURS, till: FIRST + (group.at(-1)! + 1) * HOURS, rows: group.reduce((sum, bucket) => sum + rowsIn(bucket, segment), 0), verdict: judgedAll[i]?.some((column) => column.verdict === "drift") ? "drift" : judgedAll[i] ? "no_drift" : "not_judged" })),
    columns: many(lines), quality: groups.map((group) => quality(group.find((bucket) => rowsIn(bucket, segment) > 0) ?? group[0]!, segment)), usual_accuracy: [0.914, 0.889, 0.936], fairness: fairness(), segments: SEGMENTS,
  };
}

function known(project: number, name: string): MonitorRow {
  const row = monitors.find((monitor) => monitor.project === project && monitor.name === name);
  if (!row) throw new HostError("not_found", `There is no monitor ${name} here.`, "It may have been forgotten, or signalbox.toml names it no more.");
  return row;
}

function view(project: number, name: string, segment: string | null, hours: number | null): MonitorView {
  if (look === "broken") throw new HostError("internal", "The monitor's counts could not be read.", "Try again; if it stays so, forget the monitor and make it anew.");
  const row = known(project, name);
  const is = row.name === "inference" && row.state !== "failed";
  return { row, timeline: is ? timeline(segment, hours ?? HOURS) : null, digest: is ? "blake3:9f2c41d07be8" : null, reference_rows: is ? 8000 : 0, rule: RULE, problems: is ? PROBLEMS : [], n_timeless: is ? 17 : 0, n_labels: is ? 36_204 : 0, importance: is ? { color_intensity: 0.41, proline: 0.33, alcohol: 0.18, malic_acid: 0.08 } : {} };
}

function profileOf(at: number, path: string): ColumnProfile {
  const column = COLUMNS[at]!;
  const all = path.includes("train") ? reference[at]! : added([130, 131, 132, 133].map((bucket) => found(at, bucket, "white")));
  const quantiles = [[0, -3.1], [0.01, -2.3], [0.05, -1.64], [0.25, -0.67], [0.5, 0], [0.75, 0.67], [0.95, 1.64], [0.99, 2.3], [1, 3.4]] as const;
  const remarks = { density: ["Nearly constant: 99 % of the values lie within 0.7 % of the mean."], price: ["Looks like money: 41 % of the values end in .90."], free_sulfur_dioxide: ["2.0 % nulls; they come in runs of up to 84 rows."] }[column.name] ?? [];
  return {
    name: column.name, kind: column.kind, type: column.levels ? (column.kind === "boolean" ? "Boolean" : "Utf8") : "Float64", moments: column.levels ? null : { min: column.mean - 3.1 * column.std, max: column.mean + 3.4 * column.std, mean: column.mean, std: column.std }, zeros: 0, negative: 0,
    distinct: column.levels ? column.levels.length : Math.round(900 + 4000 * noise(at, 3)), quantiles: column.levels ? [] : quantiles.map(([share, z]) => [share, column.mean + z * column.std]),
    histogram: column.levels ? null : { edges: edgesOf(column), counts: all.bins.slice(1, -1) }, top: column.levels ? column.levels.map((level, i) => ({ level, rows: all.bins[i]! })) : [], remarks, rows: all.rows, nulls: all.nulls, nan: column.name === "ash" ? 4 : 0, pos_inf: 0, neg_inf: 0, mismatched: 0,
  };
}

function report(reference_: string, current: string, methods: readonly string[]): DriftReport {
  const columns = windowOf([130, 131, 132, 133, 134, 135], null).map(({ edges: _e, names: _n, expected: _x, found: _f, ...column }) => ({
    ...column, tests: { ...column.tests, ...Object.fromEntries(methods.map((name, i) => [name, { statistic: name === "ad:evidently" ? null : (column.tests["js"]?.statistic ?? 0) * (1 + i / 10), p_value: null, threshold: 0.1, n: [8000, 1490] as [number, number], refused: name === "ad:evidently" ? "It wants numbers; this column has levels." : null }])) },
  }));
  const side = (path: string) => ({ path, files: 1, dialect: null });
  return { reference: side(reference_), current: side(current), rule: RULE, verdict: "drift", columns, problems: PROBLEMS.slice(1) };
}

export const data: Pick<{ [N in keyof Commands]: Reply<N> }, "data_overview" | "data_monitor" | "data_window" | "save_monitor" | "forget_monitor" | "allow_engine" | "forbid_engine" | "look_again" | "ack_alert" | "data_profile" | "data_columns" | "data_drift" | "data_methods" | "data_rules" | "data_monitors" | "stop_work" | "save_drift"> = {
  data_overview: () => ({
    monitors,
    sources: look === "empty" ? [] : [
      { project: 1, path: "wine/data/train.parquet", is_folder: false, n_files: 1, bytes: 1_840_211, runs: [{ run: 1, name: "final", context: "training" }], dvc: { md5: "6f1ed002ab5595859014ebf0951522d9", is_same_size: true } }, { project: 1, path: "wine/data/test.parquet", is_folder: false, n_files: 1, bytes: 460_902, runs: [], dvc: null }, { project: 1, path: "wine/inference", is_folder: true, n_files: 140, bytes: 9_120_388, runs: [], dvc: null },
      { project: 1, path: "wine/labels", is_folder: true, n_files: 36, bytes: 610_204, runs: [], dvc: null }, { project: 1, path: "churn/train.csv", is_folder: false, n_files: 1, bytes: 44_120_004, runs: [], dvc: null }, { project: 1, path: "churn/requests", is_folder: true, n_files: 140, bytes: 2_204_118_000, runs: [], dvc: null }, { project: 2, path: "masks/index.csv", is_folder: false, n_files: 1, bytes: 48_112, runs: [], dvc: null },
    ],
    suggested: look === "empty" ? [] : [{ project: 1, name: "wine-served", definition: { reference: "wine/data/test.parquet", current: "wine/inference", time: "tasted_at" }, because: "Both have the same 20 columns, and wine/inference grows." }],
  }),
  data_monitor: ({ project, name, segment, hours }) => view(project, name, segment, hours),
  data_window: ({ segment, from, till }) => {
    const buckets = Array.from({ length: N_BUCKETS }, (_, bucket) => bucket).filter((bucket) => FIRST + bucket * HOURS >= from && FIRST + bucket * HOURS < till);
    const columns = windowOf(buckets, segment);
    return { rows: buckets.reduce((sum, bucket) => sum + rowsIn(bucket, segment), 0), verdict: columns.some((column) => column.verdict === "drift") ? "drift" : "no_drift", columns: many(columns) };
  },
  save_monitor: ({ project, name, definition }) => {
    const rest = monitors.filter((monitor) => !(monitor.project === project && monitor.name === name));
    monitors = [...rest, { project, name, definition, in_policy: false, state: "freezing", trouble: null, files_done: 0, files: 140, rows: 0, n_lost: 0, alert: null, judged: false, table: definition.engine ? { engine: "Postgres", at: "db.example/app", is_private: true, credential: "PGPASSWORD", asked: null, every_minutes: definition.every_minutes ?? 10 } : null }];
    return null;
  },
  forget_monitor: ({ project, name }) => {
    monitors = monitors.filter((monitor) => !(monitor.project === project && monitor.name === name));
    return null;
  },
  allow_engine: ({ project, url }) => {
    monitors = monitors.map((monitor) => (monitor.project === project && monitor.definition.engine === url ? { ...monitor, state: "reading" } : monitor));
    return null;
  },
  forbid_engine: ({ project, url }) => {
    monitors = monitors.map((monitor) => (monitor.project === project && monitor.definition.engine === url ? { ...monitor, state: "asking" } : monitor));
    return null;
  },
  look_again: () => null,
  ack_alert: ({ project, name, until }) => {
    monitors = monitors.map((monitor) => (monitor.project === project && monitor.name === name && monitor.alert ? { ...monitor, alert: { ...monitor.alert, acknowledged: until === null, snoozed_until: until } } : monitor));
    return null;
  },
  data_profile: ({ path, target, test }) => ({
    path, files: path.includes(".") ? 1 : 140, bytes: 1_840_211, rows: 8000, columns: many(COLUMNS.map((_, at) => profileOf(at, path))), duplicates: { rows: 12 },
    correlations: [{ a: "flavanoids", b: "total_phenols", spearman: 0.879, n: 8000 }, { a: "hue", b: "color_intensity", spearman: -0.71, n: 8000 }, { a: "alcohol", b: "proline", spearman: 0.63, n: 8000 }, { a: "malic_acid", b: "hue", spearman: -0.56, n: 8000 }, { a: "od280_od315", b: "flavanoids", spearman: 0.74, n: 7996 }, { a: "alcohol", b: "density", spearman: -0.48, n: 8000 }],
    shared: test ? { path: test, rows: 2000, also_here: 31 } : null, leaks: target ? [{ column: "proline", explains: 0.97, n: 2000 }] : [], problems: PROBLEMS.slice(1),
  }),
  data_drift: ({ reference: a, current, methods }) => report(a, current, methods),
  data_monitors: ({ project }) => monitors.filter((monitor) => monitor.project === project),
  stop_work: () => null,
  save_drift: () => ({ path: null }),
  data_rules: ({ name, learn, path }) => {
    const files = Array.from({ length: 140 }, (_, day) => `wine/inference/part-${String(day).padStart(3, "0")}.parquet`);
    const monitor = monitors.find((one) => one.name === name);
    return {
      from: learn || !monitor?.in_policy ? "reference" : "team", rules: { schema: "at_least", columns: { alcohol: { type: "numeric", required: true, min: 10.2, max: 15.6, max_null_share: 0.01 }, bottling: { type: "categorical", required: true, allowed: ["cork", "screw cap"] } } }, files, problems: [],
      checked: { path: path ?? files.at(-1)!, rows: 212, passes: false, problems: [], rules: [
        { column: "bottling", rule: "allowed", severity: "error", wanted: "cork, screw cap", found: "2 others", n_wrong: 31, examples: [{ file: null, row: 4, value: "glass" }, { file: null, row: 9, value: "glass" }, { file: null, row: 17, value: "can" }], passes: false },
        { column: "color_intensity", rule: "max_mean", severity: "warning", wanted: "at most 6.2", found: "7.41", n_wrong: 0, examples: [], passes: false },
        ...COLUMNS.map((column): AskedRule => ({ column: column.name, rule: "type", severity: "error", wanted: column.levels ? "categorical" : "numeric", found: column.levels ? "categorical" : "numeric", n_wrong: 0, examples: [], passes: true })),
        { column: "alcohol", rule: "min", severity: "error", wanted: "at least 10.2", found: "10.94", n_wrong: 0, examples: [], passes: true },
      ] },
    };
  },
  data_columns: () => many(COLUMNS.map((_, at) => profileOf(at, ""))).map((column) => column.name),
  data_methods: () => [
    { name: "energy", says: "The energy distance." }, { name: "cvm", says: "Cramér and von Mises' test." }, { name: "ad", says: "Anderson and Darling's test." }, { name: "mann_whitney", says: "Mann and Whitney's U." }, { name: "kl", says: "Kullback and Leibler's divergence." },
    { name: "psi:evidently", says: "PSI as Evidently makes it." }, { name: "ks:evidently", says: "Kolmogorov and Smirnov's test as Evidently makes it." }, { name: "ad:evidently", says: "Anderson and Darling's as Evidently makes it." }, { name: "wasserstein:nannyml", says: "Wasserstein's distance as NannyML makes it." },
  ],
};
