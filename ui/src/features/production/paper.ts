// A report as parts, which the window shows and which become Markdown. What it tells comes from elsewhere: no text of
// it becomes markup. `signalbox audit report` writes the same.

/** What is not known is said. */
export const UNKNOWN = "not recorded";

export type Part =
  | { is: "section"; text: string }
  | { is: "topic"; text: string }
  | { is: "say"; text: string }
  | { is: "facts"; facts: readonly (readonly [name: string, value: string])[] }
  | { is: "table"; head: readonly string[]; rows: readonly (readonly string[])[] }
  | { is: "list"; items: readonly string[] }
  /** A file's text. */
  | { is: "text"; text: string; title: string };

export interface Paper {
  title: string;
  says: string;
  parts: readonly Part[];
}

export function markdown({ title, says, parts }: Paper): string {
  return [`# ${md(title)}`, md(says), ...parts.map(block)].join("\n\n") + "\n";
}

function block(part: Part): string {
  switch (part.is) {
    case "section":
      return `## ${md(part.text)}`;
    case "topic":
      return `### ${md(part.text)}`;
    case "say":
      return md(part.text);
    case "facts":
      return part.facts.map(([name, value]) => `- ${md(name)}: ${md(value)}`).join("\n");
    case "list":
      return part.items.map((item) => `- ${md(item)}`).join("\n");
    case "table": {
      // GFM takes a bar for the end of a cell, in code too.
      const line = (cells: readonly string[]) => `| ${cells.map((cell) => md(cell).replaceAll("|", "\\|")).join(" | ")} |`;
      return [line(part.head), `|${" --- |".repeat(part.head.length)}`, ...part.rows.map(line)].join("\n");
    }
    case "text": {
      const fence = "`".repeat(Math.max(2, longestTicks(part.text)) + 1);
      return `${md(part.title)}\n\n${fence}\n${part.text.split(/\r\n|[\n\r\u2028\u2029]/).map(calm).join("\n")}\n${fence}`;
    }
  }
}

/** As it is where no character of it means anything in Markdown; else as code, in which nothing does. */
function md(text: string): string {
  const quiet = calm(text);
  const plain = /^(?:[\p{L}\p{N}(/"'][\p{L}\p{N} .,:;/()%+@=\-_'"→·…?]*)?$/u.test(quiet) && !/__|:\/\/|www\./.test(quiet);
  // A number and a dot at the beginning of a line would become a list.
  if (plain && !/^\d+[.)]/.test(quiet)) return quiet;
  const fence = "`".repeat(longestTicks(quiet) + 1);
  const room = quiet.startsWith("`") || quiet.endsWith("`") ? " " : "";
  return fence + room + quiet + room + fence;
}

/** Without line ends, controls and marks that turn the direction of writing. */
function calm(text: string): string {
  return text.replace(/[\p{Cc}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, " ");
}

const longestTicks = (text: string) => Math.max(0, ...(text.match(/`+/g) ?? []).map((run) => run.length));
