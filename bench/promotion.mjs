// promotion.mjs TARGET… [--quick]: from the click to a version that is proven to serve, on real servers.
//
// TARGET is local, mlserver, triton or ray (minutes more, and 3 GB: only where SIGNALBOX_PYTHON_RAY is set). For each:
// Signalbox's own registry, a project with a run whose model is promoted where nobody serves (first), and another
// run's model where that one serves (second). The click is the start of `signalbox apply`; the time ends when the journal
// says that the candidate was seen with all the traffic, named by its digest and with its golden request answered as
// stored. Remote calls are what a proxy before the server counted; for the local target, what the model servers' own
// access logs show, on loopback.
import { spawn } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { cli, demo, ownHome, python, root, temporaryFolder } from "../tests/e2e/support/places.mjs";
import { start, until } from "../tests/e2e/support/processes.mjs";
import { mlserver, ray, served, triton } from "./model_servers.mjs";

const BAKE_SECS = 5;
const quick = process.argv.includes("--quick");
const wanted = process.argv.slice(2).filter((one) => one && !one.startsWith("--"));
const servers = { mlserver, triton, ray };
const pythonOf = { local: python, mlserver: process.env.SIGNALBOX_PYTHON_V2, triton: process.env.SIGNALBOX_PYTHON_V2, ray: process.env.SIGNALBOX_PYTHON_RAY };
const missing = { mlserver: "SIGNALBOX_PYTHON_V2", triton: "SIGNALBOX_PYTHON_V2", ray: "SIGNALBOX_PYTHON_RAY" };
const say = (text) => process.stderr.write(`  ${text}\n`);

/** The demo's wine; where the server's Python could not read its pickles (they need NumPy 2), trained anew by that Python. */
const trained = new Map();
async function project(target) {
  if (target === "local" || target === "ray") return path.join(demo, "wine");
  const by = pythonOf[target];
  if (!trained.has(by)) {
    const folder = temporaryFolder("wine");
    fs.copyFileSync(path.join(demo, "wine/sweep.py"), path.join(folder, "sweep.py"));
    say("training the demo's wine with the servers' Python");
    const child = start(by, ["-W", "ignore", "sweep.py"], { cwd: folder });
    if ((await child.ended) !== 0) throw new Error(`sweep.py:\n${child.lines.slice(-20).join("\n")}`);
    trained.set(by, folder);
  }
  return trained.get(by);
}

class Place {
  constructor(wine, targetPolicy, loader) {
    this.folder = temporaryFolder("promotion");
    this.project = path.join(this.folder, "wine");
    this.data = path.join(this.folder, "data");
    fs.cpSync(wine, this.project, { recursive: true });
    fs.writeFileSync(path.join(this.project, "signalbox.toml"), `
[registries.own]
kind = "embedded"
[targets.there]
${targetPolicy}
[models.wine]
registry = "own"
target = "there"
alias = "champion"
# Nobody but the bench asks: the watch has its time, and its golden requests, and then goes on.
bake = { secs = ${BAKE_SECS}, max_error_rate = 0.0, min_requests = 1, too_few = "go_on" }
`);
    this.env = { ...ownHome(this.folder), SIGNALBOX_DATA_DIR: this.data, SIGNALBOX_PYTHON: loader, SIGNALBOX_USER: "bench", VIRTUAL_ENV: "" };
    // Also when the bench is stopped halfway; before its folder goes.
    process.prependListener("exit", () => this.end());
  }

  /** Runs a command to its end; its lines of JSON, each with when it came. */
  async run(...args) {
    const child = start(cli, args, { cwd: this.project, env: this.env });
    const came = [];
    child.watchers.add(() => {
      while (came.length < child.lines.length) came.push(performance.now());
    });
    const code = await child.ended;
    if (code !== 0) throw new Error(`signalbox ${args.join(" ")} ended with ${code}:\n${child.lines.filter((line) => !line.startsWith('{"')).join("\n")}${this.why(child.lines)}`);
    return child.lines.flatMap((line, i) => (line.startsWith("{") ? [{ at: came[i], ...JSON.parse(line) }] : []));
  }

  why(lines) {
    const said = lines.filter((line) => line.startsWith('{"line"')).map((line) => JSON.parse(line).line);
    return said.flatMap((line) => (line.what === "failed" || line.what === "turns back" ? line.says : [])).join("\n");
  }

