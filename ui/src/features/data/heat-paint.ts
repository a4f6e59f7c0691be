/**
 * The heat map's cells as pixels: a row per column, a bucket beside the other. Canvas calls would cost some microseconds
 * a cell; here a row is made once for each phase of its stripes, and copied line by line.
 */
import type { ColumnLine } from "$lib/host";
import { themes, type ThemeName } from "$lib/tokens";
import { heatScale, markOf, mix, MOST, type CellMark } from "./drawing";

/** All in device pixels. */
export interface HeatView {
  width: number;
  height: number;
  rowHeight: number;
  /** Where the first row begins; less than nothing when it is scrolled out. */
  top: number;
  /** Device pixels of a css pixel. */
  ratio: number;
  theme: ThemeName;
}

interface Inks {
  heat: Uint32Array;
  ground: number;
  cross: number;
  unsure: number;
  unsureStripe: number;
  faintStripe: number;
}

const STEPS = 64;
const kept = new Map<ThemeName, Inks>();

/** As a pixel of little-endian image data. */
export const pixel = (hex: string) => ((255 << 24) | (parseInt(hex.slice(5, 7), 16) << 16) | (parseInt(hex.slice(3, 5), 16) << 8) | parseInt(hex.slice(1, 3), 16)) >>> 0;

function inksOf(theme: ThemeName): Inks {
  let inks = kept.get(theme);
  if (!inks) {
    const t = themes[theme];
    const colour = heatScale(theme);
    const toward = (ink: string, share: number) => pixel(mix(t["chart-bg"], ink, share));
    // Large, but perhaps by chance: a thin wash under its stripes, so that the eye goes to what is sure.
    inks = { heat: Uint32Array.from({ length: MOST * STEPS + 1 }, (_, i) => pixel(colour(i / STEPS))), ground: pixel(t["chart-bg"]), cross: pixel(t.bad), unsure: toward(t.warn, 0.14), unsureStripe: toward(t.warn, 0.5), faintStripe: toward(t["text-3"], 0.3) };
    kept.set(theme, inks);
  }
  return inks;
}

/** Paints rows into `pixels`, which are `view.width` × `view.height`; where there is no cell they stay transparent. */
export function paintHeat(pixels: Uint32Array, lines: readonly (ColumnLine | null)[], n: number, view: HeatView) {
  pixels.fill(0);
  const inks = inksOf(view.theme);
  const { width, ratio } = view;
  const cell = width / Math.max(1, n);
  const gap = cell >= 5 * ratio ? Math.max(1, Math.round(ratio)) : 0;
  const period = Math.max(2, Math.round(5 * ratio));
  const stripe = Math.max(1, Math.round(ratio));
  const inset = Math.round(2 * ratio);
  const starts = Int32Array.from({ length: n + 1 }, (_, i) => Math.round(i * cell));
  const marks: CellMark[] = Array.from({ length: n }, () => null);
  const phases = Array.from({ length: period }, () => new Uint32Array(width));
  lines.forEach((line, row) => {
    const first = Math.round(view.top + row * view.rowHeight) + inset;
    const end = Math.round(view.top + (row + 1) * view.rowHeight) - inset;
    if (!line || end <= 0 || first >= view.height) return;
    let striped = false;
    const plain = phases[0]!;
    plain.fill(0);
    for (let i = 0; i < n; i++) {
      const point = line.points[i];
      const mark = (marks[i] = point ? markOf(point.verdict) : null);
      if (!point) continue;
      striped ||= mark === "hatch" || mark === "faint";
      plain.fill(ground(mark, point.strength, inks), starts[i], Math.max(starts[i]! + 1, starts[i + 1]! - gap));
    }
    if (striped) {
      // The last phase is the plain one, with its stripes put in after it was copied.
      for (let phase = period - 1; phase >= 0; phase--) {
        const to = phases[phase]!;
        if (phase > 0) to.set(plain);
        for (let i = 0; i < n; i++) {
          const ink = marks[i] === "hatch" ? inks.unsureStripe : marks[i] === "faint" ? inks.faintStripe : 0;
          if (ink === 0) continue;
          const till = Math.max(starts[i]! + 1, starts[i + 1]! - gap);
          for (let x = starts[i]!; x < till; x++) if ((x + phase) % period < stripe) to[x] = ink;
        }
      }
    }
    for (let y = Math.max(0, first); y < Math.min(view.height, end); y++) pixels.set(phases[striped ? (((y - first) % period) + period) % period : 0]!, y * width);
    const middle = (first + end) / 2;
    for (let i = 0; i < n; i++) {
      if (marks[i] !== "dot" && marks[i] !== "cross") continue;
      const [from, till] = [starts[i]!, Math.max(starts[i]! + 1, starts[i + 1]! - gap)];
      if (marks[i] === "cross") stamp(pixels, view, (from + till) / 2, middle, 3 * ratio, inks.ground, isOnCross);
      else if (cell >= 5 * ratio) stamp(pixels, view, (from + till) / 2, middle, Math.min(2.2 * ratio, (till - from) / 3), inks.ground, isInDisc);
      else stamp(pixels, view, (from + till) / 2, middle, Math.max(ratio, (till - from) / 2), inks.ground, isOnBar);
    }
  });
}

function ground(mark: CellMark, strength: number, inks: Inks): number {
  if (mark === "cross") return inks.cross;
  if (mark === "hatch") return inks.unsure;
  // What drifts by its nulls is no less of a drift for an effect of nothing.
  const shown = mark === "faint" ? 0 : mark === "dot" ? Math.max(1, strength) : strength;
  return inks.heat[Math.min(inks.heat.length - 1, Math.max(0, Math.floor(shown * STEPS)))] ?? inks.heat[0]!;
}

type Shape = (dx: number, dy: number, reach: number) => boolean;
const isInDisc: Shape = (dx, dy, reach) => dx * dx + dy * dy <= reach * reach + 0.3;
const isOnCross: Shape = (dx, dy) => Math.abs(Math.abs(dx) - Math.abs(dy)) < 0.8;
const isOnBar: Shape = (_, dy) => Math.abs(dy) <= 1;

function stamp(pixels: Uint32Array, { width, height }: HeatView, x: number, y: number, reach: number, ink: number, has: Shape) {
  for (let py = Math.max(0, Math.floor(y - reach)); py < Math.min(height, Math.ceil(y + reach)); py++) {
    for (let px = Math.max(0, Math.floor(x - reach)); px < Math.min(width, Math.ceil(x + reach)); px++) {
      if (has(px + 0.5 - x, py + 0.5 - y, reach)) pixels[py * width + px] = ink;
    }
  }
}
