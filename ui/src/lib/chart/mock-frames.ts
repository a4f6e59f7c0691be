// Deterministic curves for the mock host: noisy losses, late starters, divergence to NaN and infinity, rewinds,
// single points, a million points. Smoothing and decimation are done here as the backend does them.
import type { FrameArgs, Smooth } from "$lib/host/wire";
import { encodeFrame, type EncodeSeries } from "./encode";
import { MARK_NAN, MARK_NEG_INF, MARK_POS_INF, MARK_REWIND } from "./frame";

export interface MockLine {
  steps: Float64Array;
  times: Float64Array;
  values: Float64Array;
  rewinds: number[];
}

const START = 1_795_000_000;
const cache = new Map<string, MockLine>();

export function mockFrame(args: FrameArgs, lineOf: (run: number, metric: string) => MockLine | null = mockLine): ArrayBuffer {
  let x0 = Infinity;
  let x1 = -Infinity;
  const series: EncodeSeries[] = [];
  for (const run of args.runs) {
    const line = lineOf(run, args.metric);
    if (!line || line.steps.length === 0) continue;
    const x = args.x === "step" ? line.steps : args.x === "wall" ? line.times : line.times.map((t) => t - line.times[0]!);
    x0 = Math.min(x0, x[0]!);
    x1 = Math.max(x1, x[x.length - 1]!);
    series.push(seriesOf(run, line, x, args));
  }
  return encodeFrame(series, x0 <= x1 ? { x0, x1 } : null);
}

function seriesOf(run: number, line: MockLine, x: Float64Array, args: FrameArgs): EncodeSeries {
  let from = 0;
  let to = x.length;
  if (args.x0 !== null) while (from < to && x[from]! < args.x0) from++;
  if (args.x1 !== null) while (to > from && x[to - 1]! > args.x1) to--;
  from = Math.max(0, from - 1);
  to = Math.min(x.length, to + 1);
  const isSmooth = args.smooth.kind !== "none" && args.smooth.amount > 0;
  const raw = decimate(x, line.values, from, to, args.width);
  const shown = isSmooth ? decimate(x, smoothed(line.values, args.smooth), from, to, args.width) : raw;
  const markX: number[] = [];
  const markKind: number[] = [];
  for (let i = from; i < to; i++) {
    const v = line.values[i]!;
    if (v - v === 0) continue;
    markX.push(x[i]!);
    markKind.push(Number.isNaN(v) ? MARK_NAN : v > 0 ? MARK_POS_INF : MARK_NEG_INF);
  }
  for (const i of line.rewinds) {
    if (i < from || i >= to) continue;
    markX.push(x[i]!);
    markKind.push(MARK_REWIND);
  }
  return {
    run, x: shown.x, y: shown.y, rawX: isSmooth ? raw.x : [], rawY: isSmooth ? raw.y : [], markX, markKind,
    nTotal: to - from, decimated: raw.x.length < to - from, hasRewinds: line.rewinds.length > 0,
  };
}

/** Per column of `width`: first, least, greatest, last; gaps stay gaps. */
function decimate(x: Float64Array, y: Float64Array, from: number, to: number, width: number): { x: Float64Array; y: Float64Array } {
  if (to - from <= width * 2) {
    return { x: x.slice(from, to), y: y.slice(from, to).map((v) => (v - v === 0 ? v : NaN)) };
  }
  const span = x[to - 1]! - x[from]! || 1;
  const outX: number[] = [];
  const outY: number[] = [];
  let i = from;
  while (i < to) {
    const column = Math.floor(((x[i]! - x[from]!) / span) * width);
    let least = -1;
    let most = -1;
    const first = i;
    let gap = false;
    while (i < to && Math.floor(((x[i]! - x[from]!) / span) * width) === column) {
      const v = y[i]!;
      if (v - v !== 0) gap = true;
      else {
        if (least < 0 || v < y[least]!) least = i;
        if (most < 0 || v > y[most]!) most = i;
      }
      i++;
    }
    if (gap) {
      outX.push(x[first]!);
      outY.push(NaN);
    }
    if (least < 0) continue;
    for (const k of [...new Set([first, least, most, i - 1])].sort((a, b) => a - b)) {
      if (y[k]! - y[k]! !== 0) continue;
      outX.push(x[k]!);
      outY.push(y[k]!);
    }
  }
  return { x: Float64Array.from(outX), y: Float64Array.from(outY) };
}

