// Ranges: which part of the data is visible, how far the y axis reaches, what zoom and pan make of it.
import type { FrameSeries } from "./frame";

export interface Range {
  min: number;
  max: number;
}

/** Index of the first x that is not below `value`, in ascending `x`. */
export function lowerBound(x: Float64Array, value: number): number {
  let low = 0;
  let high = x.length;
  while (low < high) {
    const mid = (low + high) >>> 1;
    if (x[mid]! < value) low = mid + 1;
    else high = mid;
  }
  return low;
}

/** `[from, to)` of the points within the range and one neighbour to each side, so that lines run off the edges. */
export function visibleSlice(x: Float64Array, sorted: boolean, view: Range): [number, number] {
  if (!sorted) return [0, x.length];
  const from = lowerBound(x, view.min);
  let to = lowerBound(x, view.max);
  while (to < x.length && x[to] === view.max) to++;
  return [Math.max(0, from - 1), Math.min(x.length, to + 1)];
}

export interface Extent {
  /** null: nothing to show in this window. */
  range: Range | null;
  /** Finite values that a log axis cannot show. */
  nHidden: number;
  /** Points (or drawn stand-ins for points) inside the window. */
  nPoints: number;
}

/** What y must cover for the points inside `view`. */
export function yExtent(series: FrameSeries[], view: Range, log: boolean): Extent {
  let min = Infinity;
  let max = -Infinity;
  let nHidden = 0;
  let nPoints = 0;
  const scan = (x: Float64Array, y: Float64Array, sorted: boolean, count: boolean) => {
    const [from, to] = visibleSlice(x, sorted, view);
    for (let i = from; i < to; i++) {
      const at = x[i]!;
      if (at < view.min || at > view.max) continue;
      if (count) nPoints++;
      const v = y[i]!;
      if (!(v - v === 0)) continue;
      if (log && v <= 0) {
        if (count) nHidden++;
        continue;
      }
      if (v < min) min = v;
      if (v > max) max = v;
    }
  };
  for (const s of series) {
    scan(s.x, s.y, s.sorted, s.rawX.length === 0);
    if (s.rawX.length > 0) scan(s.rawX, s.rawY, s.sorted, true);
  }
  return { range: min <= max ? { min, max } : null, nHidden, nPoints };
}

/** Room around the values; a flat line gets a range that shows it in the middle. */
export function padded(range: Range | null, log: boolean): Range {
  if (!range) return log ? { min: 0.1, max: 10 } : { min: 0, max: 1 };
  const { min, max } = range;
  if (log) {
    if (max / min < 1 + 1e-12) return { min: min / 2, max: max * 2 };
    const factor = (max / min) ** 0.05;
    return { min: min / factor, max: max * factor };
  }
  if (max - min <= Math.max(Math.abs(min), Math.abs(max)) * 1e-13) {
    const half = min === 0 ? 1 : Math.abs(min) * 0.1;
    return { min: min - half, max: max + half };
  }
  const pad = (max - min) * 0.06;
  // Values that never go below zero should not seem to.
  return { min: min >= 0 && min - pad < 0 ? 0 : min - pad, max: max <= 0 && max + pad > 0 ? 0 : max + pad };
}

/** The x range when nothing is zoomed: all data, widened when it is a single point or starts at 0 on a log axis. */
export function fullX(data: { x0: number; x1: number } | null, log: boolean, firstPositive: number | null): Range {
  if (!data) return { min: 0, max: 1 };
  let { x0: min, x1: max } = data;
  if (log && min <= 0) min = firstPositive ?? 1;
  if (log && max <= min) max = min * 10;
  if (max > min) return { min, max };
  const half = log ? 0 : Math.max(0.5, Math.abs(min) * 1e-6);
  return { min: min - half, max: max + half };
}

/** Makes the range `factor` times as wide around `at`. Never narrower than f64 can tell points apart. */
export function zoomed(range: Range, at: number, factor: number, log: boolean): Range {
  const f = log ? Math.log10 : (v: number) => v;
  const inverse = log ? (v: number) => 10 ** v : (v: number) => v;
  const center = f(at);
  const next = { min: inverse(center + (f(range.min) - center) * factor), max: inverse(center + (f(range.max) - center) * factor) };
  return wideEnough(next) ? next : range;
}

/** Moves the range by `fraction` of its own width. */
export function panned(range: Range, fraction: number, log: boolean): Range {
  if (log) {
    const factor = (range.max / range.min) ** fraction;
    return { min: range.min * factor, max: range.max * factor };
  }
  const by = (range.max - range.min) * fraction;
  return { min: range.min + by, max: range.max + by };
}

export function wideEnough(range: Range): boolean {
  const size = Math.max(Math.abs(range.min), Math.abs(range.max), Number.MIN_VALUE);
  return Number.isFinite(range.min) && Number.isFinite(range.max) && range.max - range.min > size * 1e-13;
}

/** What a frame was asked for: null bounds mean "all". */
export interface Coverage {
  x0: number | null;
  x1: number | null;
  width: number;
}

/** How much of the window more to ask for on each side, so that a pan finds its points already here. */
const MARGIN = 0.5;

/** The request for a window: all of it when not zoomed, otherwise with a margin and proportionally more pixels. */
export function coverageFor(view: Range | null, width: number, maxWidth = 4096): Coverage {
  if (!view) return { x0: null, x1: null, width: Math.min(maxWidth, width) };
  const margin = (view.max - view.min) * MARGIN;
  return { x0: view.min - margin, x1: view.max + margin, width: Math.min(maxWidth, Math.round(width * (1 + 2 * MARGIN))) };
}

/** Whether a frame at hand still serves a view of `width` pixels, or a sharper or wider one must be asked. */
export function serves(have: Coverage, decimated: boolean, data: { x0: number; x1: number } | null, view: Range | null, width: number): boolean {
  const left = have.x0 ?? -Infinity;
  const right = have.x1 ?? Infinity;
  if (view ? view.min < left || view.max > right : have.x0 !== null || have.x1 !== null) return false;
  if (!decimated || !data) return true;
  const haveSpan = Math.min(right, data.x1) - Math.max(left, data.x0);
  const viewSpan = view ? Math.min(view.max, data.x1) - Math.max(view.min, data.x0) : data.x1 - data.x0;
  if (viewSpan <= 0 || haveSpan <= 0) return true;
  return (have.width * viewSpan) / haveSpan >= width * 0.8;
}
