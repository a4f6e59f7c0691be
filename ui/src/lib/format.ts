/** Numbers, times and sizes as people read them. Every function is total: any input gives words. */
import type { Cell } from "$lib/host";

const LOCALE = "en-US";
const grouped = new Intl.NumberFormat(LOCALE, { maximumFractionDigits: 0 });
const MINUS = "−";

/** The three values that are not numbers, as JSON carries them or as they are. */
export type NonFinite = "NaN" | "Infinity" | "-Infinity";

export function nonFinite(value: Cell | undefined): NonFinite | null {
  if (typeof value === "number") return Number.isFinite(value) ? null : (String(value) as NonFinite);
  return value === "NaN" || value === "Infinity" || value === "-Infinity" ? value : null;
}

/** A mark and a word, since a colour alone would not tell. */
export const nonFiniteWords: Record<NonFinite, { mark: string; word: string; title: string }> = {
  NaN: { mark: "◆", word: "NaN", title: "Not a number was logged" },
  Infinity: { mark: "▲", word: "inf", title: "Plus infinity was logged" },
  "-Infinity": { mark: "▼", word: "−inf", title: "Minus infinity was logged" },
};

/** `digits` significant digits, as many in every row of a column: 0.3021, 12.34, 1.204e-5, 41,203. */
export function formatNumber(value: number, digits = 4): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "inf" : `${MINUS}inf`;
  const size = Math.abs(value);
  if (size === 0) return "0";
  let text: string;
  if (Number.isInteger(value) && size < 1e7) text = grouped.format(size);
  else if (size >= 10 ** (digits + 1) || size < 1e-4) text = size.toExponential(digits - 1).replace("e+", "e");
  else if (size >= 10 ** digits) text = grouped.format(size);
  else text = size.toPrecision(digits);
  // toPrecision turns to exponents when rounding passes its digits (9999.96).
  if (text.includes("e+")) text = grouped.format(size);
  return value < 0 ? MINUS + text.replace("e-", `e${MINUS}`) : text.replace("e-", `e${MINUS}`);
}

/** A setting as it was written: no digits added, none of a short one lost. */
export function formatParam(value: number): string {
  if (!Number.isFinite(value)) return formatNumber(value);
  const short = String(value);
  if (short.length <= 7) return short.replace("e-", `e${MINUS}`).replace(/^-/, MINUS);
  return formatNumber(value, 5);
}

export function formatInteger(value: number): string {
  return grouped.format(value);
}

/** 1,240 → "1.2k": where a rough size is enough. */
export function formatCount(value: number): string {
  if (value < 1000) return grouped.format(value);
  for (const [size, letter] of [[1e9, "G"], [1e6, "M"], [1e3, "k"]] as const) {
    if (value >= size * 0.9995) {
      const scaled = value / size;
      return `${scaled >= 99.95 ? scaled.toFixed(0) : scaled.toFixed(1)}${letter}`;
    }
  }
  return grouped.format(value);
}

export function formatBytes(bytes: number): string {
  if (bytes < 1000) return `${grouped.format(bytes)} B`;
  for (const [size, unit] of [[1e12, "TB"], [1e9, "GB"], [1e6, "MB"], [1e3, "kB"]] as const) {
    const scaled = bytes / size;
    if (scaled >= 1) return `${scaled >= 99.95 ? grouped.format(scaled) : scaled.toPrecision(3)} ${unit}`;
  }
  return `${bytes} B`;
}

/** Two units at most: "840 ms", "12.4 s", "2 m 14 s", "1 h 03 m", "3 d 4 h", "1,240 d". */
export function formatDuration(seconds: number): string {
  if (!Number.isFinite(seconds)) return "unknown";
  if (seconds < 0) return `${MINUS}${formatDuration(-seconds)}`;
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 59.95) return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
  const s = Math.round(seconds);
  const two = (n: number) => String(n).padStart(2, "0");
  if (s < 3600) return `${Math.floor(s / 60)} m ${two(s % 60)} s`;
  if (s < 86_400) return `${Math.floor(s / 3600)} h ${two(Math.floor((s % 3600) / 60))} m`;
  const days = Math.floor(s / 86_400);
  return days < 100 ? `${days} d ${Math.floor((s % 86_400) / 3600)} h` : `${formatNumber(days)} d`;
}

const two = (n: number) => String(n).padStart(2, "0");
// Made once: a table's every cell would otherwise make its own, at a fraction of a millisecond each.
const shortMonth = new Intl.DateTimeFormat(LOCALE, { month: "short" });

/** A moment, as near as it matters: "10:42" today, "3 Sep 10:42" this year, "3 Sep 2024". */
export function formatTime(unix: number, now = Date.now() / 1000): string {
  const date = new Date(unix * 1000);
  if (Number.isNaN(date.getTime())) return "unknown";
  const today = new Date(now * 1000);
  const clock = `${two(date.getHours())}:${two(date.getMinutes())}`;
  if (date.toDateString() === today.toDateString()) return clock;
  const day = `${date.getDate()} ${shortMonth.format(date)}`;
  return date.getFullYear() === today.getFullYear() ? `${day} ${clock}` : `${day} ${date.getFullYear()}`;
}

/** A moment in full, for hover and copy. */
export function formatTimeFull(unix: number): string {
  const date = new Date(unix * 1000);
  if (Number.isNaN(date.getTime())) return "unknown";
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** "just now", "4 m ago", "3 d ago". */
export function formatAgo(unix: number, now = Date.now() / 1000): string {
  const seconds = Math.max(0, now - unix);
  if (seconds < 45) return "just now";
  if (seconds < 3600) return `${Math.max(1, Math.round(seconds / 60))} m ago`;
  if (seconds < 86_400) return `${Math.round(seconds / 3600)} h ago`;
  if (seconds < 86_400 * 60) return `${Math.round(seconds / 86_400)} d ago`;
  return formatTime(unix, now);
}

export function plural(n: number, one: string, many = `${one}s`): string {
  return `${grouped.format(n)} ${n === 1 ? one : many}`;
}

let home = "";

/** Where the user is at home, once the backend said so. */
export function setHome(path: string | null) {
  home = path?.replace(/\/+$/, "") ?? "";
}

/** The home folder as people write it, and the middle cut where a path is too long for its place. */
export function shortPath(path: string, max = 48): string {
  const short = home && (path === home || path.startsWith(`${home}/`)) ? `~${path.slice(home.length)}` : path;
  if (short.length <= max) return short;
  const tail = short.slice(-(max - 2));
  const slash = tail.indexOf("/");
  return `…${slash > 0 && slash < max / 2 ? tail.slice(slash) : tail}`;
}