  /** The person's yes to loading the project's models, which is asked once, before the first plan. */
  async allow() {
    await this.run("allow", this.project, "--models", "--yes");
  }

  async plan(run) {
    const plan = (await this.run("plan", this.project, "--run", run, "--json")).at(-1);
    const against = plan.gates.filter((gate) => gate.ruling !== "pass" && gate.ruling !== "skipped");
    if (against.length || !plan.n_golden) throw new Error(`the plan would prove nothing: ${JSON.stringify(against)}`);
    return plan;
  }

  /** What the model servers wrote into their access logs so far. */
  logged() {
    const folder = path.join(this.data, "keeper/logs");
    const logs = fs.existsSync(folder) ? fs.readdirSync(folder) : [];
    const lines = logs.flatMap((log) => fs.readFileSync(path.join(folder, log), "utf8").split("\n"));
    return lines.flatMap((line) => line.match(/"((?:GET|POST) \S+) HTTP/)?.[1] ?? []);
  }

  /** Some logged model of the project. */
  model() {
    const all = fs.readdirSync(this.project, { recursive: true }).filter((at) => /models\/m-[^/]+\/artifacts$/.test(at));
    return path.join(this.project, all.sort()[0]);
  }

  /** What keeps the local models outlives the commands: it is known by the id that it wrote down. */
  keeper() {
    const lock = path.join(this.data, "keeper/lock");
    const pid = fs.existsSync(lock) ? Number(fs.readFileSync(lock, "utf8").trim()) : 0;
    return pid > 1 && fs.existsSync(`/proc/${pid}`) ? pid : null;
  }

  end() {
    const pid = this.keeper();
    if (pid) process.kill(pid, "SIGTERM");
  }

  async close() {
    const pid = this.keeper();
    this.end();
    if (pid) await until("the keeper ends", () => !fs.existsSync(`/proc/${pid}`) || fs.readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z "), { ms: 30_000 });
  }
}

/** Carries a plan out. `counted(since, till)` gives what was asked of the server in between. */
async function promote(place, run, counted) {
  await place.allow();
  const plan = await place.plan(run);
  const click = performance.now();
  const lines = (await place.run("apply", plan.row.id, "--yes", "--json")).filter(({ line }) => line);
  const proven = lines.find(({ line }) => line.what === "seen" && line.says.some((text) => text.includes("has 100 % of the traffic")));
  if (!proven?.line.proof.some((text) => /golden requests? answered as stored/.test(text))) throw new Error(`${run}: it serves, and is not proven: ${JSON.stringify(proven?.line)}`);
  const committed = lines.find(({ line }) => line.what === "committed");
  const asked = lines.filter(({ line }) => line.what === "asks");
  const steps = asked.map(({ at, line }) => {
    const seen = lines.find((one) => one.line.what === "seen" && one.line.step === line.step);
    return { title: line.title, ms: seen.at - at };
  });
  return { proven: proven.at - click, committed: committed.at - click - BAKE_SECS * 1000, steps, calls: counted(click, committed.at), callsToProven: counted(click, proven.at) };
}

async function round(target) {
  const server = target === "local" ? null : await servers[target](pythonOf[target]);
  const place = new Place(await project(target), server?.policy ?? 'kind = "local"', target === "ray" ? python : pythonOf[target]);
  try {
    const counted = (since, till) => server.calls().filter(({ at }) => at >= since && at <= till);
    if (server) await place.run("allow", place.project, "--yes");
    const both = {};
    for (const [name, run] of [["first", "final"], ["second", "final-runner-up"]]) {
      const before = place.logged().length;
      // An access log has no exact times: its calls are counted at the end only.
      const ofLog = () => place.logged().slice(before).map((what) => ({ what }));
      both[name] = await promote(place, run, server ? counted : ofLog);
      both[name].alone = server ? longestLoad(both[name].callsToProven) : await served(python, place.model());
    }
    return both;
  } finally {
    await place.close();
    await server?.close();
  }
}

/** What of the time is the server's own: loading the model and its libraries. */
const longestLoad = (calls) => Math.max(0, ...calls.filter(({ what }) => /^POST .*\/load$/.test(what)).map(({ ms }) => ms)) || null;
const ALONE = { local: "`mlflow models serve` by hand, until it answers", mlserver: "the server's own load alone", triton: "the server's own load alone" };

/** The best of the rounds counts, as with all our figures; the calls are those of the best one. */
async function measure(target) {
  const rounds = [];
  for (let i = 0; i < (quick ? 1 : 3); i++) rounds.push(await round(target));
  return ["first", "second"].flatMap((name) => {
    const all = rounds.map((one) => one[name]);
    const best = all.reduce((a, b) => (b.proven < a.proven ? b : a));
    table(target, name, best, all);
    const key = `promotion_${target}_${name}`;
    const rows = [
      { name: `${key}_ms`, value: best.proven, unit: "ms", peer: best.alone && ALONE[target], peer_value: best.alone && Math.min(...all.map((one) => one.alone)) },
      { name: `${key}_committed_ms`, value: Math.min(...all.map((one) => one.committed)), unit: "ms" },
      { name: `${key}_calls`, value: best.calls.length, unit: "calls" },
    ];
    if (target !== "local") rows.push({ name: `${key}_calls_to_proven`, value: best.callsToProven.length, unit: "calls" });
    return rows;
  }).concat(steps(target));
}

function table(target, name, best, all) {
  const seconds = (ms) => `${(ms / 1000).toFixed(2)} s`;
  say(`${target}, ${name}: proven after ${all.map((one) => seconds(one.proven)).join(", ")}; committed, without the watch's ${BAKE_SECS} s, after ${all.map((one) => seconds(one.committed)).join(", ")}`);
  if (best.alone) say(`  ${all.map((one) => seconds(one.alone)).join(", ")}: ${ALONE[target]}`);
  for (const step of best.steps) say(`  ${seconds(step.ms).padStart(8)}  ${step.title}`);
  const kinds = new Map();
  for (const { what } of best.calls) kinds.set(what, (kinds.get(what) ?? 0) + 1);
  for (const [call, n] of [...kinds].sort((a, b) => b[1] - a[1])) say(`  ${String(n).padStart(8)}  ${call}`);
}

/** By hand: the numbered lines of docs/benchmarks.md, so that the figure and the list are one. */
function steps(target) {
  const doc = fs.readFileSync(path.join(root, "docs/benchmarks.md"), "utf8");
  const of = (heading) => doc.split(`\n### ${heading}\n`)[1]?.split("\n#")[0].match(/^\d+\. /gm)?.length ?? 0;
  const [ui, hand, ours] = [of("MLflow's UI"), of(`By hand: ${target}`), of("Signalbox")];
  if (!ui || !hand || !ours) throw new Error(`docs/benchmarks.md does not list the steps for ${target}`);
  return [{ name: `promotion_${target}_steps`, value: ours, unit: "steps", peer: `MLflow's UI, then by hand`, peer_value: ui + hand }];
}

/** Runs this for one target where nothing but loopback is; all that it starts ends with it. */
function inNamespace(target) {
  const inside = ["--net", "--pid", "--fork", "--kill-child", "--mount-proc", "--", "sh", "-c", 'PATH="$PATH:/usr/sbin:/sbin"; ip link set lo up && exec "$@"', "sh"];
  const flags = process.getuid() === 0 ? inside : ["--map-root-user", ...inside];
  const self = [process.execPath, fileURLToPath(import.meta.url), target, ...(quick ? ["--quick"] : [])];
  const child = spawn("unshare", [...flags, ...self], { stdio: ["ignore", "pipe", "inherit"], env: { ...process.env, SIGNALBOX_BENCH_INSIDE: "1" } });
  let said = "";
  child.stdout.on("data", (text) => (said += text));
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => (code === 0 ? resolve(JSON.parse(said.trim().split("\n").at(-1))) : reject(new Error(`${target}: ended with ${code}`))));
  });
}

const rows = [];
for (const target of wanted) {
  if (!pythonOf[target]) {
    say(`${target}: skipped, as ${missing[target]} names no Python that has it`);
    continue;
  }
  rows.push(...(target === "ray" && !process.env.SIGNALBOX_BENCH_INSIDE ? await inNamespace(target) : await measure(target)));
}
console.log(JSON.stringify(rows));
process.exit(0);
