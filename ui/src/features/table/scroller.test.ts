// @vitest-environment node
import { expect, test } from "vitest";
import { pagesOf, reveal, rowWindow, slots } from "./scroller";

test.each([
  [0, 560, 28, 100_000, { first: 0, end: 33 }],
  [2800, 560, 28, 100_000, { first: 94, end: 127 }],
  [2_799_440, 560, 28, 100_000, { first: 99_967, end: 100_000 }],
  [0, 560, 28, 3, { first: 0, end: 3 }],
  [0, 560, 28, 0, { first: 0, end: 0 }],
  // The table shrank under a far scroll: its rows are still drawn.
  [999_999, 560, 28, 10, { first: 0, end: 10 }],
])("scrolled to %d", (top, height, row, total, wanted) => expect(rowWindow(top, height, row, total)).toEqual(wanted));

test("every row in sight is in the window, wherever one scrolls", () => {
  for (let top = 0; top < 3000; top += 7) {
    const { first, end } = rowWindow(top, 300, 28, 1000, 0);
    expect(first * 28).toBeLessThanOrEqual(top);
    expect(end * 28).toBeGreaterThanOrEqual(top + 300);
  }
});

test("a row is brought into sight by the least movement", () => {
  expect(reveal(5, 0, 280, 28)).toBe(0);
  expect(reveal(10, 0, 280, 28)).toBe(28);
  expect(reveal(2, 280, 280, 28)).toBe(56);
});

test("pages of a window, the middle first", () => {
  expect(pagesOf({ first: 0, end: 30 }, 100)).toEqual([0]);
  expect(pagesOf({ first: 90, end: 130 }, 100)).toEqual([1, 0]);
  expect(pagesOf({ first: 150, end: 220 }, 100)).toEqual([1, 2]);
  expect(pagesOf({ first: 5, end: 5 }, 100)).toEqual([]);
});

test("scrolling by one row moves one row's element only", () => {
  const before = slots({ first: 10, end: 20 }, 12);
  const after = slots({ first: 11, end: 21 }, 12);
  expect(before.toSorted((a, b) => a - b)).toEqual([10, 11, 12, 13, 14, 15, 16, 17, 18, 19]);
  const slotOf = (rows: number[]) => new Map(rows.map((row) => [row % 12, row]));
  const changed = [...slotOf(after)].filter(([slot, row]) => slotOf(before).get(slot) !== row);
  expect(changed).toEqual([[20 % 12, 20]]);
  expect(new Set(before.map((row) => row % 12)).size).toBe(before.length);
});
