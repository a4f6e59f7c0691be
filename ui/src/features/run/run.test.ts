import { describe, expect, it } from "vitest";
import { numericColumns, parseCsv } from "./csv";
import { atStep, parseTable, sniff, stepsOf, tableCell } from "./media";
import { patchLines } from "./patch";
import { CAPS, decodeText, imageType, previewKind } from "./preview";
import { asTsv, cellText, datasetSource, matches } from "./run-text";

describe("csv", () => {
  it.each([
    ["a,b\n1,2\n", [["a", "b"], ["1", "2"]]],
    ["a;b\r\n1;2", [["a", "b"], ["1", "2"]]],
    ["a\tb\n\n1\t2\n", [["a", "b"], ["1", "2"]]],
    ['\ufeffa,b\n"x, ""y""\nz",2', [["a", "b"], ['x, "y"\nz', "2"]]],
    ["", [[]]],
    ['a\n"never closed', [["a"], ["never closed"]]],
  ])("reads %j", (text, expected) => {
    const table = parseCsv(text, 10);
    expect([table.header, ...table.rows]).toEqual(expected);
  });
  it("stops after the rows asked for and says so", () => {
    const table = parseCsv(`n\n${Array.from({ length: 500 }, (_, i) => i).join("\n")}`, 200);
    expect([table.rows.length, table.rows[199], table.more]).toEqual([200, ["199"], true]);
    expect(parseCsv("n\n1\n2", 2).more).toBe(false);
  });
  it("knows columns of numbers", () => expect(numericColumns(parseCsv("a,b,c\n1,x,nan\n,2,3", 5))).toEqual([true, false, true]));
});

describe("preview", () => {
  const entry = (kind: "text" | "json" | "csv" | "image" | "other", bytes: number) => previewKind({ kind, bytes, is_dir: false });
  it("shows what it can and says why not", () => {
    expect(entry("csv", 1e9)).toEqual({ kind: "csv", why: null });
    expect(entry("json", CAPS.json + 1).kind).toBe("text");
    expect(entry("image", CAPS.image + 1)).toMatchObject({ kind: "none", why: expect.stringContaining("too large") });
    expect(entry("other", 1).why).toContain("no preview");
  });
  it("never makes a document of an image", () => expect([imageType("a.PNG"), imageType("a.svg"), imageType("x")]).toEqual(["image/png", "application/octet-stream", "application/octet-stream"]));
  it("tells text from bytes and drops a cut character", () => {
    expect(decodeText(new Uint8Array([0x61, 0xc3]).buffer)).toEqual({ text: "a", binary: false });
    expect(decodeText(new Uint8Array([1, 0, 2]).buffer).binary).toBe(true);
  });
});

describe("words", () => {
  it("shows cells short and in full", () => {
    expect(cellText(0.123456789)).toEqual({ text: "0.12346", full: "0.123456789" });
    expect([3e-4, 126341.4, 73904.25, -12, 9.4883e9, 1e-7].map((v) => cellText(v).text)).toEqual(["0.0003", "126,341", "73904.3", "−12", "9.4883e9", "1e−7"]);
    expect(cellText("NaN").text).toBe("NaN");
    expect(cellText(null).text).toBe("");
  });
  it("keeps cells on their line", () => expect(asTsv([["a", "x\ty\nz"]])).toBe("a\tx y z"));
  it("finds all words in any order", () => expect([matches("LR opt", "optimizer.lr"), matches("lr x", "lr"), matches("", "a")]).toEqual([true, false, true]));
});

describe("where a data set came from", () => {
  it.each([
    ['{"source":"{\\"tags\\": {\\"mlflow.user\\": \\"ml\\", \\"mlflow.source.name\\": \\"sweep.py\\"}}","type":"code"}', "code: sweep.py"],
    ['{"source":"{\\"uri\\": \\"/data/wine.csv\\"}","type":"local"}', "local: /data/wine.csv"],
    ['{"url":"s3://a/b"}', "s3://a/b"],
    ["s3://bucket/key", "s3://bucket/key"],
    ['{"x":1}', '{"x":1}'],
    ["[1]", "[1]"],
  ])("%s", (text, expected) => expect(datasetSource(text)).toBe(expected));
});

describe("a patch", () => {
  const patch = "# a remark\ndiff --git a/x.py b/x.py\n--- a/x.py\n+++ b/x.py\n@@ -1,2 +1,2 @@ def f():\n--- not a header\n+++ nor this\n same\n\\ No newline at end of file\ndiff --git a/y b/y\n@@ -0,0 +1 @@\n+one\n";
  it("knows what was added and what was taken away", () => {
    expect(patchLines(patch).map((line) => line.kind)).toEqual(["same", "file", "same", "same", "at", "removed", "added", "same", "same", "file", "at", "added"]);
  });
});

describe("media", () => {
  const at = (...steps: number[]) => steps.map((step, i) => ({ step, i }));
  it("shows the newest step that is not after the one chosen, whole", () => {
    expect(atStep(at(1, 5, 5, 9), 7).map((item) => item.i)).toEqual([1, 2]);
    expect(atStep(at(1, 5, 5, 9), 0).map((item) => item.i)).toEqual([0]);
    expect(atStep(at(1, 5, 5, 9), 99).map((item) => item.i)).toEqual([3]);
    expect(atStep([], 3)).toEqual([]);
    expect(stepsOf([at(5, 1), at(5, 7)])).toEqual([1, 5, 7]);
  });
  it("believes bytes, not names", () => {
    const bytes = (text: string) => Uint8Array.from([...text].map((c) => c.charCodeAt(0))).buffer;
    expect([sniff(bytes("\x89PNG\r\n\x1a\n....")), sniff(bytes("RIFF....WAVEfmt ")), sniff(bytes("<svg onload=alert(1)>")), sniff(bytes(""))]).toEqual(["image/png", "audio/wav", null, null]);
  });
  it("reads a table as Python writes it", () => {
    expect(parseTable('{"columns": ["x", "y"], "data": [[1, NaN], ["a, NaN]", -Infinity]]}')).toEqual({ header: ["x", "y"], rows: [[1, "NaN"], ["a, NaN]", "-Infinity"]] });
    expect([parseTable("[1]"), parseTable('{"columns": 1, "data": []}'), parseTable('{"columns": [], "data": [1]}'), parseTable("{")]).toEqual([null, null, null, null]);
    expect([tableCell(null), tableCell({ _type: "image-file" }), tableCell(0.5)]).toEqual(["", '{"_type":"image-file"}', "0.5"]);
  });
});
