// opened.mjs HOME FOLDER RUNS [IDLE_SECONDS]: `signalbox serve` with its store in HOME opens FOLDER, which holds RUNS runs.
// Run again with the same HOME it finds what it kept. Told are, in ms since the program was started: `table`, when the
// table has every run; `right`, after which nothing of it changes any more, with the walk over and nothing left to read;
// and its CPU seconds until then, its peak memory in MiB, and how busy it is afterwards.
import fs from "node:fs";
import { pause } from "../tests/e2e/support/processes.mjs";
import { serve } from "../tests/e2e/support/serve.mjs";

const [home, folder, nRuns, idleSeconds] = [process.argv[2], process.argv[3], Number(process.argv[4]), Number(process.argv[5] ?? 0)];
const QUIET_MS = 3000;
const LIMIT_MS = 900_000;

fs.mkdirSync(home, { recursive: true });
const began = performance.now();
const server = await serve({ home });
const { pid } = server.child;
const ticks = () => {
  const stat = fs.readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
};
const { id } = await server.call("open_project", { path: folder });
const query = { project: id, filter: "", sort: [], columns: [], offset: 0, limit: 1, show_deleted: true, show_hidden: true };

let [table, right, total, cpu, seen] = [null, null, 0, 0, ""];
for (;;) {
  const [status, page] = [await server.call("status", {}), await server.call("table", query)];
  const now = performance.now() - began;
  const { scanning, backlog_bytes, read_bytes } = status.projects.find((one) => one.project === id);
  total = page.total;
  if (total >= nRuns) table ??= now;
  const state = JSON.stringify([scanning, backlog_bytes, read_bytes, page.version, total, status.n_points, status.n_live]);
  if (state !== seen || scanning || backlog_bytes > 0) [seen, right, cpu] = [state, now, ticks()];
  if (now - right > QUIET_MS) break;
  if (now > LIMIT_MS) throw new Error(`${folder} was not read within ${LIMIT_MS / 1000} s: ${state}`);
  // Often enough for the figure; asking takes processor time too.
  await pause(now - right > 500 ? 100 : 20);
}
if (total !== nRuns) throw new Error(`${folder} holds ${nRuns} runs, the table has ${total}`);
const rows = [
  { name: "table", value: table, unit: "ms" },
  { name: "right", value: right, unit: "ms" },
  { name: "cpu", value: cpu, unit: "CPU s" },
  { name: "peak", value: Number(fs.readFileSync(`/proc/${pid}/status`, "utf8").match(/VmHWM:\s+(\d+)/)[1]) / 1024, unit: "MiB" },
];
if (idleSeconds > 0) {
  await pause(8000);
  const [before, from] = [ticks(), performance.now()];
  await pause(idleSeconds * 1000);
  rows.push({ name: "idle", value: ((ticks() - before) / ((performance.now() - from) / 1000)) * 100, unit: "% CPU" });
}
await server.stop();
console.log(JSON.stringify(rows));
