import { describe, expect, it } from "vitest";
import type { MetricInfo } from "$lib/host";
import { undo } from "$lib/state/undo.svelte";
import { amountToSlider, Board, clampAmount, defaultPrefs, parsePrefs, sliderToAmount } from "./board.svelte";
import { clampToData } from "./gestures";
import { readoutRows, readoutText, titleOf } from "./readout";
import { labelIn, movedSection, PINNED, sectionsOf } from "./sections";

const metric = (name: string): MetricInfo => ({ name, n_runs: 1, n_points: 1, prefix: name.includes("/") ? name.split("/")[0]! : "", goal: null });
const plain: Parameters<typeof sectionsOf>[1] = { order: [], hidden: [], pinned: [], search: "", showHidden: false };

describe("prefs", () => {
  it("takes what it knows and leaves the rest as usual", () => {
    expect(parsePrefs(null)).toEqual(defaultPrefs);
    expect(parsePrefs({ x: "nonsense", size: 3, smooth: { kind: "ema", amount: 7 }, hidden: ["a", 1], logY: "yes" })).toEqual({ ...defaultPrefs, smooth: { kind: "ema", amount: 0.999 }, hidden: ["a"] });
    const prefs = { ...defaultPrefs, x: "wall" as const, logX: true, order: ["b", "a"], flipped: ["x"] };
    expect(parsePrefs(JSON.parse(JSON.stringify(prefs)))).toEqual(prefs);
  });

  it.each(["ema", "gaussian", "mean"] as const)("slides %s there and back", (kind) => {
    for (const at of [0, 0.1, 0.5, 0.9, 1]) {
      const amount = sliderToAmount(kind, at);
      expect(clampAmount(kind, amount)).toBe(amount);
      expect(Math.abs(amountToSlider({ kind, amount }) - at)).toBeLessThan(kind === "mean" ? 0.06 : 0.04);
    }
  });
});

describe("board", () => {
  it("forgets the zoom when the axis means something else", () => {
    const board = new Board();
    board.viewport.setRange({ min: 1, max: 2 });
    expect(board.zoomed).toBe(true);
    board.set({ x: "wall" });
    expect(board.viewport.range).toBeNull();
  });

  it("undoes zooms, pans and hidden metrics", () => {
    undo.clear();
    const saved: string[][] = [];
    const board = new Board((prefs) => saved.push(prefs.hidden));
    board.zoom({ min: 1, max: 2 });
    const before = board.viewport.range;
    board.viewport.setRange({ min: 3, max: 4 });
    board.recordZoom(before);
    board.hide("loss");
    undo.undo();
    expect(board.prefs.hidden).toEqual([]);
    undo.undo();
    expect(board.viewport.range).toEqual({ min: 1, max: 2 });
    undo.undo();
    expect(board.viewport.range).toBeNull();
    expect(saved).toEqual([["loss"], []]);
  });

  it("turns one metric's axis against the board's", () => {
    const board = new Board();
    board.toggle("flipped", "lr");
    expect([board.isLogY("lr"), board.isLogY("loss")]).toEqual([true, false]);
    board.set({ logY: true });
    expect([board.isLogY("lr"), board.isLogY("loss")]).toEqual([false, true]);
  });

  it("keeps each smoothing's own amount", () => {
    const board = new Board();
    board.setSmoothKind("ema");
    board.set({ smooth: { kind: "ema", amount: 0.9 } });
    board.setSmoothKind("mean");
    board.setSmoothKind("ema");
    expect(board.prefs.smooth).toEqual({ kind: "ema", amount: 0.9 });
  });

  it("takes the readout away with the crosshair", () => {
    const board = new Board();
    board.viewport.setCursor(3, board);
    board.readout = { metric: "", title: "", rows: [], nMore: 0, smoothed: false, x: 0, y: 0, beside: null };
    board.viewport.setCursor(null, null);
    expect(board.readout).toBeNull();
  });

  it("ends zooming out where the data does", () => {
    expect(clampToData({ min: -1, max: 11 }, { x0: 0, x1: 10 })).toBeNull();
    expect(clampToData({ min: 1, max: 11 }, { x0: 0, x1: 10 })).toEqual({ min: 1, max: 11 });
  });
});

