// @vitest-environment node
import { expect, test } from "vitest";
import type { Completion } from "$lib/host";
import { accept, begun, errorSpan, useful } from "./completion";

const item = (text: string, from: number, to: number, kind: Completion["kind"] = "field"): Completion => ({ text, kind, detail: "", from, to });

test("a field is completed and a space invites the operator", () => {
  expect(accept("metrics.va", item("metrics.val_loss", 0, 10))).toEqual({ text: "metrics.val_loss ", caret: 17 });
});

test("in the middle no second space appears", () => {
  expect(accept("metrics.va < 3", item("metrics.val_loss", 0, 10))).toEqual({ text: "metrics.val_loss < 3", caret: 17 });
});

test("a value ends where it ends", () => {
  expect(accept('params.opt = "ad', item('"adam"', 13, 16, "value"))).toEqual({ text: 'params.opt = "adam"', caret: 19 });
});

test("what is written in full is not offered", () => {
  expect(useful("name", [item("name", 0, 4), item("name_of", 0, 4)]).map((found) => found.text)).toEqual(["name_of"]);
});

test("Enter takes a word that was begun, not one out of the blue", () => {
  expect(begun(item("and", 5, 7))).toBe(true);
  expect(begun(item("and", 5, 5))).toBe(false);
  expect(begun(undefined)).toBe(false);
});

test("an error points within the text, and never at nothing", () => {
  expect(errorSpan({ start: 3, end: 8 }, 20)).toEqual({ start: 3, end: 8 });
  expect(errorSpan({ start: 20, end: 20 }, 20)).toEqual({ start: 20, end: 21 });
  expect(errorSpan({ start: 50, end: 60 }, 20)).toEqual({ start: 20, end: 21 });
  expect(errorSpan(null, 20)).toBeNull();
});
