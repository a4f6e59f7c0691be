// SIGKILL of `signalbox apply` after each line that it prints, on the demo's model and the local target: what was cut
// short is told, goes on or back, and nothing is there twice or half.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { after, before, test } from "node:test";
import { cli, demo, ownHome, python, temporaryFolder } from "../support/places.mjs";
import { start, until } from "../support/processes.mjs";

const POLICY = `
[registries.own]
kind = "embedded"
[targets.here]
kind = "local"
[models.wine]
registry = "own"
target = "here"
alias = "champion"
bake = { secs = 1, max_error_rate = 0.0, min_requests = 1, too_few = "go_on" }
`;
const RUNS = ["final", "final-runner-up"];
const home = ownHome();
const env = { ...process.env, ...home, SIGNALBOX_PYTHON: python, SIGNALBOX_USER: "ada", NO_COLOR: "1" };
const data = path.join(home.HOME, "own");
let project;
let n_promotions = 0;
/** What serves: the alias says so too. */
let serving = null;

/** Runs a command to its end. */
function run(...args) {
  return new Promise((resolve) => {
    execFile(cli, ["--data-dir", data, ...args], { env, maxBuffer: 64 << 20 }, (error, out, err) => {
      resolve({ code: error ? error.code : 0, out, err });
    });
  });
}

async function json(...args) {
  const said = await run(...args, "--json");
  assert.equal(said.code, 0, `${args.join(" ")}: ${said.out}${said.err}`);
  return JSON.parse(said.out);
}

const versions = async () => {
  const { registries } = await json("models", project);
  return registries.flatMap((registry) => registry.models).find((model) => model.name === "wine")?.versions ?? [];
};
const service = async () => (await json("status", project)).services.find((one) => one.service === "wine");

/** Another run than the last one, so that the artifact changes too. */
const plan = () => json("plan", project, "--run", RUNS[n_promotions++ % RUNS.length]);

/** Carries a plan out; killed right after its `line`-th line, or once it is seen to load after that, or never. */
async function apply(id, line = Infinity, whileLoading = false) {
  const child = start(cli, ["--data-dir", data, "apply", id, "--yes", "--json"], { env });
  const said = () => child.lines.filter((text) => text.startsWith("{")).map((text) => JSON.parse(text));
  const lines = () => said().filter((one) => one.type === "line").map((one) => one.line);
  // The process alone, as if it crashed: what serves goes on.
  let shot = false;
  child.watchers.add(() => {
    if (shot || child.isOver || lines().length < line) return;
    shot = true;
    const kill = () => child.isOver || process.kill(child.pid, "SIGKILL");
    if (whileLoading) until("it loads", async () => lines().length > line || (await service()).loaded.some((one) => !one.ready), { ms: 60_000 }).finally(kill);
    else kill();
  });
  const code = await child.ended;
  return { code, lines: lines(), end: said().find((one) => one.type === "end")?.plan, all: child.lines };
}

/** Alias and traffic say the same, by one version alone, and the audit holds. */
async function consistent(wanted, about) {
  const now = await service();
  const busy = now?.loaded.filter((one) => one.share > 0).map((one) => [one.version, one.share, one.proven]) ?? [];
  assert.deepEqual(busy, wanted === null ? [] : [[wanted, 100, true]], about);
  assert.equal(now?.alias?.version ?? null, wanted, about);
  if (wanted !== null) assert.equal(now.alarm, null, about);
  const check = await json("audit", "verify");
  assert.equal(check.broken, null, about);
}

let whole;
before(async () => {
  project = path.join(temporaryFolder("promoted"), "wine");
  fs.cpSync(path.join(demo, "wine"), project, { recursive: true });
  fs.writeFileSync(path.join(project, "signalbox.toml"), POLICY);
  const allowed = await run("allow", project, "--models", "--yes");
  assert.equal(allowed.code, 0, allowed.err);
  // One that nobody kills, over none; and one over that, whose lines are those that the others are killed after.
  for (let n = 0; n < 2; n++) {
    whole = await apply((await plan()).row.id);
    assert.equal(whole.code, 0, whole.all.join("\n"));
    serving = whole.end.version;
  }
  await consistent(serving, "unkilled");
  assert.ok(whole.lines.length >= 16, `${whole.lines.length} lines`);
});

