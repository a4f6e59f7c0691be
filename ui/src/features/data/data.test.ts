import { expect, test } from "vitest";
import type { ColumnLine, ColumnWindow, DataBucket, DriftPoint, DriftVerdict, QualityPoint } from "$lib/host";
import { binsOf, levelBars, levelsOf, quantile, quantilePairs, steps } from "./bins";
import { between, bucketAt, edgeX, gripAt, moved, nByNow, stretchOf } from "./brush";
import { definitionOf, draftOf, faults, joined, listed, toml } from "$lib/definition";
import { mix } from "./drawing";
import { paintHeat, pixel } from "./heat-paint";
import { explain, isInUnit, methodTitle, noGroups } from "./explain";
import { bucketTicks, formatHour, formatHours, formatMoment, formatNear, formatSpan, formatStamp, formatStretch, hourTicks, momentTicks } from "./hours";
import { bandPath, linePath, lonely, middleOf, rangeOf } from "./line";
import { placeOf } from "./places";
import { newest, ranked, strengthOf } from "./rank";
import { formatGrave, formatP, formatPoints, formatShare, formatState, formatStrength, gravity, unitOf, verdicts } from "./words";

const hour = (month: number, day: number, at = 0) => Date.UTC(2026, month - 1, day, at) / 3_600_000;
const NOW = new Date(Date.UTC(2026, 10, 22));
const buckets = (n: number, hours = 6): DataBucket[] => Array.from({ length: n }, (_, i) => ({ from: i * hours, till: (i + 1) * hours, rows: 10, verdict: "no_drift" }));

test("a place in the strip is a bucket, and back", () => {
  expect([bucketAt(0, 100, 10), bucketAt(99.9, 100, 10), bucketAt(500, 100, 10), bucketAt(-3, 100, 10), bucketAt(3, 0, 10)]).toEqual([0, 9, 9, 0, 0]);
  expect([edgeX(5, 100, 10), edgeX(3, 100, 0)]).toEqual([50, 0]);
});

test("a window is dragged in either direction and is never empty", () => {
  expect(between(3, 7, 10)).toEqual({ first: 3, end: 8 });
  expect(between(7, 3, 10)).toEqual({ first: 3, end: 8 });
  expect(between(9, 9, 10)).toEqual({ first: 9, end: 10 });
  expect(between(50, 60, 10)).toEqual({ first: 9, end: 10 });
});

test("its ends and the whole stay within, and one bucket is left", () => {
  expect(moved({ first: 2, end: 5 }, "first", 10, 10)).toEqual({ first: 4, end: 5 });
  expect(moved({ first: 2, end: 5 }, "first", -10, 10)).toEqual({ first: 0, end: 5 });
  expect(moved({ first: 2, end: 5 }, "end", -10, 10)).toEqual({ first: 2, end: 3 });
  expect(moved({ first: 2, end: 5 }, "end", 10, 10)).toEqual({ first: 2, end: 10 });
  expect(moved({ first: 2, end: 5 }, "both", 10, 10)).toEqual({ first: 7, end: 10 });
  expect(moved({ first: 2, end: 5 }, "both", -10, 10)).toEqual({ first: 0, end: 3 });
});

test("handles go before what lies between them", () => {
  const at = (x: number) => gripAt(x, { first: 2, end: 5 }, 100, 10);
  expect([at(18), at(22), at(35), at(48), at(54), at(70)]).toEqual(["first", "first", "both", "end", "end", null]);
});

test("without an address the newest week is looked at; with one, the buckets that it touches", () => {
  expect(stretchOf(buckets(140), null, null)).toEqual({ first: 112, end: 140 });
  expect(stretchOf(buckets(3), null, null)).toEqual({ first: 0, end: 3 });
  expect(stretchOf(buckets(10), 7, 18)).toEqual({ first: 1, end: 3 });
  expect(stretchOf(buckets(10), 600, 700)).toEqual({ first: 9, end: 10 });
  expect(stretchOf([], 1, 2)).toEqual({ first: 0, end: 0 });
  expect(stretchOf(buckets(2, 2000), null, null)).toEqual({ first: 1, end: 2 });
});

