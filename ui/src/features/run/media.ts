// What a run logged beside numbers: which items belong to a step, and what bytes are.
import type { MediaEntry, MediaTagRow } from "$lib/host";

/** In the order in which the page lists them. */
export const KINDS: readonly { kind: MediaTagRow["kind"]; title: string }[] = [
  { kind: "image", title: "Images" },
  { kind: "video", title: "Videos" },
  { kind: "audio", title: "Sounds" },
  { kind: "histogram", title: "Histograms" },
  { kind: "table", title: "Tables" },
  { kind: "figure", title: "Figures" },
  { kind: "text", title: "Texts" },
  { kind: "html", title: "Pages" },
  { kind: "other", title: "Other files" },
];

/** The items of the newest step that is not after `step`; of the first, where all are after it. */
export function atStep<T extends Pick<MediaEntry, "step">>(items: readonly T[], step: number): T[] {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (items[middle]!.step <= step) low = middle + 1;
    else high = middle;
  }
  const found = items[Math.max(0, low - 1)];
  return found ? items.filter((item) => item.step === found.step) : [];
}

/** Steps of all items, each once, ascending. */
export function stepsOf(lists: readonly (readonly Pick<MediaEntry, "step">[])[]): number[] {
  return [...new Set(lists.flatMap((list) => list.map((item) => item.step)))].sort((a, b) => a - b);
}

/**
 * The type of a picture, sound or film, by its first bytes: what a file is called is its writer's word. `null` for what
 * is none, or a document that could bring scripts along (SVG).
 */
export function sniff(bytes: ArrayBuffer): string | null {
  const head = new Uint8Array(bytes, 0, Math.min(16, bytes.byteLength));
  const text = String.fromCharCode(...head);
  const begins = (magic: string, at = 0) => text.startsWith(magic, at);
  if (begins("\x89PNG\r\n\x1a\n")) return "image/png";
  if (begins("\xff\xd8\xff")) return "image/jpeg";
  if (begins("GIF87a") || begins("GIF89a")) return "image/gif";
  if (begins("BM")) return "image/bmp";
  if (begins("RIFF") && begins("WEBP", 8)) return "image/webp";
  if (begins("RIFF") && begins("WAVE", 8)) return "audio/wav";
  if (begins("OggS")) return "audio/ogg";
  if (begins("fLaC")) return "audio/flac";
  if (begins("ID3") || (head[0] === 0xff && ((head[1] ?? 0) & 0xe0) === 0xe0)) return "audio/mpeg";
  if (begins("ftyp", 4)) return "video/mp4";
  if (begins("\x1aE\xdf\xa3")) return "video/webm";
  return null;
}

/** W&B's tables: `{"columns": [...], "data": [[...]]}`; `null` for what is none. */
export function parseTable(text: string): { header: string[]; rows: unknown[][] } | null {
  let value: unknown;
  try {
    value = JSON.parse(quoted(text));
  } catch {
    return null;
  }
  const table = value as { columns?: unknown; data?: unknown };
  if (!Array.isArray(table?.columns) || !Array.isArray(table.data) || !table.data.every(Array.isArray)) return null;
  return { header: table.columns.map(String), rows: table.data };
}

/** Python's bare `NaN` and `Infinity` as strings; what stands in strings stays as it is. */
function quoted(text: string): string {
  return text.replace(/"(?:[^"\\]|\\.)*"|-?\b(?:NaN|Infinity)\b/g, (found) => (found.startsWith('"') ? found : `"${found}"`));
}

/** A cell in one line. */
export function tableCell(value: unknown): string {
  if (value === null || value === undefined) return "";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
