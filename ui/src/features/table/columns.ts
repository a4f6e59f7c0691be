import type { Cell, ColumnInfo, ColumnRef, MetricInfo, RunState, Stat } from "$lib/host";
import { stateWords } from "$lib/run-state";
import { formatDuration, formatInteger, formatNumber, formatParam, formatTime, formatTimeFull, nonFinite, nonFiniteWords } from "$lib/format";

export interface Column extends ColumnRef {
  width: number;
  /** Stays at the left while the others scroll. */
  pinned: boolean;
  /** Nobody chose it: it leaves while no run in sight has it. */
  auto?: boolean;
}

export const NAME_KEY = "attr:name";
export const MIN_WIDTH = 44;
export const STATS: readonly { stat: Stat; label: string }[] = [
  { stat: "last", label: "Last" },
  { stat: "best", label: "Best" },
  { stat: "min", label: "Min" },
  { stat: "max", label: "Max" },
];

export function kindOf(key: string): ColumnInfo["kind"] {
  const kind = key.slice(0, key.indexOf(":"));
  return kind === "param" || kind === "tag" || kind === "metric" ? kind : "attr";
}

export const nameOf = (key: string) => key.slice(key.indexOf(":") + 1);

export function defaultWidth(key: string): number {
  switch (key) {
    case NAME_KEY: return 240;
    case "attr:status": return 92;
    case "attr:started":
    case "attr:ended":
    case "attr:last_change": return 104;
    case "attr:duration": return 88;
    case "attr:path":
    case "attr:note": return 200;
    // The title decides: values are five or six figures wide.
    default: return Math.round(Math.max(72, Math.min(136, 26 + nameOf(key).length * 6.6)));
  }
}

export function makeColumn(key: string, stat: Stat | null = null, info?: ColumnInfo): Column {
  // Words are wider than figures.
  const text = info !== undefined && info.kind !== "attr" && !info.numeric;
  return { key, stat: kindOf(key) === "metric" ? (stat ?? "last") : null, width: Math.max(text ? 112 : 0, defaultWidth(key)), pinned: key === NAME_KEY };
}

/** What a project shows before anybody chose: what most runs have, and what sets them apart. */
export function defaultColumns(infos: readonly ColumnInfo[]): Column[] {
  const byInterest = infos
    .filter((info) => info.kind === "metric")
    .toSorted((a, b) => b.n_runs - a.n_runs || interest(b.name) - interest(a.name) || a.name.localeCompare(b.name))
    .slice(0, 24)
    .toSorted((a, b) => interest(b.name) - interest(a.name) || b.n_runs - a.n_runs);
  // Metrics that as many runs have are most likely of the same runs: leave room for those of the others.
  const alike = (info: ColumnInfo, list: readonly ColumnInfo[]) => list.filter((other) => other.n_runs === info.n_runs).length;
  const most = Math.max(0, ...byInterest.map((info) => info.n_runs));
  const metrics = byInterest.filter((info, i) => info.n_runs === most || alike(info, byInterest.slice(0, i)) < 2).slice(0, 4);
  const params = infos
    .filter((info) => info.kind === "param" && info.distinct > 1 && !/seed|path|dir|time|date/i.test(info.name))
    .toSorted((a, b) => b.n_runs - a.n_runs || b.distinct - a.distinct || a.name.localeCompare(b.name))
    .slice(0, 4);
  return [NAME_KEY, "attr:status", ...metrics.map((info) => info.key), ...params.map((info) => info.key), "attr:started"].map((key) => ({ ...makeColumn(key, null, infos.find((info) => info.key === key)), auto: true }));
}

/** Validation before training, quality before bookkeeping. */
function interest(metric: string): number {
  let score = 0;
  if (/val|test|eval/i.test(metric)) score += 2;
  if (/loss|acc|error|auc|f1|map|rmse|mae|r2|score|reward|perplexity/i.test(metric)) score += 3;
  if (/best|ema_|_std$/i.test(metric)) score -= 2;
  if (/^lr|learning_rate|epoch$|step|time|second|memory|norm|system\//i.test(metric)) score -= 4;
  return score;
}

/** Which way a first click on a header sorts: the better end first. */
export function firstDescending(key: string, metric: MetricInfo | undefined, numeric: boolean): boolean {
  if (metric) return metric.goal !== "min";
  return numeric && kindOf(key) === "attr";
}

export interface Shown {
  text: string;
  /** In full, for hover and copy. */
  full: string;
  mark?: string;
  dim?: boolean;
}

const EMPTY: Shown = { text: "", full: "" };

export function isNumeric(key: string, info: ColumnInfo | undefined): boolean {
  return kindOf(key) === "metric" || (info?.numeric ?? false);
}

/** A cell as the table says it. `now` in unix seconds makes times relative to a day. */
export function showCell(key: string, cell: Cell | undefined, numeric: boolean, now?: number): Shown {
  if (cell === null || cell === undefined) return EMPTY;
  const odd = numeric ? nonFinite(cell) : null;
  if (odd) {
    const words = nonFiniteWords[odd];
    return { text: words.word, full: words.title, mark: words.mark };
  }
  if (key === "attr:status" && typeof cell === "string" && cell in stateWords) {
    const words = stateWords[cell as RunState];
    return { text: words.word, full: words.why };
  }
  if (typeof cell === "string") return { text: cell, full: cell };
  switch (key) {
    case "attr:started":
    case "attr:ended":
    case "attr:last_change":
      return {
        text: formatTime(cell, now),
        // Only who asks for it pays for it.
        get full() {
          return formatTimeFull(cell);
        },
      };
    case "attr:duration":
      return { text: formatDuration(cell), full: `${formatInteger(Math.round(cell))} s` };
    case "attr:n_points":
      return { text: formatInteger(cell), full: String(cell) };
  }
  return { text: kindOf(key) === "param" ? formatParam(cell) : formatNumber(cell), full: String(cell) };
}

/** A header in two parts: a metric's prefix is dim. */
export function titleParts(info: ColumnInfo | undefined, key: string): { prefix: string; name: string } {
  const title = info?.title ?? nameOf(key);
  const slash = kindOf(key) === "metric" ? title.lastIndexOf("/") : -1;
  return slash > 0 ? { prefix: title.slice(0, slash + 1), name: title.slice(slash + 1) } : { prefix: "", name: title };
}