test("a row of the year 9999 is not the newest, unless there is nothing else", () => {
  const now = hour(11, 22, 20) + 0.7;
  const at = (from: number, rows = 10, hours = 6): DataBucket => ({ from, till: from + hours, rows, verdict: "no_drift" });
  const month = Array.from({ length: 84 }, (_, i) => at(hour(11, 1) + i * 6));
  const never = at(Date.UTC(9999, 11, 31) / 3_600_000, 1);
  expect(stretchOf([...month, never], null, null, now)).toEqual(stretchOf(month, null, null, now));
  expect(stretchOf([...month, never], null, null, now)).toEqual({ first: 56, end: 84 });
  expect(nByNow([...month, never], now)).toBe(84);
  // As far ahead as a clock without a zone may be, and an hour more.
  expect([14, 15].map((ahead) => nByNow([...month, at(hour(11, 22, 20) + ahead, 1, 1)], now))).toEqual([85, 84]);
  // The empty buckets on the way there go with it.
  expect(nByNow([...month, at(hour(11, 22), 0), at(hour(11, 22, 6), 0), at(hour(12, 24))], now)).toBe(84);
  expect([nByNow([never], now), nByNow([], now)]).toEqual([1, 0]);
  expect(stretchOf([at(never.from - 6), never], null, null, now)).toEqual({ first: 0, end: 2 });
  // Whoever asks for it by its address has it.
  expect(stretchOf([...month, never], never.from, never.till, now)).toEqual({ first: 84, end: 85 });
});

test("hours are said in UTC, with as little as tells them", () => {
  expect(formatHour(hour(11, 3), NOW)).toBe("3 Nov");
  expect(formatHour(hour(11, 3, 6), NOW)).toBe("3 Nov 06:00");
  expect(formatHour(Date.UTC(2024, 1, 29) / 3_600_000, NOW)).toBe("29 Feb 2024");
  expect(formatHour(Number.NaN, NOW)).toBe("unknown");
  expect(formatSpan(hour(11, 3), hour(11, 4), NOW)).toBe("3 Nov");
  expect(formatSpan(hour(11, 3, 6), hour(11, 3, 12), NOW)).toBe("3 Nov 06:00 – 12:00");
  expect(formatSpan(hour(11, 3, 18), hour(11, 4), NOW)).toBe("3 Nov 18:00 – 24:00");
  expect(formatSpan(hour(11, 3), hour(11, 10), NOW)).toBe("3 Nov – 9 Nov");
  expect(formatSpan(hour(11, 3, 6), hour(11, 10), NOW)).toBe("3 Nov 06:00 – 10 Nov");
  expect([1, 6, 24, 36, 72, 168, 336].map(formatHours)).toEqual(["1 h", "6 h", "1 day", "36 h", "3 days", "1 week", "2 weeks"]);
});

test("moments are said to the minute, a stretch of them by days, or by the clock within one", () => {
  const at = (day: number, clock = 0) => Date.UTC(2026, 7, day) / 1000 + clock;
  expect([formatMoment(at(3, 36_059.9)), formatMoment(-1), formatMoment(Number.NaN), formatMoment(1e300)]).toEqual(["2026-08-03 10:00", "1969-12-31 23:59", "unknown", "unknown"]);
  expect(formatStretch(at(3, 100), at(30))).toBe("2026-08-03 – 2026-08-30");
  expect(formatStretch(at(3, 36_000), at(3, 51_120))).toBe("2026-08-03 10:00 – 14:12");
  expect(formatStretch(at(3), at(3, 59))).toBe("2026-08-03 00:00");
  expect(formatStretch(Number.NaN, Infinity)).toBe("unknown");
});

test("a moment among few is told from each, one among many as near as tells", () => {
  const at = Date.UTC(2026, 6, 6, 4, 12, 5) / 1000;
  const midnight = Date.UTC(2026, 6, 6) / 1000;
  expect([midnight, midnight + 14_400, at, at + 0.25, midnight + 0.5, Number.NaN].map(formatStamp)).toEqual(["2026-07-06", "2026-07-06 04:00", "2026-07-06 04:12:05", "2026-07-06 04:12:05.250", "2026-07-06 00:00:00.500", "unknown"]);
  expect([90 * 86_400, 86_400, 60].map((spread) => formatNear(at, spread))).toEqual(["2026-07-06", "6 Jul 04:12", "04:12:05"]);
  expect([formatNear(1e300, 1), formatNear(Number.NaN, Infinity)]).toEqual(["unknown", "unknown"]);
});

