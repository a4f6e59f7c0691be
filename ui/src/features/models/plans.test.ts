import { expect, test } from "vitest";
import type { PlanRow } from "$lib/host";
import { openPlans } from "./plans";

const plan = (id: string, state: string, made: number): PlanRow => ({ id, state, made, title: id, made_by: "ada", back: null });

test("cut short, under way, then the newest that were not begun; what has ended is not open", () => {
  const { urgent, proposed } = openPlans([
    plan("new", "proposed", 90), plan("done", "committed", 80), plan("old", "proposed", 10), plan("goes", "running", 5), plan("cut", "cut_short", 1), plan("back", "taken_back", 70), plan("cut later", "cut_short", 2), plan("mid", "proposed", 50),
  ]);
  expect(urgent.map(({ id }) => id)).toEqual(["cut later", "cut", "goes"]);
  expect(proposed.map(({ id }) => id)).toEqual(["new", "mid", "old"]);
});

test("the order that came in is left as it was", () => {
  const plans = [plan("a", "proposed", 1), plan("b", "proposed", 2)];
  openPlans(plans);
  expect(plans.map(({ id }) => id)).toEqual(["a", "b"]);
});
