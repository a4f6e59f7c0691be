// @vitest-environment node
import { expect, test } from "vitest";
import { chordCaps, matchesChord, type KeyPress } from "./keys";

const press = (key: string, held: Partial<KeyPress> = {}): KeyPress => ({ key, ctrlKey: false, metaKey: false, altKey: false, shiftKey: false, ...held });

test.each<[string, KeyPress, boolean]>([
  ["j", press("j"), true],
  ["j", press("j", { ctrlKey: true }), false],
  ["j", press("J", { shiftKey: true }), false],
  ["Shift+J", press("J", { shiftKey: true }), true],
  ["Mod+K", press("k", { ctrlKey: true }), true],
  ["Mod+K", press("k", { metaKey: true }), false],
  ["Mod+Shift+Z", press("Z", { ctrlKey: true, shiftKey: true }), true],
  ["Mod+Z", press("Z", { ctrlKey: true, shiftKey: true }), false],
  ["?", press("?", { shiftKey: true }), true],
  ["?", press("?"), true],
  ["/", press("/", { shiftKey: true }), true],
  ["+", press("+", { shiftKey: true }), true],
  ["Alt+ArrowLeft", press("ArrowLeft", { altKey: true }), true],
])("%s, pressed %o: %s", (chord, pressed, wanted) => expect(matchesChord(chord, pressed, false)).toBe(wanted));

test("on a Mac Mod is Command", () => {
  expect(matchesChord("Mod+K", press("k", { metaKey: true }), true)).toBe(true);
  expect(matchesChord("Mod+K", press("k", { ctrlKey: true }), true)).toBe(false);
});

test("keycaps", () => {
  expect(chordCaps("Mod+K", false)).toEqual(["Ctrl", "K"]);
  expect(chordCaps("Mod+K", true)).toEqual(["⌘", "K"]);
  expect(chordCaps("j", false)).toEqual(["j"]);
  expect(chordCaps("+", false)).toEqual(["+"]);
  expect(chordCaps(" ", false)).toEqual(["Space"]);
  expect(chordCaps("Shift+ArrowDown", false)).toEqual(["Shift", "↓"]);
});
