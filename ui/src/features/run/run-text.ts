// Words of a run's page, and what it copies.
import { formatValue } from "$lib/chart/number";
import { formatInteger, nonFinite, nonFiniteWords } from "$lib/format";
import type { Cell, MetricRow } from "$lib/host";

/** A metric's value as a table shows it, and in full. */
export function cellText(cell: Cell): { text: string; full: string } {
  if (cell === null) return { text: "", full: "" };
  const odd = nonFinite(cell);
  if (odd) return { text: nonFiniteWords[odd].word, full: nonFiniteWords[odd].title };
  if (typeof cell !== "number") return { text: cell, full: cell };
  const size = Math.abs(cell);
  const text = size < 1e9 && (Number.isInteger(cell) || size >= 1e5) ? formatInteger(cell) : formatValue(cell, size >= 1e4 && size < 1e5 ? 6 : 5);
  return { text: text.replace(/^-/, "−"), full: String(cell) };
}

/** "3 NaN, 1 rewind": what a line of numbers does not tell. */
export function oddities(row: MetricRow): string {
  const parts: string[] = [];
  if (row.n_nan) parts.push(`${row.n_nan} NaN`);
  if (row.n_pos_inf + row.n_neg_inf) parts.push(`${row.n_pos_inf + row.n_neg_inf} infinite`);
  if (row.n_rewinds) parts.push(row.n_rewinds === 1 ? "1 rewind" : `${row.n_rewinds} rewinds`);
  return parts.join(", ");
}

/** Pairs as lines of a table for a spreadsheet. */
export function asTsv(rows: readonly (readonly string[])[]): string {
  return rows.map((row) => row.map((cell) => cell.replace(/[\t\n\r]+/g, " ")).join("\t")).join("\n");
}

/** Every word must stand in one of the texts. */
export function matches(words: string, ...texts: string[]): boolean {
  const all = texts.join("\n").toLowerCase();
  return words.toLowerCase().split(/\s+/).every((word) => all.includes(word));
}

/** Where a data set came from, in a line: MLflow keeps JSON in JSON, of another shape for each kind of source. */
export function datasetSource(text: string): string {
  const outer = object(text);
  if (!outer) return text;
  const inner = object(outer.source) ?? outer;
  const tags = object(inner.tags);
  const place = [inner.uri, inner.url, inner.path, inner.table_name, inner.delta_table_path, inner.name, tags?.["mlflow.source.name"], outer.source].find((v) => typeof v === "string" && v !== "");
  const kind = typeof outer.type === "string" ? outer.type : "";
  return [kind, place].filter(Boolean).join(": ") || text;
}

function object(value: unknown): Record<string, unknown> | null {
  let parsed = value;
  if (typeof value === "string") {
    try {
      parsed = JSON.parse(value);
    } catch {
      return null;
    }
  }
  return typeof parsed === "object" && parsed !== null && !Array.isArray(parsed) ? (parsed as Record<string, unknown>) : null;
}
