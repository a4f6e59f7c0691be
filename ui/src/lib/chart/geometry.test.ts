import { describe, expect, it } from "vitest";
import type { FrameSeries } from "./frame";
import { coversExactly } from "./layer";
import { distanceTo, hitOf, nearestIndex, nearestRun, sortedHits, steppedX, type Hit } from "./nearest";
import { NewestOnly } from "./newest";
import { dashAlongX, fromX, isSparse, toX, toY, traceLine, transformFor } from "./paint";
import { PaintQueue, type Painter } from "./paint-queue";
import { coverageFor, fullX, lowerBound, padded, panned, serves, visibleSlice, yExtent, zoomed } from "./range";
import { Viewport } from "./viewport";

const f64 = (values: number[]) => Float64Array.from(values);
const none = f64([]);
function line(run: number, x: number[], y: number[], raw: number[] = []): FrameSeries {
  return {
    run, x: f64(x), y: f64(y), rawX: raw.length ? f64(x) : none, rawY: f64(raw), markX: none, markKind: none, nTotal: x.length,
    decimated: false, hasRewinds: false, stepsRepeat: false, sorted: x.every((v, i) => i === 0 || v >= x[i - 1]!),
  };
}
const identity = { toPx: (v: number) => v };

describe("ranges", () => {
  it("finds bounds", () => expect([-1, 0, 1, 5, 9].map((v) => lowerBound(f64([0, 2, 2, 5]), v))).toEqual([0, 0, 1, 3, 4]));

  it("takes one neighbour to each side", () => {
    expect(visibleSlice(f64([0, 1, 2, 3, 4]), true, { min: 1.5, max: 2.5 })).toEqual([1, 4]);
    expect(visibleSlice(f64([0, 1, 2]), true, { min: 5, max: 6 })).toEqual([2, 3]);
    expect(visibleSlice(f64([2, 0, 1]), false, { min: 5, max: 6 })).toEqual([0, 3]);
  });

  it("measures y in the window only, raw line included", () => {
    const s = [line(1, [0, 1, 2, 3], [9, 1, 2, 50], [9, 0.5, 3, 50])];
    expect(yExtent(s, { min: 1, max: 2 }, false)).toEqual({ range: { min: 0.5, max: 3 }, nHidden: 0, nPoints: 2 });
  });

  it("counts what a log axis hides and skips NaN and infinity", () => {
    const s = [line(1, [0, 1, 2, 3, 4], [0, -1, 10, NaN, Infinity])];
    expect(yExtent(s, { min: 0, max: 4 }, true)).toEqual({ range: { min: 10, max: 10 }, nHidden: 2, nPoints: 5 });
    expect(yExtent(s, { min: 3, max: 4 }, false).range).toBeNull();
  });

  it.each([
    [{ min: 5, max: 5 }, false, { min: 4.5, max: 5.5 }],
    [{ min: 0, max: 0 }, false, { min: -1, max: 1 }],
    [{ min: 0, max: 1 }, false, { min: 0, max: 1.06 }],
    [{ min: 4, max: 4 }, true, { min: 2, max: 8 }],
  ])("pads %o", (range, log, expected) => expect(padded(range, log)).toEqual(expected));
  it("has a range for nothing", () => expect([padded(null, false), padded(null, true)]).toEqual([{ min: 0, max: 1 }, { min: 0.1, max: 10 }]));

  it("gives one point room, and a log axis a start above zero", () => {
    expect(fullX({ x0: 5, x1: 5 }, false, null)).toEqual({ min: 4.5, max: 5.5 });
    expect(fullX({ x0: 0, x1: 100 }, true, 2)).toEqual({ min: 2, max: 100 });
  });

  it("zooms around a value and stops at f64's grain", () => {
    expect(zoomed({ min: 0, max: 10 }, 2, 0.5, false)).toEqual({ min: 1, max: 6 });
    const log = zoomed({ min: 1, max: 100 }, 10, 0.5, true);
    expect(log.min).toBeCloseTo(10 ** 0.5);
    const tight = { min: 1, max: 1 + 2e-13 };
    expect(zoomed(tight, 1, 0.1, false)).toBe(tight);
  });
  it("pans", () => expect([panned({ min: 0, max: 10 }, 0.1, false), panned({ min: 1, max: 10 }, 1, true)]).toEqual([{ min: 1, max: 11 }, { min: 10, max: 100 }]));

  it("asks with a margin and knows when that still serves", () => {
    const view = { min: 100, max: 200 };
    const have = coverageFor(view, 400);
    expect(have).toEqual({ x0: 50, x1: 250, width: 800 });
    const data = { x0: 0, x1: 1000 };
    expect(serves(have, true, data, { min: 140, max: 240 }, 400)).toBe(true);
    expect(serves(have, true, data, { min: 160, max: 260 }, 400)).toBe(false);
    expect(serves(have, true, data, { min: 150, max: 160 }, 400)).toBe(false);
    expect(serves(have, false, data, { min: 150, max: 160 }, 400)).toBe(true);
    expect(serves(have, false, data, null, 400)).toBe(false);
    expect(serves(coverageFor(null, 400), false, data, view, 400)).toBe(true);
    expect(serves(coverageFor(null, 400), true, data, view, 400)).toBe(false);
    expect(coverageFor(null, 9000).width).toBe(4096);
  });
});

