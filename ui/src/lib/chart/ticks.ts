// Where an axis has its ticks and what they say.
import { formatDecade, tickFormatter } from "./number";
import { relativeTicks, wallTicks, type Tick } from "./time";

export type { Tick };
export type AxisKind = "number" | "integer" | "relative" | "wall";

/** Ticks for `min`..`max` on an axis of `px` css pixels with a label about every `spacing` of them. */
export function axisTicks(kind: AxisKind, log: boolean, min: number, max: number, px: number, spacing: number): Tick[] {
  if (!(max > min) || !Number.isFinite(max - min) || px <= 0) return [];
  const count = Math.max(1, Math.round(px / spacing));
  if (log && min > 0 && kind !== "wall") return logTicks(min, max, px, spacing);
  if (kind === "relative") return relativeTicks(min, max, count);
  if (kind === "wall") return wallTicks(min, max, count);
  return linearTicks(min, max, count, kind === "integer");
}

/** The step of 1, 2 or 5 times a power of ten that is not below `wanted`. */
export function niceIncrement(wanted: number): number {
  const power = 10 ** Math.floor(Math.log10(wanted));
  const ratio = wanted / power;
  const step = ratio <= 1 + 1e-9 ? 1 : ratio <= 2 + 1e-9 ? 2 : ratio <= 5 + 1e-9 ? 5 : 10;
  return step * power;
}

export function linearTicks(min: number, max: number, count: number, whole = false): Tick[] {
  let incr = niceIncrement((max - min) / Math.max(1, count));
  if (whole && incr < 1) incr = 1;
  // Below the precision of f64 ticks would all be the same number.
  const floor = Math.max(Math.abs(min), Math.abs(max)) * Number.EPSILON * 4;
  if (incr < floor) incr = niceIncrement(floor);
  const label = tickFormatter(min, max, incr);
  const ticks: Tick[] = [];
  for (let k = Math.ceil(min / incr - 1e-9); ticks.length < 200; k++) {
    const value = exactMultiple(k, incr);
    if (value > max + incr * 1e-9) break;
    ticks.push({ value, label: label(value) });
  }
  return ticks;
}

/** k × incr without the dust of binary fractions: 3 × 0.1 is 0.3. */
function exactMultiple(k: number, incr: number): number {
  if (k === 0) return 0;
  if (incr >= 1) return k * incr;
  const inverse = Math.round(1 / incr);
  return Math.abs(1 / incr - inverse) < 1e-6 * inverse ? k / inverse : k * incr;
}

export function logTicks(min: number, max: number, px: number, spacing: number): Tick[] {
  const low = Math.log10(min);
  const high = Math.log10(max);
  const decades = high - low;
  if (decades < 0.9) return linearTicks(min, max, Math.max(2, Math.floor(px / spacing))).filter((t) => t.value > 0);
  const perDecade = px / decades;
  const every = Math.max(1, Math.ceil(spacing / perDecade));
  const labelled = (m: number) => (m === 2 || m === 5 ? perDecade / 3.4 >= spacing : false);
  const minors = perDecade >= 36 && every === 1;
  const ticks: Tick[] = [];
  for (let e = Math.floor(low); e <= Math.ceil(high); e++) {
    for (let m = 1; m < 10; m++) {
      if (m > 1 && !minors) break;
      const value = m === 1 ? 10 ** e : Number(`${m}e${e}`);
      if (value < min * (1 - 1e-9) || value > max * (1 + 1e-9)) continue;
      const main = m === 1 && ((e % every) + every) % every === 0;
      if (m === 1 && !main) continue;
      ticks.push({ value, label: main || labelled(m) ? formatDecade(value) : null });
    }
  }
  return ticks;
}