test("times have ticks on the clock, on days, months and years", () => {
  const at = (year: number, month: number, day = 1, clock = 0) => Date.UTC(year, month - 1, day) / 1000 + clock;
  const labels = (from: number, till: number, count = 4) => momentTicks(from, till, count).map((tick) => tick.label);
  expect(labels(at(2026, 7, 6, 3600), at(2026, 7, 6, 3660))).toEqual(["01:00:00", "01:00:15", "01:00:30", "01:00:45", "01:01:00"]);
  expect(labels(at(2026, 7, 6), at(2026, 7, 7))).toEqual(["6 Jul", "06:00", "12:00", "18:00", "7 Jul"]);
  expect(labels(at(2026, 7, 6), at(2026, 11, 20))).toEqual(["Sep 2026", "Nov 2026"]);
  expect(labels(at(1990, 5), at(2026, 5))).toEqual(["2000", "2010", "2020"]);
  expect(momentTicks(at(1990, 5), at(2026, 5), 4)[0]).toEqual({ value: at(2000, 1), label: "2000" });
  expect(labels(0, at(9999, 12), 3)).toEqual(["5000"]);
  expect([labels(5, 5), labels(0, 1e300), labels(Number.NaN, 5), labels(0, 5, 0)]).toEqual([[], [], [], []]);
});

test("a column of times is said in dates, and how far they lie apart as a time", () => {
  const [time, number] = [unitOf("datetime"), unitOf("numeric")];
  const at = Date.UTC(2026, 6, 6, 4, 12) / 1000;
  expect([time.value(at), time.span(273_600), time.near(at, 86_400), time.level(String(at))]).toEqual(["2026-07-06 04:12", "3 d 4 h", "6 Jul 04:12", "2026-07-06 04:12"]);
  expect([number.value(12.3456), number.span(12.3456), number.span(12.3456, 3), number.near(12.3456, 90), number.level("7")]).toEqual(["12.35", "12.35", "12.3", "12.3", "7"]);
  for (const unit of [time, number]) expect([unit.value(null), unit.value(undefined), unit.span(null)]).toEqual(["–", "–", "–"]);
  expect(["wasserstein", "wasserstein:nannyml", "emd:frouros", "wasserstein_std", "wasserstein:evidently", "js"].filter(isInUnit)).toEqual(["wasserstein", "wasserstein:nannyml", "emd:frouros"]);
});

test("ticks lie on whole days, or on hours where there is room", () => {
  expect(hourTicks(hour(11, 1), hour(11, 8), 600).map((tick) => tick.label)).toEqual(["1 Nov", "2 Nov", "3 Nov", "4 Nov", "5 Nov", "6 Nov", "7 Nov"]);
  expect(hourTicks(hour(11, 1), hour(11, 2), 300).map((tick) => tick.label)).toEqual(["1 Nov", "06:00", "12:00", "18:00"]);
  expect(hourTicks(5, 5, 300)).toEqual([]);
});

test("ticks follow the buckets over a hole, and none stands on another", () => {
  const year = new Date().getUTCFullYear();
  const of = (day: number) => Date.UTC(year, 10, day) / 3_600_000;
  const days = [of(1), of(2), of(20), of(21)].map((from) => ({ from, till: from + 24 }));
  const ticks = bucketTicks(days, 400);
  expect(ticks.map((tick) => [tick.label, Math.round(tick.x)])).toEqual([["1 Nov", 0], ["2 Nov", 100], ["20 Nov", 200], ["21 Nov", 300]]);
  expect(bucketTicks([], 400)).toEqual([]);
  // Nor does a lone one of another age take the ticks of all others.
  const odd = [{ from: 0, till: 24 }, ...Array.from({ length: 20 }, (_, i) => ({ from: of(1 + i), till: of(2 + i) })), { from: 70_389_504, till: 70_389_528 }];
  const [lone, ...others] = bucketTicks(odd, 440);
  expect(lone).toEqual({ label: "1 Jan 1970", x: 0 });
  expect(others.length).toBeGreaterThanOrEqual(3);
  for (const tick of others) expect(tick.label).toMatch(/^\d+ Nov$/);
});

