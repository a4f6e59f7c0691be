// idle.mjs FOLDER RUNS SECONDS: processor time and memory of the window and its WebKit processes with a project open.
import fs from "node:fs";
import { pause, until } from "../tests/e2e/support/processes.mjs";
import { closeDisplay, openWindow } from "../tests/e2e/support/window.mjs";

const [folder, nRuns, seconds] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4])];
const stat = (pid) => fs.readFileSync(`/proc/${pid}/stat`, "utf8");
const fields = (pid) => stat(pid).slice(stat(pid).lastIndexOf(")") + 2).split(" ");

/** The program and everything below it (WebKit's web and network processes). */
function family(root) {
  const all = fs.readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  const parents = new Map(all.flatMap((pid) => {
    try {
      return [[Number(pid), Number(fields(pid)[1])]];
    } catch {
      return [];
    }
  }));
  const below = new Set([root]);
  for (let grew = true; grew; ) {
    grew = false;
    for (const [pid, parent] of parents) if (below.has(parent) && !below.has(pid)) grew = !!below.add(pid);
  }
  return [...below];
}

const cpuSeconds = (pids) => pids.reduce((sum, pid) => sum + (Number(fields(pid)[11]) + Number(fields(pid)[12])) / 100, 0);
const memory = (pids, key) => pids.reduce((sum, pid) => sum + Number(fs.readFileSync(`/proc/${pid}/smaps_rollup`, "utf8").match(new RegExp(`^${key}:\\s+(\\d+)`, "m"))?.[1] ?? 0), 0) / 1024;

const window = await openWindow({ args: [folder] });
await until("all runs are in the table", () => window.session.run((n) => Number(document.querySelector('[role="grid"]')?.getAttribute("aria-rowcount")) >= n, nRuns), { ms: 120_000, every: 250 });
await pause(8000);
const pids = family(window.pid);
const before = cpuSeconds(pids);
const tasks = () => new Map(pids.flatMap((pid) => fs.readdirSync(`/proc/${pid}/task`).map((task) => [`${pid}/task/${task}`, cpuSeconds([`${pid}/task/${task}`])])));
const tasksBefore = process.env.BENCH_DETAIL ? tasks() : new Map();
const began = performance.now();
await pause(seconds * 1000);
const busy = (cpuSeconds(pids) - before) / ((performance.now() - began) / 1000);
if (process.env.BENCH_DETAIL) {
  // By thread, for finding out who.
  const used = [...tasks()].map(([task, at]) => [at - (tasksBefore.get(task) ?? 0), fs.readFileSync(`/proc/${task}/comm`, "utf8").trim()]);
  for (const [time, name] of used.sort((a, b) => b[0] - a[0]).filter(([time]) => time > 0)) console.error(`${time.toFixed(2)} s ${name}`);
}
const rows = [
  { name: "idle/cpu", value: busy * 100, unit: "% CPU" },
  { name: "idle/memory_pss", value: memory(pids, "Pss"), unit: "MB" },
  { name: "idle/memory_rss", value: memory(pids, "Rss"), unit: "MB" },
];
await window.close();
await closeDisplay();
console.log(JSON.stringify(rows));
