// @vitest-environment node
import { expect, test } from "vitest";
import { place } from "./place";

const view = { width: 800, height: 600 };
const at = (left: number, top: number) => ({ left, right: left + 20, top, bottom: top + 20 });

test("below and at the start where there is room", () => {
  expect(place(at(100, 100), { width: 200, height: 150 }, view)).toEqual({ left: 100, top: 124, maxHeight: 468 });
});

test("above near the foot, and held within the sides", () => {
  const placed = place(at(750, 560), { width: 200, height: 150 }, view);
  expect(placed.top).toBe(406);
  expect(placed.left).toBe(592);
});

test("end-aligned and centred", () => {
  expect(place(at(400, 100), { width: 200, height: 50 }, view, "end").left).toBe(220);
  expect(place(at(400, 100), { width: 200, height: 50 }, view, "center").left).toBe(310);
});

test("too tall for either side scrolls in the larger", () => {
  const placed = place(at(10, 400), { width: 100, height: 2000 }, view);
  expect(placed.top).toBeGreaterThanOrEqual(0);
  expect(placed.top + placed.maxHeight).toBeLessThanOrEqual(400);
});