test("bins that are too narrow are joined, and shares stay shares", () => {
  // 0.001 is a decile that fell beside an equal bin's edge.
  const edges = [0, 1, 1.001, 2, 3];
  const drawn = steps(edges, [10, 20, 1, 19, 40, 10], [0, 0, 0, 0, 50, 50]);
  expect(drawn.steps.map((step) => [step.from, step.till])).toEqual([[0, 1], [1, 2], [2, 3]]);
  expect(drawn.steps[1]!.expected).toBeCloseTo(0.2, 12);
  expect([drawn.below.expected, drawn.above.expected, drawn.above.found]).toEqual([0.1, 0.1, 0.5]);
  const sum = drawn.steps.reduce((all, step) => all + step.expected, 0);
  expect(sum + drawn.below.expected + drawn.above.expected).toBeCloseTo(1, 12);
  expect(steps([], [], []).steps).toEqual([]);
  expect(steps([0, 1], [0, 0, 0], [0, 0, 0]).steps[0]!.expected).toBe(0);
});

test("a quantile lies straight within its bin, and nowhere in an open end", () => {
  const edges = [0, 10, 20];
  expect(quantile(edges, [0, 50, 50, 0], 0.25)).toBe(5);
  expect(quantile(edges, [0, 50, 50, 0], 0.5)).toBe(10);
  expect(quantile(edges, [0, 50, 50, 0], 1)).toBe(20);
  expect(quantile(edges, [90, 5, 5, 0], 0.5)).toBeNull();
  expect(quantile(edges, [0, 0, 0, 0], 0.5)).toBeNull();
});

test("the same rows lie on the line, moved ones beside it by as much", () => {
  const edges = [0, 1, 2, 3, 4];
  const same = quantilePairs(edges, [0, 1, 2, 1, 0, 0], [0, 2, 4, 2, 0, 0]);
  expect(same).toHaveLength(99);
  for (const point of same) expect(point.window).toBeCloseTo(point.reference, 12);
  for (const point of quantilePairs(edges, [0, 1, 2, 1, 0, 0], [0, 0, 1, 2, 1, 0])) expect(point.window - point.reference).toBeCloseTo(1, 12);
});

test("a comparison is drawn as it was counted, and no row is lost", () => {
  expect(binsOf({ edges: [0, 1, 3], names: [], reference: [10, 30], current: [5, 0] })).toEqual({ edges: [0, 1, 3], expected: [0, 10, 30, 0], found: [0, 5, 0, 0] });
  expect([binsOf(null), binsOf({ edges: [], names: ["a"], reference: [1], current: [2] })]).toEqual([null, null]);
  expect(levelsOf({ edges: [], names: ["a", "all others"], reference: [3, 1], current: [2, 9] })).toEqual({ names: ["a"], expected: [3, 1], found: [2, 9] });
  expect(levelsOf({ edges: [], names: ["a"], reference: [3], current: [2] })).toEqual({ names: ["a"], expected: [3, 0], found: [2, 0] });
  expect(levelsOf({ edges: [0, 1], names: [], reference: [1], current: [1] })).toBeNull();
});

test("new levels have their bar, and what is left is one", () => {
  const bars = levelBars(["a", "b", "c"], [50, 30, 20, 0], [40, 40, 10, 10], [{ level: "z", rows: 6 }], 2);
  expect(bars.map((bar) => [bar.name, bar.isNew, bar.isOther])).toEqual([["z", true, false], ["a", false, false], ["b", false, false], ["1 others", false, true]]);
  expect(bars[0]!.found).toBeCloseTo(0.06, 12);
  expect(bars.at(-1)!.found).toBeCloseTo(0.14, 12);
});

