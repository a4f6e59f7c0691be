/** Which column calls for a look first. */
import type { ColumnLine, ColumnReport, ColumnWindow, DriftVerdict } from "$lib/host";
import { gravity } from "./words";

export type SortBy = "weighted" | "effect" | "now" | "name" | "psi" | "js" | "ks" | "nulls";

/** In units of what counts as an effect: 1 is the threshold. */
export function strengthOf(column: Pick<ColumnReport, "effect">): number | null {
  return column.effect && column.effect.threshold > 0 ? column.effect.value / column.effect.threshold : null;
}

export const statistic = (column: Pick<ColumnReport, "tests">, name: string) => column.tests[name]?.statistic ?? null;

const nullShare = (side: ColumnReport["reference"]) => (side && side.rows > 0 ? side.nulls / side.rows : 0);

/** The share of nulls of the window less that of the reference. */
export const nullsMove = (column: Pick<ColumnReport, "reference" | "current">) => nullShare(column.current) - nullShare(column.reference);

/** How much the model turns on each column, of 1 together. */
export type Importance = Readonly<Record<string, number | undefined>>;

export interface RankRow {
  name: string;
  line: ColumnLine | null;
  /** Its place in the timeline's columns. */
  at: number;
  window: ColumnWindow | null;
  verdict: DriftVerdict;
  strength: number | null;
}

/** The last bucket in which anything was judged. */
export function newest(line: ColumnLine | null) {
  return line?.points.findLast((point) => point !== null) ?? null;
}

/** All columns of both, the strongest first. Grave verdicts lead: a missing column has no effect to be ranked by. */
export function ranked(lines: readonly ColumnLine[], columns: readonly ColumnWindow[], by: SortBy, filter = "", importance: Importance = {}): RankRow[] {
  const windows = new Map(columns.map((column) => [column.name, column]));
  const wanted = filter.trim().toLowerCase();
  const rows: RankRow[] = lines.map((line, at) => {
    const window = windows.get(line.name) ?? null;
    return { name: line.name, line, at, window, verdict: window?.verdict ?? newest(line)?.verdict ?? "not_judged", strength: window ? strengthOf(window) : (newest(line)?.strength ?? null) };
  });
  const known = new Set(lines.map((line) => line.name));
  for (const window of columns) if (!known.has(window.name)) rows.push({ name: window.name, line: null, at: -1, window, verdict: window.verdict, strength: strengthOf(window) });
  return rows.filter((row) => row.name.toLowerCase().includes(wanted)).sort((a, b) => compare(a, b, by, importance) || a.name.localeCompare(b.name));
}

function compare(a: RankRow, b: RankRow, by: SortBy, importance: Importance): number {
  if (by === "name") return 0;
  // What the model does not turn on comes last, and among itself by its effect.
  if (by === "weighted") return down(weighted(a, importance), weighted(b, importance)) || compare(a, b, "effect", importance);
  if (by === "effect") return leads(b) - leads(a) || down(a.strength, b.strength) || gravity(a.verdict) - gravity(b.verdict);
  if (by === "now") return down(newest(a.line)?.strength ?? null, newest(b.line)?.strength ?? null);
  const value = (row: RankRow) => (row.window ? (by === "nulls" ? Math.abs(nullsMove(row.window)) : statistic(row.window, by)) : null);
  return down(value(a), value(b));
}

const weighted = (row: RankRow, importance: Importance) => (importance[row.name] ?? 0) * (leads(row) === 2 ? MISSING : (row.strength ?? 0));
/** A column that is gone moved as far as one can. */
const MISSING = 1e6;

/** What has no effect to be ranked by, or drifts by its nulls alone, still goes before what is steady. */
const leads = (row: RankRow) => (row.verdict === "missing" || row.verdict === "type_changed" ? 2 : row.verdict === "drift" ? 1 : 0);

/** The greatest first, what is not known last. */
function down(a: number | null, b: number | null): number {
  if (a === null || b === null) return a === b ? 0 : a === null ? 1 : -1;
  return b - a;
}
