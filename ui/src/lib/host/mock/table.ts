import { HostError } from "../error";
import type { Cell, ColumnInfo, ColumnRef, Completion, MetricRow, Stat, TableQuery, TablePage, TableRow } from "../wire";
import { METRICS, NOW, type MockRun } from "./runs";

export function lowerIsBetter(metric: string): boolean {
  return /loss|error|seconds|norm/.test(metric);
}

export function toCell(value: number | null | undefined): Cell {
  if (value === undefined || value === null) return null;
  return Number.isFinite(value) ? value : String(value);
}

function rawValue(run: MockRun, column: ColumnRef): number | string | null {
  const at = column.key.indexOf(":");
  const kind = column.key.slice(0, at);
  const name = column.key.slice(at + 1);
  if (kind === "param") return numberOrText(run.params.get(name));
  if (kind === "tag") return run.tags.get(name) ?? null;
  if (kind === "metric") {
    const metric = run.metrics.get(name);
    if (!metric) return null;
    const stat: Stat = column.stat ?? "last";
    if (stat === "best") return lowerIsBetter(name) ? metric.min : metric.max;
    return metric[stat];
  }
  switch (name) {
    case "name": return run.ownName ?? run.name;
    case "status": return run.status;
    case "started": return run.started;
    case "ended": return run.ended;
    case "duration": return (run.ended ?? NOW) - run.started;
    case "experiment": return run.experiment;
    case "user": return run.user;
    case "source": return run.source;
    case "path": return run.path;
    case "id": return String(run.id);
    case "n_points": return [...run.metrics.values()].reduce((sum, metric) => sum + metric.n, 0);
    case "note": return run.note || null;
    case "last_change": return run.ended ?? NOW;
    default: return null;
  }
}

function numberOrText(text: string | undefined): number | string | null {
  if (text === undefined) return null;
  return text !== "" && Number.isFinite(Number(text)) ? Number(text) : text;
}

export function rowOf(run: MockRun, columns: readonly ColumnRef[]): TableRow {
  return {
    id: run.id, name: run.ownName ?? run.name, color: run.color, dash: Math.floor((run.id % 1_000_000) / 10) % 4, status: run.status,
    hidden: run.hidden, pinned: run.pinned, tags: run.ownTags, has_note: run.note !== "", n_problems: run.problems, gone: false,
    cells: columns.map((column) => {
      const value = rawValue(run, column);
      return typeof value === "number" ? toCell(value) : value;
    }),
  };
}

export function arrange(runs: readonly MockRun[], query: Pick<TableQuery, "filter" | "sort" | "show_hidden">): MockRun[] {
  const test = compileFilter(query.filter);
  const kept = runs.filter((run) => (query.show_hidden || !run.hidden) && test(run));
  const keys = query.sort.map((key) => ({ column: key.column, sign: key.descending ? -1 : 1 }));
  const decorated = kept.map((run, index) => ({ run, index, values: keys.map((key) => rawValue(run, key.column)) }));
  decorated.sort((a, b) => {
    if (a.run.pinned !== b.run.pinned) return a.run.pinned ? -1 : 1;
    for (let i = 0; i < keys.length; i++) {
      const order = compare(a.values[i] ?? null, b.values[i] ?? null, keys[i]?.sign ?? 1);
      if (order) return order;
    }
    return a.index - b.index;
  });
  return decorated.map((entry) => entry.run);
}

/** Missing and NaN go last in both directions. */
function compare(a: number | string | null, b: number | string | null, sign: number): number {
  const rank = (value: number | string | null) => (value === null ? 2 : typeof value === "number" && Number.isNaN(value) ? 1 : 0);
  if (rank(a) !== rank(b)) return rank(a) - rank(b);
  if (a === null || b === null || a === b) return 0;
  if (typeof a === "number" && typeof b === "number") return (a - b) * sign || 0;
  return String(a).localeCompare(String(b), undefined, { numeric: true }) * sign;
}

export function tablePage(runs: readonly MockRun[], query: TableQuery, version: number): TablePage {
  try {
    const arranged = arrange(runs, query);
    return { version, total: runs.length, matched: arranged.length, offset: query.offset, rows: arranged.slice(query.offset, query.offset + query.limit).map((run) => rowOf(run, query.columns)), empty: query.columns.map((column) => arranged.every((run) => rawValue(run, column) === null)), filter_error: null, filter_hint: null };
  } catch (thrown) {
    if (!(thrown instanceof HostError) || thrown.code !== "bad_filter") throw thrown;
    const { code, message, hint, detail } = thrown;
    return { version, total: runs.length, matched: 0, offset: 0, rows: [], empty: [], filter_error: { code, message, hint, detail }, filter_hint: null };
  }
}