test("a new level that two files' names have has one bar", () => {
  const bars = levelBars(["train", "rest", "test"], [80, 20, 0, 0], [0, 10, 90, 0], [{ level: "test", rows: 90 }], 2);
  expect(bars.map((bar) => [bar.name, bar.isNew, bar.isOther])).toEqual([["test", true, false], ["train", false, false], ["1 others", false, true]]);
  expect(bars.map((bar) => bar.found)).toEqual([0.9, 0, 0.1]);
});

const point = (strength: number, verdict: DriftVerdict = "no_drift"): DriftPoint => ({ verdict, strength, js: null, psi: null, p_adjusted: null, nulls: 0, mean: null });
const column = (name: string, verdict: DriftVerdict, value: number | null): ColumnWindow => ({ name, verdict, effect: value === null ? null : { name: "js", value, threshold: 0.1 }, tests: {}, reference: null, current: null } as unknown as ColumnWindow);

test("columns are ranked by effect; what is gone leads, what drifts by its nulls goes before what is steady", () => {
  const rows = ranked([], [column("steady", "no_drift", 0.09), column("moved", "drift", 0.3), column("nulls", "drift", 0.01), column("gone", "missing", null), column("few", "too_few_rows", null)], "effect");
  expect(rows.map((row) => row.name)).toEqual(["gone", "moved", "nulls", "steady", "few"]);
  expect(strengthOf(column("moved", "drift", 0.3))).toBeCloseTo(3, 12);
  expect(strengthOf(column("few", "too_few_rows", null))).toBeNull();
});

test("a column without a window is ranked by its newest bucket, and found by a part of its name", () => {
  const lines: ColumnLine[] = [{ name: "Alpha", band: null, points: [point(0.1), null] }, { name: "beta", band: null, points: [point(3), point(2), null] }];
  expect(ranked(lines, [], "now").map((row) => [row.name, row.strength, row.at])).toEqual([["beta", 2, 1], ["Alpha", 0.1, 0]]);
  expect(ranked(lines, [], "effect", " ALP ").map((row) => row.name)).toEqual(["Alpha"]);
  expect(newest(lines[0]!)?.strength).toBe(0.1);
  expect(newest({ name: "", band: null, points: [null] })).toBeNull();
});

test("lines have gaps where nothing is known", () => {
  const x = (i: number) => i * 10;
  const y = (value: number) => value;
  expect(linePath([1, 2, null, 4], x, y)).toBe("M0.0 1.0L10.0 2.0M30.0 4.0");
  expect(lonely([1, 2, null, 4, undefined])).toEqual([3]);
  expect(bandPath([1, 1, null, 2], [3, 4, null, 5], x, y)).toBe("M0.0 3.0L10.0 4.0L10.0 1.0L0.0 1.0ZM30.0 5.0L30.0 2.0Z");
  expect(linePath([Number.NaN, Infinity], x, y)).toBe("");
});

test("an axis shows all values, does not blow up what stands still, and keeps to its bounds", () => {
  expect(rangeOf([[1, 2]])).toEqual([0.92, 2.08]);
  expect(rangeOf([[0, 0]], 0, 1, 0.02)).toEqual([0, 0.02]);
  expect(rangeOf([[0.5, 0.5]], 0, 1, 0.1)).toEqual([0.45, 0.55]);
  expect(rangeOf([[0.9, 1]], 0, 1)[1]).toBe(1);
  expect(rangeOf([[null, undefined]])).toEqual([0, 1]);
  expect(middleOf([...Array.from({ length: 20 }, (_, i) => i), null])).toEqual(Array.from({ length: 18 }, (_, i) => i + 1));
});

test("verdicts each have a word and a mark of their own, and the gravest come first", () => {
  const marks = Object.values(verdicts).map((words) => words.mark);
  expect(new Set(marks).size).toBe(marks.length);
  expect((["no_drift", "drift", "missing", "large_but_uncertain"] as DriftVerdict[]).sort((a, b) => gravity(a) - gravity(b))).toEqual(["missing", "drift", "large_but_uncertain", "no_drift"]);
});

test("what is missing or of another type has not drifted", () => {
  expect(formatGrave(["missing", "drift", "no_drift", "missing", "new"])).toBe("1 column drifted, 2 missing");
  expect(formatGrave(["type_changed", "type_changed", "missing"])).toBe("1 column missing, 2 of another type");
  expect([formatGrave(["drift", "drift"]), formatGrave(["no_drift", "large_but_uncertain", "not_judged"]), formatGrave([])]).toEqual(["2 columns drifted", "", ""]);
});