describe("nearest", () => {
  it("finds the nearest point, the last of equals", () => {
    const x = f64([0, 10, 10, 20]);
    expect([-5, 4, 6, 14, 16, 99].map((v) => nearestIndex(x, true, v))).toEqual([0, 0, 1, 2, 3, 3]);
    expect(nearestIndex(f64([5, 1, 3]), false, 1.4)).toBe(1);
    expect(nearestIndex(none, true, 1)).toBe(-1);
  });

  it("says nothing of a run that ended before the crosshair", () => {
    const s = line(1, [0, 10], [1, 2], [1.5, 2.5]);
    expect(hitOf(s, 9, identity, 8)).toEqual({ run: 1, index: 1, x: 10, y: 2, raw: 2.5 });
    expect(hitOf(s, 15, identity, 8)).toMatchObject({ x: 10 });
    expect(hitOf(s, 40, identity, 8)).toBeNull();
  });

  it("measures to the line between points", () => {
    expect(distanceTo(line(1, [0, 100], [0, 0]), 50, 50, 7, identity, identity)).toBe(7);
    expect(distanceTo(line(1, [0, 50, 100], [0, NaN, 0]), 50, 50, 0, identity, identity)).toBe(50);
  });

  it("picks the nearest run within reach", () => {
    const runs = [line(1, [0, 100], [0, 0]), line(2, [0, 100], [30, 30])];
    expect(nearestRun(runs, 50, 50, 20, identity, identity, 24)).toBe(2);
    expect(nearestRun(runs, 50, 50, 80, identity, identity, 24)).toBeNull();
  });

  const hits = (ys: number[]): Hit[] => ys.map((y, run) => ({ run, index: 0, x: 0, y, raw: null }));
  it("sorts values down, NaN last, ties by run", () => {
    expect(sortedHits(hits([1, NaN, 3, 3, Infinity]), 12, null)).toMatchObject({ nMore: 0, shown: [{ run: 4 }, { run: 2 }, { run: 3 }, { run: 0 }, { run: 1 }] });
  });
  it("shows twelve and says how many more, with the hovered run among them", () => {
    const many = hits(Array.from({ length: 43 }, (_, i) => -i));
    expect(sortedHits(many, 12, null)).toMatchObject({ nMore: 31 });
    expect(sortedHits(many, 12, null).shown[0]!.run).toBe(0);
    expect(sortedHits(many, 12, 30).shown.map((h) => h.run)).toContain(30);
    expect(sortedHits(many, 12, 42).shown).toHaveLength(12);
  });

  it("steps over points of one x and stops at the ends", () => {
    const s = line(1, [0, 1, 1, 2], [0, 0, 0, 0]);
    expect([steppedX(s, 0, 1), steppedX(s, 1, 1), steppedX(s, 2, 1), steppedX(s, 2, -2), steppedX(s, 0, -1)]).toEqual([1, 2, 2, 0, 0]);
  });
});

