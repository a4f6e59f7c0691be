import { expect, test } from "vitest";
import type { ColumnInfo } from "$lib/host";
import { defaultColumns, firstDescending, showCell, titleParts } from "./columns";
import { formatSort, parseSort } from "./view.svelte";

const info = (kind: ColumnInfo["kind"], name: string, n_runs: number, distinct = 5, numeric = true): ColumnInfo => ({ key: `${kind}:${name}`, kind, name, title: name, numeric, n_runs, distinct });

test("what most runs have, and what sets them apart, comes first", () => {
  const keys = defaultColumns([
    info("metric", "train/loss", 10), info("metric", "val/loss", 10), info("metric", "lr", 10), info("metric", "val/acc", 10), info("metric", "system/mem", 10), info("metric", "rare", 1), info("metric", "train/acc", 9),
    info("param", "lr", 10), info("param", "epochs", 10, 1), info("param", "seed", 10), info("param", "opt", 8, 3, false),
  ]).map((column) => column.key);
  expect(keys).toEqual(["attr:name", "attr:status", "metric:val/acc", "metric:val/loss", "metric:train/loss", "metric:train/acc", "param:lr", "param:opt", "attr:started"]);
});

test("a project without metrics still has a table", () => {
  expect(defaultColumns([]).map((column) => column.key)).toEqual(["attr:name", "attr:status", "attr:started"]);
});

test("the better end first", () => {
  const metric = (goal: "min" | "max" | null) => ({ name: "m", n_runs: 1, n_points: 1, prefix: "", goal });
  expect(firstDescending("metric:loss", metric("min"), true)).toBe(false);
  expect(firstDescending("metric:acc", metric("max"), true)).toBe(true);
  expect(firstDescending("attr:started", undefined, true)).toBe(true);
  expect(firstDescending("attr:name", undefined, false)).toBe(false);
});

test("cells say what is so", () => {
  expect(showCell("metric:loss", "NaN", true)).toEqual({ text: "NaN", full: "Not a number was logged", mark: "◆" });
  expect(showCell("metric:loss", "-Infinity", true).mark).toBe("▼");
  // A param whose text is NaN is a word.
  expect(showCell("param:name", "NaN", false)).toEqual({ text: "NaN", full: "NaN" });
  expect(showCell("metric:loss", null, true)).toEqual({ text: "", full: "" });
  expect(showCell("metric:loss", 0.30214399, true)).toEqual({ text: "0.3021", full: "0.30214399" });
  expect(showCell("param:lr", 0.0003, true).text).toBe("0.0003");
  expect(showCell("attr:duration", 134, true)).toEqual({ text: "2 m 14 s", full: "134 s" });
  expect(showCell("attr:status", "silent", false).text).toBe("Silent");
});

test("only metrics have a prefix", () => {
  expect(titleParts(undefined, "metric:train/a/loss")).toEqual({ prefix: "train/a/", name: "loss" });
  expect(titleParts(undefined, "param:model/path")).toEqual({ prefix: "", name: "model/path" });
});

test("a sort survives the address, whatever a metric is called", () => {
  const sort = [
    { column: { key: "metric:val/loss, of |best", stat: "best" as const }, descending: true },
    { column: { key: "attr:name", stat: null }, descending: false },
  ];
  expect(parseSort(formatSort(sort))).toEqual(sort);
  expect(parseSort("%zz,,-")).toEqual([]);
});
