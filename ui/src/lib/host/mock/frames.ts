import type { FrameArgs, Smooth } from "../wire";
import { curve, type MockRun } from "./runs";

interface Line {
  run: number;
  x: number[];
  y: number[];
  rawX: number[];
  rawY: number[];
  markX: number[];
  markKind: number[];
  total: number;
}

/** The binary layout of a frame ("SBF1"), little endian, arrays at multiples of eight bytes. */
export function encodeFrame(args: FrameArgs, runs: readonly MockRun[]): ArrayBuffer {
  const lines = runs.filter((run) => run.metrics.has(args.metric)).map((run) => lineOf(args, run));
  const words = lines.reduce((sum, line) => sum + 4 + 2 * (line.x.length + line.rawX.length + line.markX.length), 4);
  const view = new DataView(new ArrayBuffer(words * 8));
  let at = 0;
  const u32 = (value: number) => {
    view.setUint32(at, value, true);
    at += 4;
  };
  const f64 = (values: readonly number[]) => {
    for (const value of values) {
      view.setFloat64(at, value, true);
      at += 8;
    }
  };
  for (const letter of "SBF1") view.setUint8(at++, letter.charCodeAt(0));
  u32(1);
  u32(lines.length);
  u32(lines.some((line) => line.total > line.x.length) ? 1 : 0);
  const xs = lines.flatMap((line) => [line.x[0] ?? 0, line.x.at(-1) ?? 0]);
  f64([xs.length ? Math.min(...xs) : 0, xs.length ? Math.max(...xs) : 0]);
  for (const line of lines) {
    u32(line.run);
    u32(line.x.length);
    u32(line.rawX.length);
    u32(line.markX.length);
    u32(line.total);
    u32(0);
    u32(line.total > line.x.length ? 1 : 0);
    u32(0);
    for (const values of [line.x, line.y, line.rawX, line.rawY, line.markX, line.markKind]) f64(values);
  }
  return view.buffer as ArrayBuffer;
}

function lineOf(args: FrameArgs, run: MockRun): Line {
  const n = run.metrics.get(args.metric)?.n ?? 0;
  const toX = (step: number) => (args.x === "step" ? step : args.x === "relative" ? step * 1.7 : run.started + step * 1.7);
  const stride = Math.max(1, Math.floor(n / Math.max(1, args.width * 2)));
  const line: Line = { run: run.id, x: [], y: [], rawX: [], rawY: [], markX: [], markKind: [], total: 0 };
  for (let step = 0; step < n; step += stride) {
    const x = toX(step);
    if ((args.x0 !== null && x < args.x0) || (args.x1 !== null && x > args.x1)) continue;
    line.total += stride;
    const y = curve(run, args.metric, step);
    line.x.push(x);
    line.y.push(Number.isFinite(y) ? y : NaN);
    if (!Number.isFinite(y)) {
      line.markX.push(x);
      line.markKind.push(Number.isNaN(y) ? 1 : y > 0 ? 2 : 3);
    }
  }
  if (args.smooth.kind !== "none" && args.smooth.amount > 0) {
    line.rawX = [...line.x];
    line.rawY = [...line.y];
    line.y = smoothed(line.y, args.smooth);
  }
  return line;
}

function smoothed(values: readonly number[], smooth: Smooth): number[] {
  const weight = smooth.kind === "ema" ? smooth.amount : Math.min(0.98, smooth.amount > 1 ? 1 - 1 / smooth.amount : smooth.amount);
  let sum = 0;
  let debias = 1;
  return values.map((value) => {
    if (!Number.isFinite(value)) return NaN;
    sum = sum * weight + value * (1 - weight);
    debias *= weight;
    return sum / (1 - debias);
  });
}