describe("drawing", () => {
  const sink = () => {
    const ops: string[] = [];
    return { ops, moveTo: (x: number, y: number) => ops.push(`M${x},${y}`), lineTo: (x: number, y: number) => ops.push(`L${x},${y}`) };
  };
  const t = transformFor({ min: 0, max: 10 }, { min: 0, max: 10 }, false, false, 100, 100);

  it("maps values to pixels and back, on log axes too", () => {
    expect([toX(t, 5), toY(t, 0), toY(t, 10), fromX(t, 50)]).toEqual([50, 100, 0, 5]);
    const log = transformFor({ min: 1, max: 100 }, { min: 1, max: 100 }, true, true, 100, 100);
    expect(toX(log, 10)).toBeCloseTo(50);
    expect(fromX(log, 50)).toBeCloseTo(10);
  });

  it("breaks at NaN and infinity and reports points that stand alone", () => {
    const path = sink();
    const lonely: number[] = [];
    traceLine(path, f64([0, 1, 2, 3, 4, 5]), f64([0, 0, NaN, 5, Infinity, 1]), 0, 6, t, lonely);
    expect(path.ops).toEqual(["M0,100", "L10,100", "M30,50", "M50,90"]);
    expect(lonely).toEqual([3, 5]);
  });

  it("breaks where a log axis has no place", () => {
    const path = sink();
    traceLine(path, f64([0, 1, 2]), f64([10, 0, 10]), 0, 3, transformFor({ min: 0, max: 2 }, { min: 1, max: 100 }, false, true, 100, 100), []);
    expect(path.ops.filter((op) => op.startsWith("L"))).toEqual([]);
  });

  it("keeps every column's extremes when points are dense", () => {
    const n = 10_000;
    const x = f64(Array.from({ length: n }, (_, i) => (i / n) * 10));
    const y = f64(Array.from({ length: n }, (_, i) => (i === 5555 ? 9.5 : 5)));
    const path = sink();
    traceLine(path, x, y, 0, n, t, []);
    expect(path.ops.length).toBeLessThanOrEqual(200);
    expect(path.ops.some((op) => op.startsWith("L55.5,") && Math.abs(Number(op.split(",")[1]) - 5) < 1e-9)).toBe(true);
  });

  it("follows x with its dashes when points are dense", () => {
    const path = sink();
    const dashed = dashAlongX(path, [7, 3], 0);
    dashed.moveTo(0, 0);
    for (let x = 1; x <= 20; x++) dashed.lineTo(x, 0);
    expect(path.ops.filter((op) => op.startsWith("M"))).toEqual(["M0,0", "M9,0", "M19,0"]);
    expect(path.ops).not.toContain("L8,0");
  });

  it("draws dots below one point per six pixels", () => expect([isSparse(16, 100, 1), isSparse(17, 100, 1), isSparse(16, 100, 2)]).toEqual([true, false, false]));
});

describe("requests", () => {
  function harness() {
    let time = 0;
    const timers: { at: number; run: () => void }[] = [];
    const flights: { args: number; land: (reply: string) => void; crash: (error: Error) => void }[] = [];
    const heard: string[] = [];
    const newest = new NewestOnly<number, string>(
      (args) => new Promise((land, crash) => flights.push({ args, land, crash })),
      (reply, args) => heard.push(`${args}:${reply}`),
      (error, args) => heard.push(`${args}!${(error as Error).message}`),
      50,
      { now: () => time, after: (ms, run) => { const timer = { at: time + ms, run }; timers.push(timer); return () => timers.splice(timers.indexOf(timer), 1); } },
    );
    const tick = (ms: number) => { time += ms; for (const timer of timers.filter((x) => x.at <= time)) { timers.splice(timers.indexOf(timer), 1); timer.run(); } };
    const settle = async () => { for (let i = 0; i < 4; i++) await Promise.resolve(); };
    return { newest, flights, heard, tick, settle };
  }

  it("flies one at a time and skips to the newest", async () => {
    const h = harness();
    for (const n of [1, 2, 3, 4]) h.newest.ask(n);
    expect(h.flights.map((f) => f.args)).toEqual([1]);
    h.flights[0]!.land("a");
    await h.settle();
    expect(h.flights.map((f) => f.args)).toEqual([1, 4]);
    h.flights[1]!.crash(new Error("no"));
    await h.settle();
    expect(h.heard).toEqual(["1:a", "4!no"]);
    expect(h.newest.busy).toBe(false);
  });

  it("spaces what new data asks for, not what the user asks for", async () => {
    const h = harness();
    h.newest.ask(1);
    h.flights[0]!.land("a");
    await h.settle();
    h.newest.ask(2, true);
    expect(h.flights).toHaveLength(1);
    h.tick(49);
    expect(h.flights).toHaveLength(1);
    h.tick(1);
    expect(h.flights).toHaveLength(2);
    h.flights[1]!.land("b");
    await h.settle();
    h.newest.ask(3, true);
    h.newest.ask(4);
    expect(h.flights.map((f) => f.args)).toEqual([1, 2, 4]);
  });

  it("is silent once stopped", async () => {
    const h = harness();
    h.newest.ask(1);
    h.newest.stop();
    h.flights[0]!.land("a");
    await h.settle();
    expect(h.heard).toEqual([]);
  });
});