export function columnsOf(runs: readonly MockRun[]): ColumnInfo[] {
  const attr = (name: string, title: string, numeric: boolean): ColumnInfo => ({ key: `attr:${name}`, kind: "attr", name, title, numeric, n_runs: runs.length, distinct: 1000 });
  const list = [attr("name", "Name", false), attr("status", "State", false), attr("source", "Source", false), attr("started", "Started", true), attr("duration", "Duration", true), attr("ended", "Ended", true), attr("experiment", "Experiment", false), attr("user", "User", false), attr("path", "Path", false), attr("id", "Id", false), attr("n_points", "Points", true), attr("note", "Note", false), attr("last_change", "Last change", true)];
  for (const kind of ["params", "tags"] as const) {
    const values = new Map<string, Set<string>>();
    const counts = new Map<string, number>();
    for (const run of runs) {
      for (const [name, value] of run[kind]) {
        counts.set(name, (counts.get(name) ?? 0) + 1);
        const set = values.get(name) ?? new Set();
        if (set.size < 1000) set.add(value);
        values.set(name, set);
      }
    }
    for (const [name, set] of values) {
      const kindName = kind === "params" ? "param" : "tag";
      list.push({ key: `${kindName}:${name}`, kind: kindName, name, title: name, numeric: [...set].every((value) => Number.isFinite(Number(value))), n_runs: counts.get(name) ?? 0, distinct: set.size });
    }
  }
  for (const name of METRICS) {
    const n = runs.reduce((sum, run) => sum + (run.metrics.has(name) ? 1 : 0), 0);
    if (n) list.push({ key: `metric:${name}`, kind: "metric", name, title: name, numeric: true, n_runs: n, distinct: 1000 });
  }
  return list;
}

export function metricRow(run: MockRun, name: string): MetricRow {
  const metric = run.metrics.get(name);
  if (!metric) throw new HostError("not_found", "No such metric.");
  const bestIsMin = lowerIsBetter(name);
  return {
    name, n: metric.n, last: toCell(metric.last), last_step: metric.n - 1, best: toCell(bestIsMin ? metric.min : metric.max), best_step: Math.floor(metric.n * 0.9),
    min: toCell(metric.min), min_step: bestIsMin ? Math.floor(metric.n * 0.9) : 0, max: toCell(metric.max), max_step: bestIsMin ? 0 : Math.floor(metric.n * 0.9),
    n_nan: Number.isNaN(metric.last) ? Math.floor(metric.n * 0.3) : 0, n_pos_inf: metric.last === Infinity ? Math.floor(metric.n * 0.3) : 0, n_neg_inf: 0, n_rewinds: 0,
  };
}

const CLAUSE = /^\s*(?:(metrics|params|tags|attributes)\.)?("[^"]+"|`[^`]+`|[\w./-]+)\s*(<=|>=|!=|=|<|>|like|ilike)\s*("[^"]*"|'[^']*'|-?[\d.]+(?:e-?\d+)?)\s*$/i;

/** A toy: clauses joined by `and`. The real language is the filter crate's. */
export function compileFilter(filter: string): (run: MockRun) => boolean {
  if (!filter.trim()) return () => true;
  let at = 0;
  const tests = filter.split(/\s+and\s+/i).map((clause) => {
    const start = filter.indexOf(clause, at);
    at = start + clause.length;
    const match = CLAUSE.exec(clause);
    if (!match) throw new HostError("bad_filter", clause.trim() ? `“${clause.trim()}” is not a comparison.` : "A comparison is missing here.", "Write a field, an operator and a value: metrics.val/loss < 0.3", { start, end: Math.max(start + 1, at) });
    const [, group = "attributes", rawName = "", operator = "=", rawValueText = ""] = match;
    const name = rawName.replace(/^["`]|["`]$/g, "");
    const value = rawValueText.replace(/^["']|["']$/g, "");
    const kind = { metrics: "metric", params: "param", tags: "tag", attributes: "attr" }[group.toLowerCase()] ?? "attr";
    const known = kind === "attr" ? ["name", "status", "source", "started", "duration", "experiment", "user"].includes(name) : kind === "metric" ? METRICS.includes(name) : true;
    if (!known) throw new HostError("bad_filter", `There is no ${kind === "attr" ? "field" : kind} called ${name}.`, null, { start: start + clause.indexOf(rawName), end: start + clause.indexOf(rawName) + rawName.length });
    return (run: MockRun) => {
      const left = rawValue(run, { key: `${kind}:${name}`, stat: "last" });
      if (left === null) return false;
      if (/like/i.test(operator)) return new RegExp(`^${value.replace(/[.*+?^${}()|[\]\\]/g, "\\$&").replace(/%/g, ".*")}$`, operator === "ilike" ? "i" : "").test(String(left));
      const [a, b] = typeof left === "number" ? [left, Number(value)] : [left, value];
      return operator === "=" ? a === b : operator === "!=" ? a !== b : operator === "<" ? a < b : operator === ">" ? a > b : operator === "<=" ? a <= b : a >= b;
    };
  });
  return (run) => tests.every((test) => test(run));
}

export function complete(columns: readonly ColumnInfo[], filter: string, caret: number): Completion[] {
  const before = filter.slice(0, caret);
  const word = /[\w./-]*$/.exec(before)?.[0] ?? "";
  const from = caret - word.length;
  const expectsOperator = /(?:metrics|params|tags)\.[\w./-]+\s+$|\b(?:name|status|source|duration)\s+$/.test(before);
  if (expectsOperator) return ["=", "!=", "<", "<=", ">", ">=", "like"].map((text) => ({ text, kind: "operator", detail: "", from, to: caret }));
  if (/(?:=|<|>|like)\s*["']?[\w.-]*["']?\s+$/.test(before)) return ["and", "or"].map((text) => ({ text, kind: "keyword", detail: "", from, to: caret }));
  const fields = columns.map((column) => ({ text: column.kind === "attr" ? column.name : `${column.kind}s.${column.name}`, detail: column.kind === "attr" ? "" : `${column.n_runs} runs` }));
  return fields.filter((field) => field.text.toLowerCase().includes(word.toLowerCase())).slice(0, 12).map((field) => ({ ...field, kind: "field", from, to: caret }));
}
