import { fontSizes, fontStack } from "$lib/tokens";
import { isNumeric, MIN_WIDTH, NAME_KEY, showCell, titleParts, type Column } from "./columns";
import { cellOf } from "./pages.svelte";
import type { TableView } from "./view.svelte";

const MAX_WIDTH = 480;
const PADDING = 18;

/** The width that shows every loaded value of a column uncut, and its title. */
export function autosize(view: TableView, column: Column): number {
  const context = document.createElement("canvas").getContext("2d");
  if (!context) return column.width;
  const title = titleParts(view.infoOf.get(column.key), column.key);
  context.font = `500 ${fontSizes.sm}px ${fontStack}`;
  const stat = column.stat && column.stat !== "last" ? 34 : 0;
  const sort = view.sortOf(column) ? 16 : 0;
  let width = context.measureText(title.prefix + title.name).width + stat + sort + 4;
  context.font = `${column.key === NAME_KEY ? 500 : 400} ${fontSizes.md}px ${fontStack}`;
  const numeric = isNumeric(column.key, view.infoOf.get(column.key));
  for (const { row } of view.pages.loaded()) {
    const text = column.key === NAME_KEY ? row.name : showCell(column.key, cellOf(row, column), numeric).text;
    const marks = column.key === NAME_KEY ? 30 + row.tags.slice(0, 2).length * 70 + (row.has_note ? 16 : 0) + (row.n_problems ? 16 : 0) : column.key === "attr:status" ? 18 : 0;
    width = Math.max(width, context.measureText(text).width + marks);
  }
  return Math.ceil(Math.max(MIN_WIDTH, Math.min(MAX_WIDTH, width + PADDING)));
}
