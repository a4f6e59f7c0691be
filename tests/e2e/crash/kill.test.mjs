// SIGKILL at twenty random moments of reading: after the next start every point is there, once.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { before, test } from "node:test";
import { generate, temporaryFolder } from "../support/places.mjs";
import { pause, until } from "../support/processes.mjs";
import { serve } from "../support/serve.mjs";

const ROUNDS = 20;
const RUNS = 12;
const STEPS = 15_000;
const METRICS = 6;
const TOTAL = RUNS * STEPS * METRICS;
let project;
let whole;

/** What the store holds of the project, once it has read all of it. */
async function readToEnd(server) {
  const { id } = await server.call("open_project", { path: project });
  const runs = await until(
    "every run and point is there",
    async () => {
      const status = await server.call("status", {});
      const watching = status.projects.find((one) => one.project === id);
      if (!watching || watching.scanning || watching.backlog_bytes > 0) return false;
      const ids = await server.call("table_ids", { project: id, filter: "", sort: [], show_deleted: false, show_hidden: true, limit: 1000 });
      if (ids.ids.length < RUNS) return false;
      const details = await Promise.all(ids.ids.map((run) => server.call("run", { run })));
      const n = details.flatMap((run) => run.metrics).reduce((sum, metric) => sum + metric.n, 0);
      return n >= TOTAL ? details : false;
    },
    { ms: 60_000, every: 100 },
  );
  const { text } = await server.call("export_csv", { project: id, runs: runs.map((run) => run.id), metrics: ["val/loss"] });
  const problems = await server.call("problems", { project: id, limit: 10 });
  const counts = runs.map((run) => [run.row.name, run.metrics.map((m) => [m.name, m.n, m.last_step, m.min, m.max, m.last])]).sort();
  // Sorted: the order of runs is the order in which they were found.
  return { counts, csv: text.trim().split("\n").sort(), problems: problems.total };
}

before(async () => {
  project = temporaryFolder("crash");
  execFileSync(generate, [project, String(RUNS), String(STEPS)]);
  const server = await serve();
  whole = await readToEnd(server);
  await server.stop();
  for (const [run, metrics] of whole.counts) {
    assert.equal(metrics.length, METRICS, run);
    for (const [name, n, last] of metrics) assert.deepEqual([name, n, last], [name, STEPS, STEPS - 1]);
  }
  assert.equal(whole.csv.length, 1 + RUNS * STEPS);
});

let midway = 0;
for (let round = 1; round <= ROUNDS; round++) {
  test(`killed while reading, ${round} of ${ROUNDS}`, async (t) => {
    // Anywhere from the first bytes to the last ones.
    const target = Math.floor(Math.random() * TOTAL);
    const first = await serve();
    const { id } = await first.call("open_project", { path: project });
    let seen = 0;
    await until("the reading has come that far", async () => {
      const status = await first.call("status", {});
      seen = status.n_points;
      return seen >= target || (status.projects.find((one) => one.project === id)?.scanning === false && seen >= TOTAL);
    }, { every: 2, ms: 60_000 });
    await pause(Math.random() * 25);
    await first.kill();
    if (seen < TOTAL) midway++;
    t.diagnostic(`killed after ${seen} of ${TOTAL} points`);
    const second = await serve({ home: first.home });
    const after = await readToEnd(second);
    await second.stop();
    assert.deepEqual(after.counts, whole.counts);
    const differs = after.csv.findIndex((line, i) => line !== whole.csv[i]);
    assert.equal(differs, -1, `exported ${after.csv.length} lines; ${after.csv[differs]} instead of ${whole.csv[differs]}`);
    assert.equal(after.csv.length, whole.csv.length);
    assert.equal(after.problems, whole.problems);
  });
}

test("most rounds were killed in the middle", () => assert.ok(midway >= ROUNDS / 2, `${midway} of ${ROUNDS}`));
