// What the crosshair says: which runs have a point there, sorted, a dozen of them.
import type { FrameSeries } from "$lib/chart/frame";
import { hitOf, sortedHits, type Hit, type Projection } from "$lib/chart/nearest";
import { formatColumn, formatFull } from "$lib/chart/number";
import { formatElapsed, formatMoment } from "$lib/chart/time";
import { formatInteger } from "$lib/format";
import type { XAxis } from "$lib/host";
import type { RunMark } from "$lib/state/selection.svelte";

export const MAX_ROWS = 12;
/** How far beyond a run's end the crosshair still reads it, in css pixels. */
const TOLERANCE_PX = 8;
/** A point this far from the crosshair says where it lies. */
const FAR_PX = 12;

export interface ReadoutRow {
  run: RunMark;
  value: string;
  /** The unsmoothed value, when smoothing is on. */
  raw: string | null;
  /** Where the point lies, when not under the crosshair. */
  at: string | null;
  near: boolean;
  hit: Hit;
}

export interface ReadoutData {
  metric: string;
  title: string;
  rows: ReadoutRow[];
  nMore: number;
  smoothed: boolean;
  /** The crosshair in window pixels. */
  x: number;
  y: number;
  /** The card's edges: the list stands beside a small card, and inside only of a big one. */
  beside: { left: number; right: number } | null;
}

export function formatX(axis: XAxis, x: number): string {
  if (axis === "relative") return formatElapsed(x);
  if (axis === "wall") return formatMoment(x);
  return formatInteger(x);
}

export function titleOf(axis: XAxis, x: number): string {
  return axis === "step" ? `Step ${formatInteger(x)}` : axis === "relative" ? `${formatElapsed(x)} after start` : formatMoment(x);
}

export function hitsAt(series: readonly FrameSeries[], at: number, x: Projection): Hit[] {
  const hits: Hit[] = [];
  for (const s of series) {
    const hit = hitOf(s, at, x, TOLERANCE_PX);
    if (hit) hits.push(hit);
  }
  return hits;
}

export function readoutRows(hits: Hit[], at: number, x: Projection, axis: XAxis, runs: ReadonlyMap<number, RunMark>, near: number | null): { rows: ReadoutRow[]; nMore: number } {
  const { shown, nMore } = sortedHits(hits, MAX_ROWS, near);
  const rows: ReadoutRow[] = [];
  const values = formatColumn(shown.map((hit) => hit.y));
  const raws = formatColumn(shown.map((hit) => hit.raw ?? NaN));
  for (const [i, hit] of shown.entries()) {
    const run = runs.get(hit.run);
    if (!run) continue;
    rows.push({
      run,
      value: values[i]!,
      raw: hit.raw === null ? null : raws[i]!,
      at: Math.abs(x.toPx(hit.x) - x.toPx(at)) > FAR_PX ? formatX(axis, hit.x) : null,
      near: hit.run === near,
      hit,
    });
  }
  return { rows, nMore };
}

/** Every run under the crosshair with all its digits, for the clipboard. */
export function readoutText(hits: Hit[], axis: XAxis, runs: ReadonlyMap<number, RunMark>): string {
  const smoothed = hits.some((hit) => hit.raw !== null);
  const { shown } = sortedHits(hits, hits.length, null);
  const lines = shown.map((hit) => [runs.get(hit.run)?.name ?? String(hit.run), formatFull(hit.x), formatFull(hit.y), ...(smoothed ? [formatFull(hit.raw ?? NaN)] : [])].join("\t"));
  return [["run", axis, smoothed ? "smoothed" : "value", ...(smoothed ? ["value"] : [])].join("\t"), ...lines].join("\n");
}
