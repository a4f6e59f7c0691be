// monitor.mjs PROJECT: a monitor over year/ in PROJECT against year.ref.parquet, through `signalbox serve`: how long until
// all is counted, until a new file is in what is drawn, and what a window costs. `coming.parquet` is the new file.
import fs from "node:fs";
import path from "node:path";
import { pause, until } from "../tests/e2e/support/processes.mjs";
import { serve } from "../tests/e2e/support/serve.mjs";
import { temporaryFolder } from "../tests/e2e/support/places.mjs";

const [project] = process.argv.slice(2);
const home = temporaryFolder("home");
const WINDOWS = 60;
const FILES = 9;
const definition = { reference: "year.ref.parquet", current: "year", time: "ts" };
const median = (times) => times.toSorted((a, b) => a - b)[times.length >> 1];
const ticks = (pid) => {
  const stat = fs.readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
};
const peak = (pid) => Number(fs.readFileSync(`/proc/${pid}/status`, "utf8").match(/VmHWM:\s+(\d+)/)[1]) / 1024;

async function timed(work) {
  const began = performance.now();
  const found = await work();
  return [performance.now() - began, found];
}

async function opened() {
  const server = await serve({ home });
  const { id } = await server.call("open_project", { path: project });
  const monitor = () => server.call("data_overview", {}).then((overview) => overview.monitors.find((one) => one.name === "year"));
  const watching = () => until("all is counted", async () => {
    const row = await monitor();
    if (row?.state === "failed") throw new Error(row.trouble);
    return row?.state === "watching" && row.files_done === row.files && row;
  }, { ms: 600_000, every: 20 });
  return { server, id, monitor, watching };
}

const rows = [];
const add = (name, value, unit, goal, met) => rows.push({ name, value, unit, goal, met });

let { server, id, monitor, watching } = await opened();
await until("the walk is over", async () => !(await server.call("status", {})).projects.some((one) => one.scanning));
const before = ticks(server.child.pid);
await server.call("save_monitor", { project: id, name: "year", definition });
const [first, row] = await timed(watching);
add("first_profile", row.files / (first / 1000), "files/s");
add("first_profile_rows", row.rows / (first / 1000), "rows/s");
add("first_profile_wall", first / 1000, "s");
add("first_profile_cpu", ticks(server.child.pid) - before, "CPU s");

const view = await server.call("data_monitor", { project: id, name: "year" });
const { buckets } = view.timeline;
const [from, till] = [buckets[0].from, buckets.at(-1).till];
// Of every length, wherever they begin; the longest is the whole year.
const windows = Array.from({ length: WINDOWS }, (_, i) => {
  const length = Math.max(1, Math.round((till - from) ** (i / (WINDOWS - 1))));
  const begin = from + Math.floor((till - from - length) * ((i * 0.618) % 1));
  return [begin, begin + length];
});
const costs = [];
for (const [begin, end] of windows) costs.push((await timed(() => server.call("data_window", { project: id, name: "year", from: begin, till: end })))[0]);
add("window_median", median(costs), "ms");
add("window_slowest", Math.max(...costs), "ms", "< 100 ms", Math.max(...costs) < 100);
const timelines = [];
for (let i = 0; i < 7; i++) timelines.push((await timed(() => server.call("data_monitor", { project: id, name: "year" })))[0]);
add("timeline", median(timelines), "ms");

const news = [];
process.on("exit", () => {
  for (let n = 0; n < FILES; n++) fs.rmSync(path.join(project, "year", `new-${n}.parquet`), { force: true });
});
for (let n = 0; n < FILES; n++) {
  const { rows: had } = await monitor();
  const to = path.join(project, "year", `new-${n}.parquet`);
  fs.copyFileSync(path.join(project, "coming.parquet"), `${to}.part`);
  const began = performance.now();
  fs.renameSync(`${to}.part`, to);
  // In what the page draws, not only counted.
  await until("the new rows are drawn", async () => {
    const now = await server.call("data_monitor", { project: id, name: "year" });
    return now.timeline.buckets.reduce((sum, bucket) => sum + bucket.rows, 0) > had;
  }, { ms: 30_000, every: 10 });
  news.push(performance.now() - began);
  await pause(300);
}
for (let n = 0; n < FILES; n++) fs.rmSync(path.join(project, "year", `new-${n}.parquet`));
add("new_file_median", median(news), "ms");
add("new_file_slowest", Math.max(...news), "ms", "< 1000 ms", Math.max(...news) < 1000);
await pause(3000);
await watching();
await pause(5000);
const idleFrom = ticks(server.child.pid);
await pause(20_000);
add("idle", ((ticks(server.child.pid) - idleFrom) / 20) * 100, "% CPU");
add("peak", peak(server.child.pid), "MiB");
await server.stop();

// Started again, nothing is read twice.
({ server, id, monitor, watching } = await opened());
add("again", (await timed(watching))[0] / 1000, "s");
await server.stop();
console.log(JSON.stringify(rows));
