import type { PairHistogram } from "$lib/host";

/** Counts on a reference's bins, made ready to be drawn: shares per width, and quantile against quantile. */

export interface Step {
  from: number;
  till: number;
  /** Of all rows with a value. */
  expected: number;
  found: number;
}

export interface Steps {
  steps: Step[];
  /** Beyond the first and the last edge: shares without a width. */
  below: { expected: number; found: number };
  above: { expected: number; found: number };
}

const total = (counts: readonly number[]) => counts.reduce((sum, n) => sum + n, 0);
const share = (n: number, all: number) => (all > 0 ? n / all : 0);

/**
 * The inner bins, of which those narrower than `least` of the whole width are joined with their neighbour: deciles lie
 * among equal bins, and what falls between the two would stand out as a spike.
 */
export function steps(edges: readonly number[], expected: readonly number[], found: readonly number[], least = 1 / 48): Steps {
  const [n, m] = [total(expected), total(found)];
  const ends = (at: number) => ({ expected: share(expected[at] ?? 0, n), found: share(found[at] ?? 0, m) });
  const joined: Step[] = [];
  const width = (edges.at(-1) ?? 0) - (edges[0] ?? 0);
  for (let i = 0; i + 1 < edges.length; i++) {
    const step = { from: edges[i]!, till: edges[i + 1]!, expected: share(expected[i + 1] ?? 0, n), found: share(found[i + 1] ?? 0, m) };
    const last = joined.at(-1);
    if (last && (last.till - last.from < width * least || (i + 2 === edges.length && step.till - step.from < width * least))) {
      last.till = step.till;
      last.expected += step.expected;
      last.found += step.found;
    } else joined.push(step);
  }
  return { steps: joined, below: ends(0), above: ends(edges.length) };
}

/** The share of a step as high as it would be were it `unit` wide. */
export const density = (step: Step, value: number, unit: number) => (step.till > step.from ? (value * unit) / (step.till - step.from) : 0);

/** The value below which a share of the rows lies, straight within a bin; null in an open end. */
export function quantile(edges: readonly number[], counts: readonly number[], wanted: number): number | null {
  const all = total(counts);
  if (all === 0) return null;
  const target = wanted * all;
  let sum = 0;
  for (const [at, n] of counts.entries()) {
    if (n > 0 && sum + n >= target) {
      const [from, till] = [edges[at - 1], edges[at]];
      if (from === undefined || till === undefined) return null;
      return from + ((target - sum) / n) * (till - from);
    }
    sum += n;
  }
  return null;
}

export interface QqPoint {
  share: number;
  reference: number;
  window: number;
}

/** Quantile of the window over quantile of the reference, for each of 1 … 99 % that lies within the edges of both. */
export function quantilePairs(edges: readonly number[], expected: readonly number[], found: readonly number[], n = 99): QqPoint[] {
  return Array.from({ length: n }, (_, i) => (i + 1) / (n + 1)).flatMap((at) => {
    const [reference, window] = [quantile(edges, expected, at), quantile(edges, found, at)];
    return reference === null || window === null ? [] : [{ share: at, reference, window }];
  });
}

/** Both sides of a number, as a comparison has counted them: nothing lies beyond the ends. */
export function binsOf(histogram: PairHistogram | null): { edges: number[]; expected: number[]; found: number[] } | null {
  if (!histogram || histogram.edges.length < 2) return null;
  return { edges: histogram.edges, expected: [0, ...histogram.reference, 0], found: [0, ...histogram.current, 0] };
}

/** The name of the bar that is all other levels, as the backend has it. */
const OTHERS = "all others";

/** Both sides of levels; the last count is of those without a bar. */
export function levelsOf(histogram: PairHistogram | null | undefined): { names: string[]; expected: number[]; found: number[] } | null {
  const names = histogram?.names ?? [];
  if (!histogram || names.length === 0) return null;
  const { reference, current } = histogram;
  if (names.at(-1) === OTHERS) return { names: names.slice(0, -1), expected: reference, found: current };
  return { names, expected: [...reference, 0], found: [...current, 0] };
}

export interface LevelBar {
  name: string;
  expected: number;
  found: number;
  isNew: boolean;
  isOther: boolean;
}

/**
 * The levels by rows, the greatest first; those beyond `most` are one with the others. New ones always have their bar: they
 * may be among the names (two files have theirs together), or not (a monitor has its reference's).
 */
export function levelBars(names: readonly string[], expected: readonly number[], found: readonly number[], fresh: readonly { level: string; rows: number }[], most = 12): LevelBar[] {
  const [n, m] = [total(expected), total(found)];
  const isFresh = new Set(fresh.map((level) => level.level));
  const bars = names.map((name, at): LevelBar => ({ name, expected: share(expected[at] ?? 0, n), found: share(found[at] ?? 0, m), isNew: isFresh.has(name), isOther: false }));
  const unnamed = fresh.filter((level) => !names.includes(level.level)).toSorted((a, b) => b.rows - a.rows);
  const known = unnamed.reduce((sum, level) => sum + level.rows, 0);
  const news = unnamed.slice(0, 4).map((level): LevelBar => ({ name: level.level, expected: 0, found: share(level.rows, m), isNew: true, isOther: false }));
  const sorted = bars.toSorted((a, b) => Math.max(b.expected, b.found) - Math.max(a.expected, a.found));
  const kept = sorted.filter((bar, at) => bar.isNew || at < most);
  const rest = sorted.filter((bar, at) => !bar.isNew && at >= most);
  const hidden = unnamed.slice(4).reduce((sum, level) => sum + level.rows, 0);
  const beyond = Math.max(0, (found[names.length] ?? 0) - known) + hidden;
  const other = { expected: total(rest.map((bar) => bar.expected)) + share(expected[names.length] ?? 0, n), found: total(rest.map((bar) => bar.found)) + share(beyond, m) };
  const last: LevelBar[] = other.expected > 0 || other.found > 0 ? [{ name: rest.length > 0 ? `${rest.length.toLocaleString("en-US")} others` : "others", ...other, isNew: false, isOther: true }] : [];
  return [...news, ...kept, ...last];
}
