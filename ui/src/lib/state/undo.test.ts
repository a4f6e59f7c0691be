// @vitest-environment node
import { expect, test } from "vitest";
import { UndoStack } from "./undo.svelte";

function stackWith(value: { now: number }) {
  const stack = new UndoStack();
  const set = (next: number) => stack.set(`to ${next}`, value.now, next, (v) => (value.now = v));
  return { stack, set };
}

test("back and forth", () => {
  const value = { now: 0 };
  const { stack, set } = stackWith(value);
  set(1);
  set(2);
  stack.undo();
  expect(value.now).toBe(1);
  expect(stack.next).toBe("to 1");
  expect(stack.nextRedo).toBe("to 2");
  stack.redo();
  expect(value.now).toBe(2);
  stack.undo();
  stack.undo();
  stack.undo();
  expect(value.now).toBe(0);
  expect(stack.canUndo).toBe(false);
});

test("a new change ends what could be redone", () => {
  const value = { now: 0 };
  const { stack, set } = stackWith(value);
  set(1);
  stack.undo();
  set(5);
  expect(stack.canRedo).toBe(false);
  stack.redo();
  expect(value.now).toBe(5);
});

test("what undoing sets is not recorded", () => {
  const stack = new UndoStack();
  stack.push({ label: "outer", undo: () => stack.push({ label: "inner", undo: () => undefined, redo: () => undefined }), redo: () => undefined });
  stack.undo();
  expect(stack.canUndo).toBe(false);
});

test("the same value is no change, and the memory has an end", () => {
  const value = { now: 0 };
  const { stack, set } = stackWith(value);
  set(0);
  expect(stack.canUndo).toBe(false);
  for (let i = 1; i <= 150; i++) set(i);
  for (let i = 0; i < 150; i++) stack.undo();
  expect(value.now).toBe(50);
});

test("an undo that throws does not lock the stack", () => {
  const stack = new UndoStack();
  stack.push({ label: "bad", undo: () => { throw new Error("no"); }, redo: () => undefined });
  expect(() => stack.undo()).toThrow("no");
  stack.push({ label: "next", undo: () => undefined, redo: () => undefined });
  expect(stack.next).toBe("next");
});
