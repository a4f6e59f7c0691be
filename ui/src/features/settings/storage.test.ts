import { describe, expect, test } from "vitest";
import type { RoomKind, RoomPart } from "$lib/host";
import { forgetWords, isConfirmed, lineText, spoken, stretches } from "./storage";

const part = (kind: RoomKind, bytes: number): RoomPart => ({ kind, bytes, title: kind, path: "/data", stays: null });

describe("the bar", () => {
  const bar = stretches([part("free", 100), part("points", 600), part("levels", 200), part("promotions", 0), part("structure", 100)]);

  test("is what takes room, in a fixed order, free pages last", () => {
    expect(bar.map(({ name, bytes, color }) => [name, bytes, color])).toEqual([["Points", 800, 0], ["All else of runs", 100, 4], ["Free pages", 100, null]]);
    expect(bar[0]?.parts.map(({ kind }) => kind)).toEqual(["points", "levels"]);
  });

  test("is full, and what is small is seen", () => {
    expect(bar.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1);
    const [, small] = stretches([part("points", 1e12), part("words", 10)]);
    expect(small?.share).toBeGreaterThan(0.005);
  });

  test("says what it shows", () => expect(spoken(bar)).toBe("Points 800 B, All else of runs 100 B, Free pages 100 B"));
  test("of nothing is empty", () => expect(stretches([])).toEqual([]));
  test("has a place for every kind", () => {
    const kinds: Record<RoomKind, true> = { points: true, levels: true, catalogue: true, code: true, words: true, other: true, structure: true, free: true, log: true, counts: true, fetched: true, window: true, models: true, promotions: true, rest: true };
    const all = Object.keys(kinds).map((kind) => part(kind as RoomKind, 1));
    expect(stretches(all).reduce((n, { parts }) => n + parts.length, 0)).toBe(all.length);
  });
});

test("a line of the plan has its number and its room", () => {
  expect(lineText({ what: "points", n: 20_000, bytes: 1_500_000, why: null })).toBe("20,000 points · 1.50 MB");
  expect(lineText({ what: "the audit", n: null, bytes: null, why: null })).toBe("the audit");
});

test.each([
  [null, "", true],
  ["churn", "", false],
  ["churn", "Churn", false],
  ["churn", " churn ", true],
] as const)("asked for %o, typed %o: %s", (confirm, typed, expected) => expect(isConfirmed({ confirm }, typed)).toBe(expected));

test("the button says what it does", () => {
  expect(forgetWords({ gone_only: false, name: "churn" })).toBe("Forget churn");
  expect(forgetWords({ gone_only: true, name: "churn" })).toBe("Forget gone runs of churn");
});
