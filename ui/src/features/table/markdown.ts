import { isNumeric, NAME_KEY, showCell, titleParts } from "./columns";
import { cellOf, type LoadedRow } from "./pages.svelte";
import type { TableView } from "./view.svelte";

/** Rows as a Markdown table, with the columns in sight and the values in full. */
export function asMarkdown(view: Pick<TableView, "columns" | "infoOf">, rows: readonly LoadedRow[]): string {
  const heads = view.columns.map((column) => {
    const title = titleParts(view.infoOf.get(column.key), column.key);
    return escape(title.prefix + title.name + (column.stat && column.stat !== "last" ? ` (${column.stat})` : ""));
  });
  const numeric = view.columns.map((column) => isNumeric(column.key, view.infoOf.get(column.key)));
  const lines = rows.map((row) =>
    view.columns.map((column, i) => {
      const cell = column.key === NAME_KEY ? row.name : cellOf(row, column);
      if (typeof cell === "number" && !column.key.startsWith("attr:")) return String(cell);
      const shown = showCell(column.key, cell, numeric[i] ?? false);
      return escape(column.key === "attr:started" || column.key === "attr:ended" ? shown.full : shown.text);
    }),
  );
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(heads), line(numeric.map((right) => (right ? "--:" : "---"))), ...lines.map(line)].join("\n");
}

function escape(text: string): string {
  return text.replace(/\\/g, "\\\\").replace(/\|/g, "\\|").replace(/\s*\n\s*/g, " ");
}