test("numbers in their units", () => {
  expect([0.123, 0.97, 2.345, 14.2, 2345].map(formatStrength)).toEqual(["0.12 ×", "1.0 ×", "2.3 ×", "14 ×", "2,345 ×"]);
  expect([0, 1, 0.1234, 0.0001, -0.02, Number.NaN].map((share) => formatShare(share))).toEqual(["0 %", "100 %", "12.3 %", "< 0.1 %", "−2.0 %", ""]);
  expect([0, 0.031, -0.2, 0.0001].map(formatPoints)).toEqual(["0", "+3.1 pt", "−20.0 pt", "0"]);
  expect([null, 0, 0.9999, 0.0123, Number.NaN].map(formatP)).toEqual(["none", "< 1e−12", "1", "0.012", "none"]);
  expect(formatState("reading", 34, 140)).toBe("Reading 34 of 140 files");
});

test("a peer's method is named with its peer, and its number explains itself", () => {
  expect(methodTitle("psi:evidently")).toBe("PSI as Evidently");
  expect(methodTitle("js:words")).toBe("Jensen–Shannon of words");
  expect(methodTitle("made_up")).toBe("made up");
  const ks = { statistic: 0.2, p_value: 0.003, threshold: 0.01, n: [8000, 412] as [number, number], refused: null };
  expect(explain("ks", ks)).toMatch(/distribution functions.*\n.*8,000 in the reference, 412 in the window.*\n.*p 0\.003.*\n.*below 0\.01/);
  expect(explain("psi", { ...ks, threshold: 0.1, p_value: null })).toMatch(/Counts from 0\.1/);
});

test("why no groups are compared is said plainly of a model that predicts a number", () => {
  const point = (of: Partial<QualityPoint>): QualityPoint => ({ rows: 90, labelled: 0, accuracy: null, accuracy_low: null, accuracy_high: null, f1: null, auroc: null, brier: null, mae: null, rmse: null, r2: null, estimate: null, estimate_low: null, estimate_high: null, ...of });
  const definition = { reference: "x", current: "y", prediction: "said", groups: ["sex"] };
  const check = (quality: (QualityPoint | null)[], of: object, title: RegExp, hint: RegExp) => {
    const said = noGroups(quality, { ...definition, ...of });
    expect(said.title).toMatch(title);
    expect(said.hint).toMatch(hint);
  };
  check([null, point({ labelled: 40, mae: 3.1, rmse: 4 })], {}, /not computed where the prediction is a number/, /decision.*Prediction.*Label/);
  check([], { groups: [] }, /No attributes/, /Groups/);
  check([point({})], { prediction: null }, /does not know what the model said/, /prediction/);
  // Before labels are in nothing tells the two apart, unless the model is judged by its scores.
  check([point({})], {}, /enough labelled rows/, /if the model predicts a number/);
  check([point({ estimate: 0.9 })], {}, /enough labelled rows/, /come in\.$/);
});

test("the address says where one is, and never fails", () => {
  expect(placeOf({})).toEqual({ at: "overview" });
  expect(placeOf({ monitor: "a" })).toEqual({ at: "overview" });
  expect(placeOf({ in: "1", monitor: "a/b", tab: "quality", from: "10", till: "20", segment: "red" })).toMatchObject({ at: "monitor", project: 1, name: "a/b", tab: "quality", from: 10, till: 20, segment: "red", hours: null });
  expect(placeOf({ in: "1", monitor: "a", tab: "nonsense", from: "20", till: "10" })).toMatchObject({ tab: "drift", from: null, till: null });
  expect(placeOf({ in: "2", file: "x.csv" })).toMatchObject({ at: "profile", path: "x.csv" });
  expect(placeOf({ in: "2", reference: "x", current: "y", methods: "ks,,cvm" })).toMatchObject({ at: "compare", methods: ["ks", "cvm"] });
  expect(placeOf({ in: "nobody", file: "x.csv" })).toEqual({ at: "overview" });
});

