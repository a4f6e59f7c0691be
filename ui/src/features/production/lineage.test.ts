import { describe, expect, test } from "vitest";
import { promoted } from "$lib/host/mock/promoted";
import { paperOf } from "./lineage";
import { markdown, UNKNOWN, type Part } from "./paper";

const sectionOf = (parts: readonly Part[], title: string) => {
  const from = parts.findIndex((part) => part.is === "section" && part.text === title);
  const to = parts.findIndex((part, i) => i > from && part.is === "section");
  return parts.slice(from + 1, to < 0 ? undefined : to);
};
const paper = (of: readonly Part[]) => markdown({ title: "t", says: "s", parts: of }).split("\n\n").slice(2).join("\n\n").trimEnd();

describe("how a version was made", () => {
  test("what is not recorded is said", () => {
    const { parts } = paperOf({ ...promoted.lineage, run: null, data: [], code: { commit: null, dirty: null, branch: null, repository: null, entry: null }, promotions: [] });
    expect(sectionOf(parts, "Data")).toEqual([{ is: "say", text: UNKNOWN }]);
    expect(sectionOf(parts, "Run")).toEqual([{ is: "say", text: "Of the run cd34 no open project knows more: not recorded." }]);
    const [code] = sectionOf(parts, "Code");
    expect(code?.is === "facts" && code.facts.map(([, value]) => value)).toEqual(Array(5).fill(UNKNOWN));
    expect(sectionOf(parts, "Promotions")).toEqual([{ is: "say", text: "Plans of Signalbox that made or moved it: not recorded." }]);
  });

  test("a metric that is not a number, and the first step, are told", () => {
    const run = { id: 1, key: "k", name: "n", project: "p", path: "", tool: "MLflow", experiment: null, state: "done", state_why: "", user: null, started: 0, ended: null, params: [], metrics: [{ name: "loss", last: "NaN", step: 0, n: 1 }], tags: [] };
    const parts = sectionOf(paperOf({ ...promoted.lineage, run }).parts, "Run");
    expect(parts.at(-1)).toEqual({ is: "table", head: ["metric", "last", "step", "points"], rows: [["loss", "NaN", "0", "1"]] });
    const [about] = parts;
    expect(about?.is === "facts" && Object.fromEntries(about.facts)).toMatchObject({ record: UNKNOWN, ended: UNKNOWN, state: "done" });
  });

  test("systems that did not tell are named", () => {
    const { parts } = paperOf({ ...promoted.lineage, unseen: [{ message: "team: denied.", hint: null, code: "denied" }] });
    expect(sectionOf(parts, "Where it is used").at(-1)).toEqual({ is: "list", items: ["team: denied."] });
  });

  test("the whole as Markdown names its service and version first", () => {
    const text = markdown(paperOf(promoted.lineage));
    expect(text.split("\n")[0]).toBe("# churn: churn 1");
    expect(text).toContain("- commit: ");
  });
});

describe("nothing of a report becomes markup", () => {
  test.each([
    ["a plain word", "a plain word"],
    ["[x](y)", "`[x](y)`"],
    ["<img src=x>", "`<img src=x>`"],
    ["# a", "`# a`"],
    ["1. a", "`1. a`"],
    ["https://x.example", "`https://x.example`"],
    ["a `b", "``a `b``"],
    ["`", "`` ` ``"],
    ["a\n# b", "`a # b`"],
    ["a\u202eb", "a b"],
  ])("%j", (text, expected) => expect(paper([{ is: "say", text }])).toBe(expected));

  test("a bar does not end a cell", () => expect(paper([{ is: "table", head: ["a"], rows: [["x|y"]] }])).toBe("| a |\n| --- |\n| `x\\|y` |"));
  test("a file cannot end its fence", () => expect(paper([{ is: "text", title: "f", text: "a\n```\nb" }])).toBe("f\n\n````\na\n```\nb\n````"));
});