describe("paint queue", () => {
  it("draws the active card first and true, stretches when time is short, comes back until all are true", () => {
    let time = 0;
    const frames: ((now: number) => void)[] = [];
    const queue = new PaintQueue((run) => frames.push(run), () => time);
    const log: string[] = [];
    const card = (name: string, active: boolean): Painter => ({
      isActive: () => active,
      drawMs: 0,
      paint: (mayStretch) => {
        log.push(`${name}${mayStretch ? "~" : ""}`);
        time += mayStretch ? 0.5 : 12;
        return !mayStretch;
      },
    });
    for (const c of [card("b", false), card("c", false), card("a", true)]) queue.request(c);
    frames.shift()!(0);
    expect(log).toEqual(["a", "b~", "c~"]);
    frames.shift()!(16);
    frames.shift()!(32);
    expect(log.slice(3)).toEqual(["b", "c~", "c"]);
    expect(frames).toEqual([]);
  });
});

describe("paint queue, heavy card", () => {
  it("stretches while it moves and draws true once it rests", () => {
    const frames: ((now: number) => void)[] = [];
    const queue = new PaintQueue((run) => frames.push(run), () => 0);
    const log: boolean[] = [];
    const heavy: Painter = { isActive: () => true, drawMs: 90, paint: (mayStretch) => (log.push(mayStretch), !mayStretch) };
    queue.request(heavy);
    frames.shift()!(0);
    queue.request(heavy);
    frames.shift()!(16);
    frames.shift()!(32);
    expect(log).toEqual([true, true, false]);
    expect(frames).toEqual([]);
  });
});

describe("layer", () => {
  const t = transformFor({ min: 0, max: 10 }, { min: 0, max: 1 }, false, false, 100, 50);
  it("serves a pan within its margin, and nothing else", () => {
    const wide = { ...t, bx: t.bx + 50, width: 200 };
    const at = (min: number, max: number) => transformFor({ min, max }, { min: 0, max: 1 }, false, false, 100, 50);
    expect([at(0, 10), at(4.9, 14.9), at(-5, 5)].map((w) => coversExactly(wide, 200, w))).toEqual([true, true, true]);
    expect([at(5.2, 15.2), at(-5.2, 4.8), at(0, 11), at(0, 9)].map((w) => coversExactly(wide, 200, w))).toEqual([false, false, false, false]);
    expect(coversExactly(wide, 200, transformFor({ min: 0, max: 10 }, { min: 0, max: 2 }, false, false, 100, 50))).toBe(false);
    expect(coversExactly(t, 100, t)).toBe(true);
    expect(coversExactly(t, 100, at(0.1, 10.1))).toBe(false);
  });
});

describe("viewport", () => {
  it("tells what changed, once", () => {
    const v = new Viewport();
    const heard: string[] = [];
    const stop = v.subscribe((change) => heard.push(change));
    v.setRange({ min: 1, max: 2 });
    v.setRange({ min: 1, max: 2 });
    v.setCursor(1.5, v);
    v.setHovered(3);
    stop();
    v.setRange(null);
    expect(heard).toEqual(["range", "cursor", "hover"]);
  });
});
