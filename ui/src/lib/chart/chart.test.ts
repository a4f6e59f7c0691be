import { describe, expect, it } from "vitest";
import { encodeFrame } from "./encode";
import { decodeFrame, FrameError } from "./frame";
import { mockFrame } from "./mock-frames";
import { formatColumn, formatFull, formatValue } from "./number";
import { lineWidth, lookByOrder, strokeFor } from "./stroke";
import { axisTicks, linearTicks, logTicks } from "./ticks";
import { formatElapsed, relativeTicks, wallTicks } from "./time";

const labels = (ticks: { label: string | null }[]) => ticks.map((t) => t.label).filter((l) => l !== null);

describe("frame", () => {
  const bytes = encodeFrame(
    [
      { run: 7, x: [0, 1, 2], y: [0.5, NaN, -0], markX: [1, 1.5], markKind: [1, 2], nTotal: 2 ** 33 + 5, decimated: true },
      { run: 9, x: [4], y: [1e-308], rawX: [4, 5], rawY: [1, 2], hasRewinds: true, stepsRepeat: true },
    ],
    { x0: 0, x1: 5 },
  );

  it("reads what the encoder wrote, as views on the buffer", () => {
    const frame = decodeFrame(bytes);
    expect(frame.data).toEqual({ x0: 0, x1: 5 });
    expect(frame.decimated).toBe(true);
    const [a, b] = frame.series;
    expect([...a!.y]).toEqual([0.5, NaN, -0]);
    expect([...a!.markKind]).toEqual([1, 2]);
    expect(a!.nTotal).toBe(2 ** 33 + 5);
    expect(a!.y.buffer).toBe(bytes);
    expect(b).toMatchObject({ run: 9, hasRewinds: true, stepsRepeat: true, decimated: false, sorted: true });
    expect([...b!.rawY]).toEqual([1, 2]);
  });

  it("has no range without points", () => {
    expect(decodeFrame(encodeFrame([], null))).toMatchObject({ data: null, series: [] });
  });

  it("knows when x goes back", () => {
    expect(decodeFrame(encodeFrame([{ run: 1, x: [3, 1, 2], y: [0, 0, 0] }], { x0: 1, x1: 3 })).series[0]!.sorted).toBe(false);
  });

  it("refuses what is cut off, of another kind or of another version", () => {
    for (const length of [0, 31, 40, 70, bytes.byteLength - 8]) expect(() => decodeFrame(bytes.slice(0, length))).toThrow(FrameError);
    expect(() => decodeFrame(new ArrayBuffer(64))).toThrow("not a chart frame");
    const newer = bytes.slice(0);
    new DataView(newer).setUint32(4, 2, true);
    expect(() => decodeFrame(newer)).toThrow("version 2");
  });

  it("refuses a length field that lies", () => {
    const lying = bytes.slice(0);
    new DataView(lying).setUint32(36, 0xffffffff, true);
    expect(() => decodeFrame(lying)).toThrow(FrameError);
  });
});

describe("numbers", () => {
  it.each([
    [0.1 + 0.2, "0.3"], [1 / 3, "0.3333333"], [123456.789, "123456.8"], [12345678, "1.234568e7"], [1.5e-7, "1.5e−7"],
    [-2.5, "−2.5"], [0, "0"], [NaN, "NaN"], [Infinity, "+∞"], [-Infinity, "−∞"], [1e22, "1e22"], [9999999.6, "1e7"],
  ])("shows %s as %s", (value, text) => expect(formatValue(value)).toBe(text));

  it("aligns a column", () => {
    expect(formatColumn([0.677884, 0.8356685, NaN])).toEqual(["0.6778840", "0.8356685", "NaN"]);
    expect(formatColumn([12, 3, -5])).toEqual(["12", "3", "−5"]);
    expect(formatColumn([1, 1e-9])).toEqual(["1", "1e−9"]);
    expect(formatColumn([])).toEqual([]);
  });
  it("copies every digit", () => expect(formatFull(0.1 + 0.2)).toBe("0.30000000000000004"));
});

