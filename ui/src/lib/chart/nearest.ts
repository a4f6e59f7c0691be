// What lies under the crosshair: the nearest point of a run, the nearest run, and the list that the readout shows.
import type { FrameSeries } from "./frame";
import { lowerBound } from "./range";

/** Index of the point nearest to `at`; points in gaps count (they say NaN). -1 when there is none. */
export function nearestIndex(x: Float64Array, sorted: boolean, at: number): number {
  if (x.length === 0) return -1;
  if (!sorted) {
    let best = 0;
    for (let i = 1; i < x.length; i++) if (Math.abs(x[i]! - at) < Math.abs(x[best]! - at)) best = i;
    return best;
  }
  const right = lowerBound(x, at);
  if (right === 0) return 0;
  if (right === x.length) return lastOfEqual(x, x.length - 1);
  return at - x[right - 1]! <= x[right]! - at ? lastOfEqual(x, right - 1) : right;
}

/** Decimated frames can hold several points of one x; the last is what the line says there. */
function lastOfEqual(x: Float64Array, i: number): number {
  while (i + 1 < x.length && x[i + 1] === x[i]) i++;
  return i;
}

/** Pixels per unit and the pixel of a value, along one axis. */
export interface Projection {
  toPx(value: number): number;
}

export interface Hit {
  run: number;
  /** Index into the series' x and y. */
  index: number;
  x: number;
  y: number;
  /** The unsmoothed value at the same x; null when nothing is smoothed. */
  raw: number | null;
}

/** The point of a run under the crosshair; null when the run has ended `tolerancePx` before it (or not begun). */
export function hitOf(series: FrameSeries, at: number, x: Projection, tolerancePx: number): Hit | null {
  const n = series.x.length;
  if (n === 0) return null;
  const index = nearestIndex(series.x, series.sorted, at);
  const px = series.x[index]!;
  const inside = series.sorted ? at >= series.x[0]! && at <= series.x[n - 1]! : true;
  if (!inside && Math.abs(x.toPx(px) - x.toPx(at)) > tolerancePx) return null;
  let raw: number | null = null;
  if (series.rawX.length > 0) raw = series.rawY[nearestIndex(series.rawX, series.sorted, px)] ?? null;
  return { run: series.run, index, x: px, y: series.y[index]!, raw };
}

/** Distance in pixels from a pointer to a run's line near it. */
export function distanceTo(series: FrameSeries, at: number, px: number, py: number, x: Projection, y: Projection): number {
  const i = nearestIndex(series.x, series.sorted, at);
  if (i < 0) return Infinity;
  let best = Infinity;
  // Two points to each side: the nearest by x need not be the nearest on screen when the line is steep.
  for (let k = Math.max(0, i - 2); k <= Math.min(series.x.length - 1, i + 2); k++) {
    const x0 = x.toPx(series.x[k]!);
    const y0 = y.toPx(series.y[k]!);
    if (!Number.isFinite(y0)) continue;
    best = Math.min(best, Math.hypot(x0 - px, y0 - py));
    if (k + 1 >= series.x.length) continue;
    const x1 = x.toPx(series.x[k + 1]!);
    const y1 = y.toPx(series.y[k + 1]!);
    if (Number.isFinite(y1)) best = Math.min(best, toSegment(px, py, x0, y0, x1, y1));
  }
  return best;
}

function toSegment(px: number, py: number, x0: number, y0: number, x1: number, y1: number): number {
  const dx = x1 - x0;
  const dy = y1 - y0;
  const length = dx * dx + dy * dy;
  const t = length === 0 ? 0 : Math.min(1, Math.max(0, ((px - x0) * dx + (py - y0) * dy) / length));
  return Math.hypot(x0 + t * dx - px, y0 + t * dy - py);
}

/** The run whose line is nearest to the pointer, if one is within `reachPx`. */
export function nearestRun(series: readonly FrameSeries[], at: number, px: number, py: number, x: Projection, y: Projection, reachPx: number): number | null {
  let best: number | null = null;
  let distance = reachPx;
  for (const s of series) {
    const d = distanceTo(s, at, px, py, x, y);
    if (d < distance) {
      distance = d;
      best = s.run;
    }
  }
  return best;
}

export interface HitList {
  shown: Hit[];
  nMore: number;
}

/** Greatest value first (as the lines lie on screen), values that are no numbers last; a window around `keep` if it must. */
export function sortedHits(hits: Hit[], limit: number, keep: number | null): HitList {
  const rank = (v: number) => (Number.isNaN(v) ? -Infinity : v);
  const sorted = [...hits].sort((a, b) => {
    const [ra, rb] = [rank(a.y), rank(b.y)];
    return ra === rb ? a.run - b.run : rb > ra ? 1 : -1;
  });
  let from = 0;
  const at = keep === null ? -1 : sorted.findIndex((h) => h.run === keep);
  if (at >= limit) from = Math.min(at - (limit >> 1), sorted.length - limit);
  const shown = sorted.slice(from, from + limit);
  return { shown, nMore: sorted.length - shown.length };
}

/** The x of the next point after (`by` > 0) or before the crosshair: what an arrow key goes to. */
export function steppedX(series: FrameSeries, at: number, by: number): number {
  if (series.x.length === 0) return at;
  let i = nearestIndex(series.x, series.sorted, at);
  for (let left = Math.abs(by); left > 0; left--) {
    const here = series.x[i]!;
    let next = i;
    // Points at one x are one stop.
    while (next >= 0 && next < series.x.length && series.x[next] === here) next += by > 0 ? 1 : -1;
    if (next < 0 || next >= series.x.length) break;
    i = next;
  }
  return series.x[i]!;
}
