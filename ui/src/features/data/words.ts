/** Verdicts and numbers in the words that the whole of Data uses. */
import { linearTicks } from "$lib/chart/ticks";
import { formatDuration, formatInteger, formatNumber, plural } from "$lib/format";
import type { DataKind, DriftVerdict, MonitorRow, MonitorState, RuleName } from "$lib/host";
import { formatMoment, formatNear, formatStamp, momentTicks } from "./hours";

export type Tone = "bad" | "warn" | "quiet" | "good";

interface VerdictWords {
  word: string;
  /** In a heat map's cell and before the word: never colour alone. */
  mark: string;
  tone: Tone;
  means: string;
}

export const verdicts: Record<DriftVerdict, VerdictWords> = {
  missing: { word: "Missing", mark: "✕", tone: "bad", means: "The column is not there any more." },
  type_changed: { word: "Type changed", mark: "≠", tone: "bad", means: "The column holds another type now." },
  drift: { word: "Drift", mark: "●", tone: "bad", means: "The effect is large, and not by chance." },
  large_but_uncertain: { word: "Uncertain", mark: "◌", tone: "warn", means: "The effect is large, but so few rows may be so by chance." },
  small_but_significant: { word: "Slight", mark: "○", tone: "quiet", means: "Not by chance, and too small to matter." },
  too_few_rows: { word: "Too few rows", mark: "╱", tone: "quiet", means: "Nobody can tell from so few rows." },
  new: { word: "New column", mark: "+", tone: "warn", means: "The reference does not have this column." },
  not_judged: { word: "Not judged", mark: "·", tone: "quiet", means: "It is not meant to stay the same: an identifier, a time that goes on." },
  no_drift: { word: "Steady", mark: "✓", tone: "good", means: "Neither effect nor chance speaks for a change." },
};

/** The verdicts that call for a person, as they are said of a number of columns. */
const GRAVE: readonly (readonly [DriftVerdict, string])[] = [["drift", "drifted"], ["missing", "missing"], ["type_changed", "of another type"]];
export const isGrave = (verdict: DriftVerdict) => GRAVE.some(([grave]) => grave === verdict);

/** "1 column drifted, 2 missing"; nothing where none of them is grave. */
export function formatGrave(found: readonly DriftVerdict[]): string {
  const counted = GRAVE.map(([grave, word]) => [found.filter((verdict) => verdict === grave).length, word] as const).filter(([n]) => n > 0);
  return counted.map(([n, word], i) => `${i === 0 ? plural(n, "column") : formatInteger(n)} ${word}`).join(", ");
}

/** The order in which verdicts call for a look. */
const ORDER: readonly DriftVerdict[] = ["missing", "type_changed", "drift", "new", "large_but_uncertain", "small_but_significant", "no_drift", "too_few_rows", "not_judged"];
export const gravity = (verdict: DriftVerdict) => ORDER.indexOf(verdict);

export const kinds: Record<DataKind, string> = { numeric: "number", boolean: "yes or no", categorical: "levels", datetime: "time", list: "list", opaque: "other" };

/** "2.3 ×" of the threshold; one digit is all that a rank needs. */
export function formatStrength(strength: number): string {
  if (!Number.isFinite(strength)) return "";
  return `${strength < 0.95 ? strength.toFixed(2) : strength < 9.95 ? strength.toFixed(1) : Math.round(strength).toLocaleString("en-US")} ×`;
}

export function formatShare(share: number, digits = 1): string {
  if (!Number.isFinite(share)) return "";
  const percent = share * 100;
  if (percent !== 0 && Math.abs(percent) < 10 ** -digits / 2) return percent > 0 ? `< ${(10 ** -digits).toFixed(digits)} %` : `> −${(10 ** -digits).toFixed(digits)} %`;
  return `${percent.toFixed(percent === 0 || percent === 100 ? 0 : digits).replace("-", "−")} %`;
}

/** A share's change in points: "+3.1 pt", "0". */
export function formatPoints(change: number): string {
  const points = change * 100;
  if (Math.abs(points) < 0.05) return "0";
  return `${points > 0 ? "+" : "−"}${Math.abs(points).toFixed(1)} pt`;
}

export function formatP(p: number | null | undefined): string {
  if (p === null || p === undefined || !Number.isFinite(p)) return "none";
  if (p < 1e-12) return "< 1e−12";
  return p >= 0.9995 ? "1" : formatNumber(p, 2);
}

/** Unlike `formatNumber` for values that may be missing. */
export const formatMaybe = (value: number | null | undefined, digits = 3) => (value === null || value === undefined ? "–" : formatNumber(value, digits));

/** How a column's values are said: as numbers, or as moments in UTC and the time between two of them. */
export interface Unit {
  value: (value: number | null | undefined) => string;
  /** How far values lie apart. */
  span: (value: number | null | undefined, digits?: number) => string;
  /** One of many that lie within `spread`, as short as tells them apart. */
  near: (value: number, spread: number) => string;
  /** The name of a bar, where each value has its own. */
  level: (name: string) => string;
  ticks: (low: number, high: number, count: number) => { value: number; label: string | null }[];
}

const NUMBER: Unit = { value: (value) => formatMaybe(value, 4), span: (value, digits = 4) => formatMaybe(value, digits), near: (value) => formatNumber(value, 3), level: (name) => name, ticks: (low, high, count) => linearTicks(low, high, count) };
const isKnown = (value: number | null | undefined): value is number => value !== null && value !== undefined;
const TIME: Unit = { value: (unix) => (isKnown(unix) ? formatMoment(unix) : "–"), span: (seconds) => (isKnown(seconds) ? formatDuration(seconds) : "–"), near: formatNear, level: (name) => formatStamp(Number(name)), ticks: momentTicks };

export const unitOf = (kind: DataKind): Unit => (kind === "datetime" ? TIME : NUMBER);

export function formatState(state: MonitorState, done: number, files: number): string {
  switch (state) {
    case "freezing":
      return "Reading the reference";
    case "reading":
      return `Reading ${done.toLocaleString("en-US")} of ${plural(files, "file")}`;
    case "watching":
      return "Watching";
    case "asking":
      return "Waits for your word";
    case "failed":
      return "Cannot go on";
  }
}

/** What a monitor does now; a table is counted by its engine. */
export function formatMonitor({ state, files_done, files, table }: Pick<MonitorRow, "state" | "files_done" | "files" | "table">): string {
  if (table && state === "reading") return `${table.engine} is counting`;
  if (table && state === "watching") return `Watching, every ${table.every_minutes === 1 ? "minute" : plural(table.every_minutes, "minute")}`;
  return formatState(state, files_done, files);
}

/** All that is known was judged: a table's verdict holds while its last hours are counted again. */
export const isSettled = ({ state, trouble, table }: Pick<MonitorRow, "state" | "trouble" | "table">) => state === "watching" || (state === "reading" && trouble === null && !!table?.asked);

/** "served", "public.loans at db.example/app". */
export const watchedName = ({ definition, table }: Pick<MonitorRow, "definition" | "table">) => (table ? `${definition.table ?? ""} at ${table.at}` : (definition.current ?? ""));

/** A rule as a person says it. */
export const ruleWords: Record<RuleName, string> = {
  schema: "No other columns",
  min_rows: "Rows, at least",
  max_rows: "Rows, at most",
  max_age_hours: "Not older than",
  type: "Type",
  required: "Is there",
  min: "At least",
  max: "At most",
  allowed: "One of",
  max_null_share: "Missing, at most",
  max_nan_share: "NaN, at most",
  unique: "Each value once",
  min_mean: "Mean, at least",
  max_mean: "Mean, at most",
};