function smoothed(values: Float64Array, smooth: Smooth): Float64Array {
  const out = new Float64Array(values.length);
  if (smooth.kind === "ema") {
    let sum = 0;
    let weight = 0;
    values.forEach((v, i) => {
      if (v - v !== 0) return void (out[i] = v);
      sum = sum * smooth.amount + (1 - smooth.amount) * v;
      weight = weight * smooth.amount + (1 - smooth.amount);
      out[i] = sum / weight;
    });
    return out;
  }
  const half = Math.max(1, Math.round(smooth.kind === "gaussian" ? smooth.amount * 3 : smooth.amount / 2));
  const sigma = Math.max(0.5, smooth.amount);
  const stride = Math.max(1, Math.floor(half / 60));
  for (let i = 0; i < values.length; i++) {
    let sum = 0;
    let weight = 0;
    for (let k = Math.max(0, i - half); k <= Math.min(values.length - 1, i + half); k += stride) {
      const v = values[k]!;
      if (v - v !== 0) continue;
      const w = smooth.kind === "gaussian" ? Math.exp(-0.5 * ((k - i) / sigma) ** 2) : 1;
      sum += v * w;
      weight += w;
    }
    out[i] = values[i]! - values[i]! === 0 ? sum / weight : values[i]!;
  }
  return out;
}

/** A repeatable number in 0..1. */
function hash(a: number, b: number): number {
  let h = Math.imul(a ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(b + 0x7f4a7c15, 0xc2b2ae35);
  h = Math.imul(h ^ (h >>> 15), 0x2c1b3c6d);
  h = Math.imul(h ^ (h >>> 12), 0x297a2d39);
  return ((h ^ (h >>> 15)) >>> 0) / 2 ** 32;
}

function seedOf(text: string): number {
  let h = 2166136261;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 16777619);
  return h >>> 0;
}

/** How many points the mock's run logs of a metric; 0: none. */
export function mockPointCount(run: number, metric: string): number {
  const h = hash(run, seedOf(metric) % 997);
  if (metric.startsWith("val/") || metric.startsWith("val_") || metric.startsWith("eval")) return 20 + Math.floor(hash(run, 3) * 60);
  if (/fine|samples/.test(metric)) return run % 5 === 0 ? 1_000_000 : 100_000;
  if (metric.startsWith("test")) return 1;
  if (metric.startsWith("sys") && h < 0.15) return 0;
  return 600 + Math.floor(hash(run, 3) * 1400);
}

/** About what the whole line holds, from a few of its points: a table of runs must not compute every curve. */
export function mockSummary(run: number, metric: string): { n: number; last: number; min: number; max: number } | null {
  const n = mockPointCount(run, metric);
  if (n === 0) return null;
  const curve = curveFor(metric, run, seedOf(metric));
  const samples = Array.from({ length: 24 }, (_, i) => curve(i / 23, Math.round((i / 23) * (n - 1))));
  const diverges = run % 11 === 4 && /loss|grad/.test(metric);
  return { n, last: diverges ? NaN : samples[23]!, min: Math.min(...samples), max: Math.max(...samples) };
}