after(async () => {
  // By its id, which it wrote into its folder; its model servers end with it.
  const lock = path.join(data, "keeper/lock");
  if (!fs.existsSync(lock)) return;
  const pid = Number(fs.readFileSync(lock, "utf8"));
  process.kill(pid, "SIGTERM");
  for (let n = 0; n < 600 && fs.existsSync(`/proc/${pid}`); n++) await new Promise((resolve) => setTimeout(resolve, 50));
});

test("killed after any line, it goes on or back", { timeout: 900_000 }, async (t) => {
  const notes = [];
  const moments = whole.lines.map((_, n) => [n + 1, n % 2 === 1]);
  // And while the model is being loaded, which goes on without us.
  const loading = whole.lines.findIndex((line) => line.what === "asks" && /^Load /.test(line.title));
  assert.ok(loading > 0);
  moments.unshift([loading + 1, true, true]);
  for (const [moment, onwards, whileLoading] of moments) {
    const at = whole.lines[moment - 1];
    const about = `killed after line ${moment} (${at.what}${at.title ? ` ${at.title}` : ""})`;
    const known = new Set((await versions()).map((one) => one.version));
    const { row } = await plan();
    const killed = await apply(row.id, moment, whileLoading);
    if (killed.code === 0) {
      // Its last line: it may have ended by itself.
      assert.ok(moment === whole.lines.length, `${about}: it ended by itself`);
    } else assert.equal(killed.code, "SIGKILL", `${about}: ${killed.all.join("\n")}`);

    const { plans } = await json("status", project);
    const open = plans.find((one) => one.row.id === row.id);
    const added = async () => (await versions()).filter((one) => !known.has(one.version));
    if (!open) {
      const fresh = await added();
      assert.deepEqual(fresh.map((one) => one.state), ["ready"], `${about}: it has ended`);
      serving = fresh[0].version;
      notes.push(`${moment} ended`);
    } else {
      assert.equal(open.row.state, "cut_short", about);
      // Nobody else is there, and everything can be looked at.
      assert.ok(["between", "done", "not_done", "under_way"].includes(open.standing), `${about}: ${open.standing}`);
      const resumed = await run("resume", row.id, onwards ? "--go-on" : "--go-back", "--json");
      const end = JSON.parse(resumed.out.trim().split("\n").at(-1)).plan;
      assert.equal(resumed.code, 0, `${about}, stood ${open.standing}: ${resumed.out}${resumed.err}`);
      assert.equal(end.row.state, onwards ? "committed" : "taken_back", about);
      const fresh = await added();
      if (onwards) {
        assert.deepEqual(fresh.map((one) => one.state), ["ready"], `${about}: one version carries the plan's key`);
        serving = fresh[0].version;
        const report = await json("audit", "report", "wine", serving);
        assert.deepEqual(report.promotions.map((one) => one.row.id), [row.id], about);
      } else assert.ok(fresh.every((one) => one.state === "withdrawn") && fresh.length <= 1, `${about}: ${JSON.stringify(fresh)}`);
      const loaded = (await service()).loaded.map((one) => one.version);
      assert.deepEqual(loaded, [serving], `${about}: nothing else is left loaded`);
      const again = await run("resume", row.id, "--go-on");
      assert.equal(again.code, 3, `${about}: it has ended`);
      notes.push(`${moment} ${open.standing} → ${end.row.state}`);
    }
    await consistent(serving, about);
  }
  t.diagnostic(notes.join(", "));
  assert.equal(notes.length, moments.length);
});
