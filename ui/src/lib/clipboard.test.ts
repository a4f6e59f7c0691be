import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { HostError } from "$lib/host";
import { notices } from "$lib/state/notices.svelte";
import { copyText } from "./clipboard";

let taken: string | null = null;
const clipboard = {
  writeText: vi.fn((text: string) => Promise.resolve(void (taken = text))),
  write: vi.fn(async ([item]: { data: Record<string, Promise<Blob>> }[]) => void (taken = (await (await item?.data["text/plain"])?.text()) ?? null)),
};
const said = () => notices.list.map(({ level, message, hint }) => [level, message, hint]);

beforeEach(() => {
  taken = null;
  vi.clearAllMocks();
  notices.list = [];
  vi.stubGlobal("navigator", { clipboard });
  vi.stubGlobal("ClipboardItem", class { constructor(readonly data: Record<string, Promise<Blob>>) {} });
});
afterEach(() => vi.unstubAllGlobals());

test("a text is copied, and it is said", async () => {
  await copyText("a");
  await copyText("b", "Copied the path.", "Paste it.");
  expect(taken).toBe("b");
  expect(said()).toEqual([["info", "Copied.", null], ["info", "Copied the path.", "Paste it."]]);
});

test("a text that is still to come is written within the gesture: before it is there", async () => {
  let make: (text: string) => void = () => undefined;
  const done = copyText(new Promise<string>((resolve) => (make = resolve)));
  expect(clipboard.write).toHaveBeenCalledOnce();
  expect(said()).toEqual([]);
  make("later");
  await done;
  expect(taken).toBe("later");
  expect(said()).toEqual([["info", "Copied.", null]]);
});

test("a text that could not be made says why, not that the clipboard failed", async () => {
  await copyText(Promise.reject(new HostError("not_found", "There is no such plan.", "Look again.")));
  expect(said()).toEqual([["error", "There is no such plan.", "Look again."]]);
});

test.each([
  ["refuses", { clipboard: { writeText: () => Promise.reject(new Error("no")) } }],
  ["is not there", {}],
])("a clipboard that %s is said", async (_, navigator) => {
  vi.stubGlobal("navigator", navigator);
  await copyText("a");
  expect(said()).toEqual([["error", "The clipboard is not available.", "Give the window the focus and try again."]]);
});
