// A unified diff, line by line, as it is drawn.

export type PatchLineKind = "file" | "at" | "added" | "removed" | "same";

/** What each line of a patch is. A line that is taken away may begin with `--` itself: counts tell where a hunk ends. */
export function patchLines(text: string): { kind: PatchLineKind; text: string }[] {
  let [old, now] = [0, 0];
  const lines = text.split("\n");
  if (lines.at(-1) === "") lines.pop();
  return lines.map((line) => {
    if (old > 0 || now > 0) {
      const first = line[0] ?? " ";
      if (first === "+") now--;
      else if (first === "-") old--;
      else if (first !== "\\") [old, now] = [old - 1, now - 1];
      return { kind: first === "+" ? "added" : first === "-" ? "removed" : "same", text: line };
    }
    const hunk = /^@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@/.exec(line);
    if (hunk) {
      [old, now] = [Number(hunk[1] ?? 1), Number(hunk[2] ?? 1)];
      return { kind: "at", text: line };
    }
    return { kind: line.startsWith("diff --git ") ? "file" : "same", text: line };
  });
}
