// @vitest-environment node
import { describe, expect, test } from "vitest";
import { formatAgo, formatBytes, formatCount, formatDuration, formatNumber, formatParam, formatTime, nonFinite, plural, setHome, shortPath } from "./format";

describe("numbers", () => {
  test.each([
    [0.302144, "0.3021"],
    [0.1980, "0.1980"],
    [12.3449, "12.34"],
    [0, "0"],
    [-0, "0"],
    [-0.5, "−0.5000"],
    [9999.96, "10,000"],
    [99_999.4, "99,999"],
    [123_456.7, "1.235e5"],
    [41_203, "41,203"],
    [12_345_678, "1.235e7"],
    [0.00001234, "1.234e−5"],
    [0.0001, "0.0001000"],
    [-1e-300, "−1.000e−300"],
    [1.7976931348623157e308, "1.798e308"],
    [NaN, "NaN"],
    [Infinity, "inf"],
    [-Infinity, "−inf"],
  ])("%d is %s", (value, text) => expect(formatNumber(value)).toBe(text));

  test.each([
    [0.0003, "0.0003"],
    [64, "64"],
    [3e-10, "3e−10"],
    [-1.5, "−1.5"],
    [0.123456789, "0.12346"],
  ])("a param %d is %s", (value, text) => expect(formatParam(value)).toBe(text));

  test.each([
    ["NaN", "NaN"],
    ["-Infinity", "-Infinity"],
    [Infinity, "Infinity"],
    [1, null],
    ["adam", null],
    [null, null],
  ])("%s is the non-finite %s", (cell, found) => expect(nonFinite(cell)).toBe(found));
});

test.each([
  [999, "999"],
  [1240, "1.2k"],
  [99_960, "100k"],
  [999_600, "1.0M"],
  [41_200_000, "41.2M"],
])("a count of %d is %s", (value, text) => expect(formatCount(value)).toBe(text));

test.each([
  [0, "0 B"],
  [1234, "1.23 kB"],
  [84_000_000, "84.0 MB"],
  [655_000_000, "655 MB"],
  [999_999, "1,000 kB"],
  [1e15, "1,000 TB"],
])("%d bytes are %s", (value, text) => expect(formatBytes(value)).toBe(text));

test.each([
  [0.25, "250 ms"],
  [5, "5.0 s"],
  [59.97, "1 m 00 s"],
  [134, "2 m 14 s"],
  [3780, "1 h 03 m"],
  [273_600, "3 d 4 h"],
  [107_139_600, "1,240 d"],
  [-107_139_600, "−1,240 d"],
  [2.5e11, "2,893,518 d"],
  [1e300, "1.157e295 d"],
  [NaN, "unknown"],
])("%d seconds are %s", (value, text) => expect(formatDuration(value)).toBe(text));

test("a moment is told as near as it matters", () => {
  const at = (y: number, mo: number, d: number, h: number, mi: number) => new Date(y, mo, d, h, mi).getTime() / 1000;
  const now = at(2026, 10, 21, 18, 0);
  expect(formatTime(at(2026, 10, 21, 10, 42), now)).toBe("10:42");
  expect(formatTime(at(2026, 8, 3, 10, 42), now)).toBe("3 Sep 10:42");
  expect(formatTime(at(2024, 8, 3, 10, 42), now)).toBe("3 Sep 2024");
  expect(formatTime(NaN, now)).toBe("unknown");
  expect(formatAgo(now - 200, now)).toBe("3 m ago");
  expect(formatAgo(now + 5, now)).toBe("just now");
});

test("paths are shortened in front", () => {
  expect(shortPath("/home/ada/churn")).toBe("/home/ada/churn");
  setHome("/home/ada");
  expect(shortPath("/home/ada/churn")).toBe("~/churn");
  expect(shortPath("/home/ada")).toBe("~");
  expect(shortPath("/home/adam/churn")).toBe("/home/adam/churn");
  setHome(null);
  expect(shortPath("/homes/ada")).toBe("/homes/ada");
  expect(shortPath(`/data/${"x/".repeat(60)}run`, 20)).toMatch(/^….{1,19}$/);
});

test("one and many", () => {
  expect([plural(1, "run"), plural(2, "run"), plural(0, "entry", "entries")]).toEqual(["1 run", "2 runs", "0 entries"]);
});
