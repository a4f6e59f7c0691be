// What of an artifact is fetched and how it may be looked at. Everything is shown as text or as an image, never as a page.
import type { ArtifactEntry } from "$lib/host";

export type PreviewKind = "text" | "json" | "csv" | "image" | "none";

const KB = 1000;
const MB = 1000 * KB;

/** The most that is fetched, by kind. An image or a JSON document is of no use in part. */
export const CAPS: Record<Exclude<PreviewKind, "none">, number> = { text: 512 * KB, json: 4 * MB, csv: MB, image: 24 * MB };

export function previewKind(entry: Pick<ArtifactEntry, "kind" | "bytes" | "is_dir">): { kind: PreviewKind; why: string | null } {
  if (entry.is_dir) return { kind: "none", why: null };
  if (entry.kind === "other") return { kind: "none", why: "This kind of file has no preview." };
  if (entry.kind === "image" && entry.bytes > CAPS.image) return { kind: "none", why: "This image is too large to show here." };
  // A JSON document that is too long is still text.
  if (entry.kind === "json" && entry.bytes > CAPS.json) return { kind: "text", why: null };
  return { kind: entry.kind, why: null };
}

const IMAGE_TYPES: Record<string, string> = { png: "image/png", jpg: "image/jpeg", jpeg: "image/jpeg", gif: "image/gif", webp: "image/webp", bmp: "image/bmp" };

/** By the name; SVG is absent on purpose: it is a document and is shown as text. */
export function imageType(name: string): string {
  return IMAGE_TYPES[name.toLowerCase().split(".").at(-1) ?? ""] ?? "application/octet-stream";
}

/** UTF-8 if it is, with what is not marked; a cut character at the end of a part is left away. */
export function decodeText(bytes: ArrayBuffer): { text: string; binary: boolean } {
  const head = new Uint8Array(bytes, 0, Math.min(4096, bytes.byteLength));
  if (head.includes(0)) return { text: "", binary: true };
  return { text: new TextDecoder().decode(bytes).replace(/\uFFFD{1,3}$/, ""), binary: false };
}
