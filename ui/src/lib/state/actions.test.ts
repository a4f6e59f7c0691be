import { expect, test, vi } from "vitest";
import { actions, type Action } from "./actions.svelte";

const press = (key: string) => ({ key, ctrlKey: false, metaKey: false, altKey: false, shiftKey: false });
const make = (over: Partial<Action>): Action => ({ id: "a", title: "A", group: "Runs", keys: ["x"], run: () => undefined, ...over });

test("the innermost view's key wins, and gives it back", () => {
  const outer = vi.fn();
  const inner = vi.fn();
  const endOuter = actions.register([make({ id: "outer", run: outer })]);
  const endInner = actions.register([make({ id: "inner", run: inner })]);
  expect(actions.dispatch(press("x"), null)).toBe(true);
  endInner();
  actions.dispatch(press("x"), null);
  expect([inner.mock.calls.length, outer.mock.calls.length]).toEqual([1, 1]);
  endOuter();
  expect(actions.dispatch(press("x"), null)).toBe(false);
});

test("not while writing, not when it cannot, not what a widget does itself", () => {
  const run = vi.fn();
  const input = document.createElement("input");
  const end = actions.register([make({ id: "one", run }), make({ id: "two", keys: ["y"], when: () => false, run }), make({ id: "three", keys: ["z"], local: true, run })]);
  expect(actions.dispatch(press("x"), input)).toBe(false);
  expect(actions.dispatch(press("y"), null)).toBe(false);
  expect(actions.dispatch(press("z"), null)).toBe(false);
  actions.run("two");
  expect(run).not.toHaveBeenCalled();
  expect(actions.available().map((action) => action.id)).toEqual(["one", "three"]);
  end();
});
