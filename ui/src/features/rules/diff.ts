// A unified diff as lines to be shown.

export interface Line {
  text: string;
  kind: "head" | "place" | "added" | "removed" | "same" | "note";
}

export function linesOf(diff: string): Line[] {
  if (diff === "") return [];
  let inHunk = false;
  return diff.replace(/\n$/, "").split("\n").map((raw) => {
    const text = raw.replace(/\r$/, "");
    if (text.startsWith("@@")) {
      inHunk = true;
      return { text, kind: "place" };
    }
    if (!inHunk) return { text, kind: "head" };
    const kind = text.startsWith("+") ? "added" : text.startsWith("-") ? "removed" : text.startsWith("\\") ? "note" : "same";
    return { text, kind };
  });
}

/** How many lines come and go, for a screen reader. */
export function countOf(lines: readonly Line[]): string {
  const n = (kind: Line["kind"]) => lines.filter((line) => line.kind === kind).length;
  return `${n("added")} added, ${n("removed")} removed`;
}
