// A CSV file as a table to look at: quoted fields, any of , ; tab, never more than was asked for.

export interface CsvTable {
  header: string[];
  rows: string[][];
  /** More rows than these lie in the text. */
  more: boolean;
}

export function parseCsv(text: string, maxRows: number, maxColumns = 200): CsvTable {
  const delimiter = delimiterOf(text);
  const rows: string[][] = [];
  let row: string[] = [];
  let field = "";
  let quoted = false;
  let i = text.charCodeAt(0) === 0xfeff ? 1 : 0;
  const endField = () => {
    if (row.length < maxColumns) row.push(field);
    field = "";
  };
  const endRow = () => {
    endField();
    if (row.length > 1 || row[0] !== "") rows.push(row);
    row = [];
  };
  for (; i < text.length && rows.length <= maxRows + 1; i++) {
    const c = text[i]!;
    if (quoted) {
      if (c !== '"') field += c;
      else if (text[i + 1] === '"') {
        field += '"';
        i++;
      } else quoted = false;
    } else if (c === '"' && field === "") quoted = true;
    else if (c === delimiter) endField();
    else if (c === "\n") endRow();
    else if (c !== "\r") field += c;
  }
  if (i >= text.length && (field !== "" || row.length > 0)) endRow();
  const header = rows.shift() ?? [];
  return { header, rows: rows.slice(0, maxRows), more: rows.length > maxRows };
}

/** Whichever stands most often in the first line, outside of quotes. */
function delimiterOf(text: string): string {
  const line = (text.split("\n", 1)[0] ?? "").replace(/"[^"]*"/g, "");
  const count = (c: string) => line.split(c).length - 1;
  return [",", "\t", ";"].reduce((best, c) => (count(c) > count(best) ? c : best), ",");
}

/** Columns that hold only numbers are set to the right. */
export function numericColumns(table: CsvTable): boolean[] {
  return table.header.map((_, column) => table.rows.length > 0 && table.rows.every((row) => row[column] === undefined || row[column] === "" || Number.isFinite(Number(row[column])) || /^[-+]?(nan|inf(inity)?)$/i.test(row[column]!)));
}
