import type { Completion } from "$lib/host";

/** The text and the caret after a completion was taken. */
export function accept(text: string, item: Completion): { text: string; caret: number } {
  const after = text.slice(item.to);
  // An operator or a keyword wants a space behind it; a field too, so that operators are offered next.
  const space = item.kind === "value" || after.startsWith(" ") ? "" : " ";
  return { text: text.slice(0, item.from) + item.text + space + after, caret: item.from + item.text.length + space.length + (after.startsWith(" ") && item.kind !== "value" ? 1 : 0) };
}

/** What is already written in full is no suggestion. */
export function useful(text: string, items: readonly Completion[]): Completion[] {
  return items.filter((item) => text.slice(item.from, item.to) !== item.text);
}

/** A word was begun: its first completion may be taken by Enter. In a gap Enter applies the filter. */
export function begun(item: Completion | undefined): boolean {
  return item !== undefined && item.to > item.from;
}

/** An error's columns, held within the text and never empty. */
export function errorSpan(detail: { start: number; end: number } | null, length: number): { start: number; end: number } | null {
  if (!detail) return null;
  const start = Math.max(0, Math.min(detail.start, length));
  return { start, end: Math.max(start, Math.min(Math.max(detail.end, start + 1), Math.max(length, start + 1))) };
}