describe("ticks", () => {
  it.each([
    [0, 1, 5, ["0", "0.2", "0.4", "0.6", "0.8", "1.0"]],
    [0, 12_000, 4, ["0", "5k", "10k"]],
    [-1.2, 1.2, 4, ["−1", "0", "1"]],
    [0, 0.0004, 4, ["0", "1e−4", "2e−4", "3e−4", "4e−4"]],
    [0, 0.0005, 2, ["0", "5e−4"]],
    [1.2e-4, 1.6e-4, 4, ["1.2e−4", "1.3e−4", "1.4e−4", "1.5e−4", "1.6e−4"]],
    [2.2e9, 3.1e9, 4, ["2.5G", "3.0G"]],
    [120_001, 120_005, 4, ["120,001", "120,002", "120,003", "120,004", "120,005"]],
  ] as const)("labels %s to %s", (min, max, count, expected) => expect(labels(linearTicks(min, max, count))).toEqual(expected));

  it("has no dust", () => expect(linearTicks(0, 0.5, 5).map((t) => t.value)).toEqual([0, 0.1, 0.2, 0.3, 0.4, 0.5]));
  it("keeps steps whole", () => expect(labels(axisTicks("integer", false, 0, 3, 600, 60))).toEqual(["0", "1", "2", "3"]));
  it("survives a range below f64's precision", () => expect(linearTicks(1, 1 + Number.EPSILON, 5).length).toBeLessThan(3));
  it("gives nothing for nonsense", () => expect(axisTicks("number", false, NaN, 1, 100, 20)).toEqual([]));

  it("labels decades", () => expect(labels(logTicks(1e-5, 10, 200, 30))).toEqual(["1e−5", "1e−4", "1e−3", "0.01", "0.1", "1", "10"]));
  it("skips decades where there is no room", () => expect(labels(logTicks(1e-12, 1, 100, 25)).length).toBeLessThanOrEqual(5));
  it("falls back to even steps within a decade", () => expect(labels(logTicks(2, 5, 100, 25))).toEqual(["2", "3", "4", "5"]));
});

describe("time", () => {
  it.each([
    [[0, 100, 5], ["0", "30 s", "1 m", "1 m 30 s"]],
    [[0, 3600, 4], ["0", "15 m", "30 m", "45 m", "1 h"]],
    [[0, 200_000, 5], ["0", "12 h", "1 d", "1 d 12 h", "2 d"]],
    [[0, 0.5, 5], ["0", "0.1 s", "0.2 s", "0.3 s", "0.4 s", "0.5 s"]],
  ] as const)("ticks %s", ([min, max, count], expected) => expect(labels(relativeTicks(min, max, count))).toEqual(expected));

  it("aligns wall time to the local clock and says the day once", () => {
    const at = (h: number, m: number) => new Date(2026, 10, 21, h, m).getTime() / 1000;
    expect(labels(wallTicks(at(9, 50), at(12, 10), 3))).toEqual(["10:00\n21 Nov", "11:00", "12:00"]);
  });
  it("says a new day at midnight", () => {
    const at = (d: number, h: number) => new Date(2026, 10, d, h).getTime() / 1000;
    expect(labels(wallTicks(at(20, 13), at(21, 13), 4))).toEqual(["18:00\n20 Nov", "00:00\n21 Nov", "06:00", "12:00"]);
  });
  it("goes to months over a year", () => {
    const from = new Date(2025, 9, 20).getTime() / 1000;
    expect(labels(wallTicks(from, from + 200 * 86400, 5))).toEqual(["Nov\n2025", "Jan\n2026", "Mar", "May"]);
  });
  it("says elapsed time exactly", () => expect([1.5, 61, 3661].map(formatElapsed)).toEqual(["1.50 s", "01:01", "1:01:01"]));
});

describe("strokes", () => {
  it("takes the run's colour and dash, scaled to the screen", () => {
    const stroke = strokeFor({ id: 1, color: 3, dash: 1 }, "dark", "plain", 2, 2);
    expect(stroke.color).toBe(strokeFor({ id: 2, color: 13, dash: 0 }, "dark", "plain", 2, 2).color);
    expect(stroke.dash.length).toBeGreaterThan(0);
    expect(strokeFor({ id: 1, color: 3, dash: 0 }, "dark", "plain", 2, 2).dash).toEqual([]);
    expect(stroke.width).toBe(3.2);
  });
  it("draws the baseline thicker and crowds thinner", () => {
    const of = (role: "plain" | "baseline") => strokeFor(undefined, "light", role, 50, 1).width;
    expect(of("baseline")).toBeGreaterThan(of("plain"));
    expect(lineWidth(50)).toBeLessThan(lineWidth(3));
  });
  it("repeats colours with dashes", () => expect(lookByOrder(1, 23)).toEqual({ id: 1, color: 3, dash: 2 }));
});

describe("mock", () => {
  const args = { project: 1, runs: [1, 2, 4, 5], x: "step" as const, x0: null, x1: null, width: 300, smooth: { kind: "none" as const, amount: 0 } };
  it("is the same every time and holds what charts must cope with", () => {
    const one = decodeFrame(mockFrame({ ...args, metric: "train/loss" }));
    expect(new Uint8Array(mockFrame({ ...args, metric: "train/loss" }))).toEqual(new Uint8Array(mockFrame({ ...args, metric: "train/loss" })));
    const kinds = new Set(one.series.flatMap((s) => [...s.markKind]));
    expect([...kinds].sort()).toEqual([1, 2, 4]);
    expect(one.series.some((s) => s.decimated)).toBe(true);
  });
  it("keeps raw and smoothed lines apart", () => {
    const f = decodeFrame(mockFrame({ ...args, metric: "train/loss", smooth: { kind: "ema", amount: 0.9 } }));
    expect(f.series.every((s) => s.rawX.length > 0)).toBe(true);
  });
});