describe("sections", () => {
  const names = ["system/gpu", "val/loss", "train/layer10", "train/layer2", "lr", "zeta/a", "alpha/b"].map(metric);
  const show = (opts: Partial<typeof plain>) => sectionsOf(names, { ...plain, ...opts }).map((s) => `${s.title}: ${s.metrics.map((m) => labelIn(s, m)).join(" ")}`);

  it("groups by prefix, the usual ones first, the machine last, numbers in order", () => {
    expect(show({})).toEqual(["Metrics: lr", "train: layer2 layer10", "val: loss", "alpha: b", "zeta: a", "system: gpu"]);
  });
  it("puts sections of a few runs behind those of most", () => {
    const some = (name: string, n_runs: number) => ({ ...metric(name), n_runs });
    const order = (list: MetricInfo[], user: string[] = []) => sectionsOf(list, { ...plain, order: user }).map((s) => s.title).join(" ");
    const mixed = [some("val_loss", 1), some("train/loss", 9), some("zeta/a", 8), some("val/loss", 9), some("system/gpu", 9)];
    expect(order(mixed)).toBe("train val zeta Metrics system");
    expect(order(mixed, [""])).toBe("Metrics train val zeta system");
  });
  it("puts what is measured before what keeps the books", () => {
    const logged = ["epoch", "hp_metric", "lr-Adam", "train_loss_epoch", "train_loss_step", "val_loss", "optim/lr", "optim/norm"].map(metric);
    expect(sectionsOf(logged, plain).map((s) => s.metrics.map((m) => m.name).join(" "))).toEqual(["train_loss_epoch train_loss_step val_loss epoch hp_metric lr-Adam", "optim/norm optim/lr"]);
  });
  it("remembers the user's order and puts pinned metrics on top with their full names", () => {
    expect(show({ order: ["zeta", "val"], pinned: ["train/layer2"] })).toEqual(["Pinned: train/layer2", "zeta: a", "val: loss", "Metrics: lr", "train: layer10", "alpha: b", "system: gpu"]);
  });
  it("hides, shows hidden, and finds by every word", () => {
    expect(show({ hidden: ["lr"] })[0]).toBe("Metrics: ");
    expect(show({ hidden: ["lr"], showHidden: true })[0]).toBe("Metrics: lr");
    expect(show({ search: "LAYER 10" })).toEqual(["train: layer10"]);
  });
  it("moves a section within bounds", () => {
    const sections = sectionsOf(names, { ...plain, pinned: ["lr"] });
    expect(sections[0]!.name).toBe(PINNED);
    expect(movedSection(sections, "val", -1).slice(0, 2)).toEqual(["val", "train"]);
    expect(movedSection(sections, "train", -1)[0]).toBe("train");
    expect(movedSection(sections, "system", 1).at(-1)).toBe("system");
  });
});

describe("readout", () => {
  const runs = new Map([1, 2].map((id) => [id, { id, name: `run-${id}`, color: id, dash: 0 }]));
  const hits = [{ run: 1, index: 0, x: 10, y: 0.5, raw: null }, { run: 2, index: 0, x: 90, y: 0.25, raw: null }];
  it("says values with the same decimals, and where a point lies that is not under the crosshair", () => {
    const { rows } = readoutRows(hits, 10, { toPx: (v) => v }, "step", runs, 2);
    expect(rows.map((r) => [r.run.name, r.value, r.at, r.near])).toEqual([["run-1", "0.50", null, false], ["run-2", "0.25", "90", true]]);
  });
  it("copies every digit", () => {
    expect(readoutText([{ run: 1, index: 0, x: 10, y: 0.1 + 0.2, raw: 1 / 3 }], "step", runs)).toBe("run\tstep\tsmoothed\tvalue\nrun-1\t10\t0.30000000000000004\t0.3333333333333333");
  });
  it("names the place in words", () => expect([titleOf("step", 12400), titleOf("relative", 61)]).toEqual(["Step 12,400", "01:01 after start"]));
});
