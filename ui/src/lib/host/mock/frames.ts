import { mockFrame, mockLine, type MockLine } from "$lib/chart/mock-frames";
import type { FrameArgs } from "../wire";
import { curve, EXTRA_METRICS, type MockRun } from "./runs";

/** A frame as the backend would send it. The table's metrics follow the runs' own curves; the extra ones have theirs. */
export function encodeFrame(args: FrameArgs, runs: readonly MockRun[]): ArrayBuffer {
  const byId = new Map(runs.map((run) => [run.id, run]));
  return mockFrame(args, (id, metric) => {
    const run = byId.get(id);
    if (!run?.metrics.has(metric)) return null;
    return EXTRA_METRICS.includes(metric) ? mockLine(id % 1_000_000, metric) : lineOf(run, metric);
  });
}

const lines = new Map<string, MockLine>();

function lineOf(run: MockRun, metric: string): MockLine {
  const n = run.metrics.get(metric)?.n ?? 0;
  const key = `${run.id}|${metric}`;
  const known = lines.get(key);
  if (known?.steps.length === n) return known;
  const steps = Float64Array.from({ length: n }, (_, step) => step);
  const line: MockLine = {
    steps,
    times: steps.map((step) => run.started + step * 1.7),
    values: steps.map((step) => curve(run, metric, step)),
    rewinds: run.id % 6 === 5 && n > 40 ? [Math.floor(n * 0.4), Math.floor(n * 0.66)] : [],
  };
  lines.set(key, line);
  return line;
}
