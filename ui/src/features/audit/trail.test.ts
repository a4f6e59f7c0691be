import { describe, expect, test } from "vitest";
import type { AuditCheck, AuditPage, AuditRow } from "$lib/host";
import { allRows, checkWords, jsonLines, newest, SHOWN } from "./trail";

const row = (seq: number, change: Partial<AuditRow> = {}): AuditRow => ({ seq, hash: `sha256:${seq}`, at: 0, who: "ada", machine: "m", what: "plan", plan: null, step: null, detail: "{}", ...change });
const page = (rows: AuditRow[]): AuditPage => ({ rows, total: 5, broken: null, head: null });

describe("all entries", () => {
  test("are asked for page by page until there are no more", async () => {
    const asked: number[] = [];
    const rows = await allRows((from) => {
      asked.push(from);
      return Promise.resolve(page([1, 2, 3, 4, 5].filter((seq) => seq >= from).slice(0, 2).map((seq) => row(seq))));
    });
    expect(rows.map((r) => r.seq)).toEqual([1, 2, 3, 4, 5]);
    expect(asked).toEqual([1, 3, 5, 6]);
  });
  test("are not asked for without end if the same page comes again", async () => expect(await allRows(() => Promise.resolve(page([row(1)])))).toHaveLength(1));
});

describe("the newest entries", () => {
  /** An audit whose answers hold 1,000 entries. */
  function audit(total: number) {
    const asked: number[] = [];
    const ask = (from: number) => {
      asked.push(from);
      const n = Math.max(0, Math.min(1000, total - from + 1));
      return Promise.resolve({ ...page(Array.from({ length: n }, (_, i) => row(from + i))), total });
    };
    return { asked, ask };
  }
  test.each([
    ["none", 0, 0, [1]],
    ["a few", 7, 0, [1]],
    ["some that came since", 5007, 5000, [4501]],
    ["at a start, many", 5000, 0, [1, 4501]],
    ["more than an answer holds came since", 9000, 5000, [4501, 8501]],
  ] as const)("%s", async (_, total, known, questions) => {
    const { asked, ask } = audit(total);
    const { rows } = await newest(ask, known);
    expect(asked).toEqual(questions);
    expect(rows.length).toBe(Math.min(total, SHOWN));
    expect(rows.at(-1)?.seq ?? 0).toBe(total);
  });
});

test("an entry is one line, with its detail as it is and its step counted from 1", () => {
  const text = jsonLines([row(1, { step: 0, detail: '{\n  "a": 1\n}' }), row(2, { detail: "no JSON" })]);
  expect(text.split("\n")).toHaveLength(3);
  const [first, second] = text.trim().split("\n").map((line) => JSON.parse(line) as unknown);
  expect(first).toMatchObject({ seq: 1, at: "1970-01-01T00:00:00.000Z", step: 1, detail: { a: 1 } });
  expect(second).toMatchObject({ step: null, detail: "no JSON" });
});

describe("what a check says", () => {
  const check = (change: Partial<AuditCheck>): AuditCheck => ({ total: 7, head: "h", broken: null, at: null, kept: null, ...change });
  test.each([
    [check({}), "", true, "7 entries, each bound to the one before it."],
    [check({ kept: 3 }), "h3", true, "7 entries, each bound to the one before it. Entry 3 has the hash that was kept."],
    [check({}), "h3", false, "No entry has the hash that was kept."],
    [check({ broken: "its hash is another", at: 4 }), "", false, "Broken at entry 4: its hash is another"],
  ] as const)("%o, kept %j", (of, kept, good, words) => expect(checkWords(of, kept)).toEqual({ good, words }));
});