test("a definition goes through the form and comes back the same, and is said in TOML", () => {
  const definition = { reference: "train.parquet", current: "seen", time: "at", ignore: ["id", "note"], groups: ["sex"], min_group: 50 };
  expect(definitionOf(draftOf(definition))).toEqual(definition);
  expect(toml("wine", definition)).toBe('[data.wine]\nreference = "train.parquet"\ncurrent = "seen"\ntime = "at"\nignore = ["id", "note"]\ngroups = ["sex"]\nmin_group = 50\n');
  expect(toml("my wine", { reference: 'a"b', current: "c" })).toBe('[data."my wine"]\nreference = "a\\"b"\ncurrent = "c"\n');
});

test("a column's name comes back from a list as it was, whatever is in it", () => {
  const names = ["income, monthly", "region", 'the "good" one', '"', " padded ", "", "a\\", "two\nlines", "ä € 😀", "6'", ",,"];
  expect(listed(joined(names))).toEqual(names);
  for (const name of names) expect(definitionOf(draftOf({ reference: "x", current: "y", ignore: [name], groups: [name, "sex"] }))).toEqual({ reference: "x", current: "y", ignore: [name], groups: [name, "sex"] });
  expect(joined(["income, monthly", "region"])).toBe('"income, monthly", region');
});

test("a list is read as it is typed", () => {
  const check = (text: string, names: string[]) => expect(listed(text), text).toEqual(names);
  check("", []);
  check(" , ,", []);
  check("a,b ,  c,", ["a", "b", "c"]);
  check('"a, b" , c', ["a, b", "c"]);
  check('"a, b', ['"a', "b"]);
  check('"a" b, c', ['"a" b', "c"]);
  check('6" pipe, x', ['6" pipe', "x"]);
  check('"\\q", x', ['"\\q"', "x"]);
});

test("what keeps a monitor from being saved is said at its field", () => {
  expect(Object.keys(faults("", draftOf({})))).toEqual(["name", "reference", "current"]);
  expect(faults("a/b", draftOf({ reference: "x", current: "y", labels: "z", score: "p", min_group: 0 }))).toEqual({ name: expect.any(String), id: expect.any(String), prediction: expect.any(String), min_group: expect.any(String) });
  expect(faults("wine", draftOf({ reference: "x", current: "y" }))).toEqual({});
});

test("colours are mixed channel by channel", () => {
  expect([mix("#000000", "#ffffff", 0.5), mix("#102030", "#ffffff", 0), mix("#102030", "#ffffff", 7)]).toEqual(["#808080", "#102030", "#ffffff"]);
});

test("cells are pixels: colour by strength, stripes for what is uncertain, a dot for drift, nothing where no rows were", () => {
  const [width, height] = [40, 24];
  const pixels = new Uint32Array(width * height);
  const line: ColumnLine = { name: "a", band: null, points: [point(0), point(3, "large_but_uncertain"), null, point(4, "drift")] };
  paintHeat(pixels, [line], 4, { width, height, rowHeight: 24, top: 0, ratio: 1, theme: "dark" });
  const at = (x: number, y: number) => pixels[y * width + x];
  const cell = (i: number) => new Set(Array.from({ length: 9 * 20 }, (_, k) => at(i * 10 + (k % 9), 2 + Math.floor(k / 9))));
  expect(cell(0).size).toBe(1);
  expect(cell(1).size).toBe(2);
  expect([...cell(2)]).toEqual([0]);
  expect([at(34, 12), at(31, 4)]).toEqual([pixel("#121417"), pixel("#ff7a72")]);
  expect([at(0, 0), at(9, 12), at(0, 23)]).toEqual([0, 0, 0]);
  // Scrolled half out, it neither writes beyond the ends nor into another row.
  paintHeat(pixels, [line, line], 4, { width, height, rowHeight: 24, top: -13, ratio: 1, theme: "light" });
  expect([at(0, 8), at(0, 9), at(0, 12), at(0, 13)].map((ink) => ink === 0)).toEqual([false, true, true, false]);
  expect(() => paintHeat(pixels, [line], 0, { width, height, rowHeight: 24, top: 0, ratio: 2, theme: "dark" })).not.toThrow();
});