export function mockLine(run: number, metric: string): MockLine | null {
  const key = `${run}:${metric}`;
  const found = cache.get(key);
  if (found) return found;
  const n = mockPointCount(run, metric);
  if (n === 0) return null;
  const seed = seedOf(metric);
  const total = 600 + Math.floor(hash(run, 3) * 1400);
  const stride = Math.max(1, Math.round((total * 10) / n));
  const perStep = 0.5 + hash(run, 7) * 2;
  const start = START + Math.floor(hash(run, 11) * 86400 * 3);
  const steps = new Float64Array(n);
  const times = new Float64Array(n);
  const values = new Float64Array(n);
  const curve = curveFor(metric, run, seed);
  const diverges = run % 11 === 4 && /loss|grad/.test(metric);
  for (let i = 0; i < n; i++) {
    const at = n === 1 ? 1 : i / (n - 1);
    steps[i] = n === 1 ? total * 10 : i * stride;
    times[i] = start + steps[i]! * perStep * (stride > 1 || n < 5000 ? 1 : 0.01) + hash(run, i) * 0.2;
    values[i] = curve(at, i);
    if (diverges && at > 0.72) values[i] = at < 0.76 ? values[i]! * (1 + (at - 0.72) * 60) : at < 0.765 ? Infinity : NaN;
    else if (run % 7 === 3 && i % 97 === 96 && /loss/.test(metric)) values[i] = NaN;
  }
  const rewinds = run % 6 === 5 && n > 40 ? [Math.floor(n * 0.4), Math.floor(n * 0.66)] : [];
  const line = { steps, times, values, rewinds };
  if (cache.size > 3000) cache.clear();
  cache.set(key, line);
  return line;
}

function curveFor(metric: string, run: number, seed: number): (at: number, i: number) => number {
  const own = hash(run, 1);
  const noise = (i: number) => hash(run * 7919 + (seed % 1000), i) + hash(run * 104729 + (seed % 1000), i + 1) - 1;
  if (/lr|learning_rate/.test(metric)) {
    const peak = 10 ** (-4.5 + 2 * hash(run, 2));
    return (at) => peak * (at < 0.05 ? at / 0.05 : 0.5 * (1 + Math.cos((Math.PI * (at - 0.05)) / 0.95)));
  }
  if (/acc|auc|f1|precision|recall|mAP/i.test(metric)) {
    const top = 0.78 + 0.2 * own;
    return (at, i) => Math.min(1, Math.max(0, top * (1 - Math.exp(-at * (4 + 6 * hash(run, 5)))) + 0.1 * (1 - at) + noise(i) * 0.015 * (1.4 - at)));
  }
  if (/grad/.test(metric)) return (at, i) => Math.exp(noise(i) * 0.9) * (0.4 + own) * (1.6 - at) + (hash(run, i * 31) > 0.996 ? 6 : 0);
  if (/mem/.test(metric)) return (at, i) => (6 + 10 * own) * 1e9 * (0.86 + 0.14 * Math.min(1, at * 12)) + noise(i) * 4e7;
  if (/gpu|util|cpu/.test(metric)) return (at, i) => Math.min(100, Math.max(0, 82 + 12 * own + 6 * Math.sin(at * 40 + run) + noise(i) * 9));
  if (/temp/.test(metric)) return (at, i) => 44 + 30 * (1 - Math.exp(-at * 20)) + own * 4 + noise(i);
  if (/epoch/.test(metric)) return (at) => Math.floor(at * 20);
  if (/tokens|throughput|per_sec/.test(metric)) return (at, i) => (1.1e5 + 5e4 * own) * (1 - (hash(run, i >> 5) > 0.97 ? 0.4 : 0)) + noise(i) * 3000;
  if (/const|size|version/.test(metric)) return () => 32 * (1 + Math.floor(own * 3));
  const floor = 0.12 + 0.5 * own;
  const rate = 3 + 7 * hash(run, 4);
  const overfits = /val/.test(metric) ? 0.35 * hash(run, 6) : 0;
  return (at, i) => floor + 2.1 * Math.exp(-rate * at) + 0.5 / (1 + 20 * at) + overfits * at * at + noise(i) * (0.03 + 0.11 * Math.exp(-3 * at));
}
