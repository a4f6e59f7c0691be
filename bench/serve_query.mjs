// serve_query.mjs FOLDER: the screen-wide query over HTTP, as the page asks it of `signalbox serve`.
import { until } from "../tests/e2e/support/processes.mjs";
import { serve } from "../tests/e2e/support/serve.mjs";

const server = await serve();
const { id } = await server.call("open_project", { path: process.argv[2] });
const run = await until("the run is read", async () => {
  const status = await server.call("status", {});
  if (status.projects.some((one) => one.scanning || one.backlog_bytes > 0)) return false;
  const { ids } = await server.call("table_ids", { project: id, filter: "", sort: [], show_deleted: false, show_hidden: true, limit: 1 });
  return ids[0];
}, { ms: 300_000, every: 100 });
await until("every point is there", async () => {
  const before = (await server.call("run", { run })).metrics[0]?.n;
  await new Promise((resolve) => setTimeout(resolve, 400));
  return before > 0 && (await server.call("run", { run })).metrics[0].n === before;
});
const ask = () => server.frame({ project: id, metric: "train/loss", runs: [run], x: "step", x0: null, x1: null, width: 1200, smooth: { kind: "none", amount: 0 } });
await ask();
const times = [];
for (let i = 0; i < 51; i++) {
  const began = performance.now();
  await ask();
  times.push(performance.now() - began);
}
times.sort((a, b) => a - b);
await server.stop();
console.log(JSON.stringify([{ name: "query_screen_whole_http", ms: times[25] }]));
