/** The window of time that is looked at: whole buckets, from the first index to one past the last. */
import type { DataBucket } from "$lib/host";

export interface Stretch {
  first: number;
  end: number;
}

export type Grip = "first" | "end" | "both";

const clamp = (value: number, low: number, high: number) => Math.min(high, Math.max(low, value));

/** Where buckets lie on a strip of `px` pixels: all are as wide, whatever hole is between them. */
export function bucketAt(x: number, px: number, n: number): number {
  return n === 0 || px <= 0 ? 0 : clamp(Math.floor((x / px) * n), 0, n - 1);
}

export function edgeX(edge: number, px: number, n: number): number {
  return n === 0 ? 0 : (edge / n) * px;
}

/** Between two buckets that were dragged over, in whichever direction; never empty. */
export function between(a: number, b: number, n: number): Stretch {
  const first = clamp(Math.min(a, b), 0, Math.max(0, n - 1));
  return { first, end: clamp(Math.max(a, b) + 1, first + 1, Math.max(first + 1, n)) };
}

/** One end or the whole, moved by some buckets: no shorter than one, and within. */
export function moved(stretch: Stretch, grip: Grip, by: number, n: number): Stretch {
  if (grip === "first") return { first: clamp(stretch.first + by, 0, stretch.end - 1), end: stretch.end };
  if (grip === "end") return { first: stretch.first, end: clamp(stretch.end + by, stretch.first + 1, n) };
  const length = stretch.end - stretch.first;
  const first = clamp(stretch.first + by, 0, Math.max(0, n - length));
  return { first, end: first + length };
}

/** What is within reach of the pointer, handles first. */
export function gripAt(x: number, stretch: Stretch, px: number, n: number, reach = 6): Grip | null {
  const [left, right] = [edgeX(stretch.first, px, n), edgeX(stretch.end, px, n)];
  const near = Math.min(Math.abs(x - left), Math.abs(x - right));
  if (near <= reach) return Math.abs(x - left) < Math.abs(x - right) ? "first" : "end";
  return x > left && x < right ? "both" : null;
}

/** Hours that a clock without a zone may be ahead, and one to spare: the same as for a gate's last hours. */
const ZONES = 15;

/**
 * How many buckets there are up to the last that has rows by `now`, in hours since 1970. A clock that went wrong, or a date
 * of 9999, is not the newest: what lies further ahead than any zone's clock is left out, unless there is nothing else.
 */
export function nByNow(buckets: readonly DataBucket[], now: number): number {
  const ahead = Math.floor(now) + ZONES;
  return buckets.findLastIndex((bucket) => bucket.rows > 0 && bucket.from < ahead) + 1 || buckets.length;
}

/** The buckets that the address names, or the newest week of what there is by `now`. */
export function stretchOf(buckets: readonly DataBucket[], from: number | null, till: number | null, now = Date.now() / 3_600_000): Stretch {
  const n = buckets.length;
  if (n === 0) return { first: 0, end: 0 };
  if (from === null || till === null) {
    const end = nByNow(buckets, now);
    const week = buckets[end - 1]!.till - 168;
    const first = buckets.slice(0, end).findIndex((bucket) => bucket.from >= week);
    return { first: first === -1 ? end - 1 : first, end };
  }
  const first = buckets.findIndex((bucket) => bucket.till > from);
  const after = buckets.findIndex((bucket) => bucket.from >= till);
  const start = first === -1 ? n - 1 : first;
  return { first: start, end: Math.max(start + 1, after === -1 ? n : after) };
}
