// Child processes that are stopped by their own id, whatever happens to the test.
import { spawn } from "node:child_process";

const living = new Set();
const killAll = () => living.forEach((child) => signalGroup(child, "SIGKILL"));
process.on("exit", killAll);
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => process.exit(1));

function signalGroup(child, signal) {
  try {
    process.kill(-child.pid, signal);
  } catch {
    // Already gone.
  }
}

/** Starts a program in a process group of its own; `lines` collects what it prints. */
export function start(command, args, { env = {}, cwd, stdio = ["ignore", "pipe", "pipe"] } = {}) {
  const child = spawn(command, args, { cwd, env: { ...process.env, ...env }, stdio, detached: true });
  living.add(child);
  child.lines = [];
  child.watchers = new Set();
  for (const stream of [child.stdout, child.stderr]) {
    let rest = "";
    stream?.setEncoding("utf8").on("data", (text) => {
      const parts = (rest + text).split("\n");
      rest = parts.pop();
      child.lines.push(...parts);
      child.watchers.forEach((look) => look());
    });
  }
  child.ended = new Promise((resolve) => {
    child.on("error", (error) => {
      child.lines.push(String(error));
      living.delete(child);
      resolve(null);
    });
    child.on("close", (code, signal) => {
      living.delete(child);
      child.isOver = true;
      resolve(code ?? signal);
      child.watchers.forEach((look) => look());
    });
  });
  return child;
}

/** The first line that matches, or an error with everything that was printed. */
export function lineOf(child, pattern, ms = 60_000) {
  return new Promise((resolve, reject) => {
    const done = (settle, value) => {
      clearTimeout(timer);
      child.watchers.delete(look);
      settle(value);
    };
    const look = () => {
      for (const line of child.lines) {
        const match = line.match(pattern);
        if (match) return done(resolve, match);
      }
      if (child.isOver) done(reject, new Error(`ended before ${pattern}:\n${child.lines.join("\n")}`));
    };
    const timer = setTimeout(() => done(reject, new Error(`no ${pattern} within ${ms} ms:\n${child.lines.join("\n")}`)), ms);
    child.watchers.add(look);
    look();
  });
}

/** Asks a group to end, then makes it. */
export async function stop(child, ms = 4000) {
  if (child.isOver) return child.ended;
  signalGroup(child, "SIGTERM");
  const timer = setTimeout(() => signalGroup(child, "SIGKILL"), ms);
  const code = await child.ended;
  clearTimeout(timer);
  return code;
}

/** SIGKILL, to the whole group. */
export function kill(child) {
  signalGroup(child, "SIGKILL");
  return child.ended;
}

export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Asks until the answer is truthy. What it said last goes into the error. */
export async function until(what, ask, { ms = 45_000, every = 40 } = {}) {
  const end = Date.now() + ms;
  let last;
  for (;;) {
    try {
      last = await ask();
      if (last) return last;
    } catch (error) {
      last = error;
    }
    if (Date.now() > end) throw new Error(`not within ${ms} ms: ${what} (last: ${last instanceof Error ? last.message : JSON.stringify(last)})`);
    await pause(every);
  }
}
