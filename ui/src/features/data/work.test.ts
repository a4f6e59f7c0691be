import { beforeEach, expect, test, vi } from "vitest";
import { Look } from "./work.svelte";

const stopped: number[] = [];
vi.mock("$lib/host", async (original) => ({
  ...(await original<typeof import("$lib/host")>()),
  subscribe: () => () => undefined,
  call: async (name: string, { work }: { work: number }) => void (name === "stop_work" && stopped.push(work)),
}));

interface Asked {
  work: number;
  answer: (words: string) => void;
  fail: (why: Error) => void;
}

/** A look whose answers the test gives. */
function looking() {
  const asked: Asked[] = [];
  const look = new Look<string>((work) => new Promise((answer, fail) => asked.push({ work, answer, fail })));
  /** What was asked last, once all that follows from the last answer has happened. */
  const newest = async () => {
    await settled();
    return asked.at(-1)!;
  };
  return { look, asked, newest };
}
/** A promise's followers go before the next turn. */
const settled = () => new Promise((done) => setTimeout(done));

beforeEach(() => void (stopped.length = 0));

test("what was asked before is stopped, and its answer is dropped though it comes", async () => {
  const { look, asked, newest } = looking();
  look.again();
  const first = await newest();
  look.again();
  expect(stopped).toEqual([first.work]);
  first.answer("of the first");
  const second = await newest();
  expect([asked.length, look.found]).toEqual([2, null]);
  second.answer("of the second");
  await settled();
  expect(look.found).toBe("of the second");
});

test("a stop that makes way for another is no error, one by the person is", async () => {
  const { look, newest } = looking();
  look.again();
  const first = await newest();
  look.again();
  first.fail(new Error("stopped"));
  const second = await newest();
  expect(look.error).toBeNull();
  look.work.stop();
  second.fail(new Error("stopped"));
  await settled();
  expect([look.error === null, stopped]).toEqual([false, [first.work, second.work]]);
});

test("who leaves stops it, and asks no more", async () => {
  const { look, asked, newest } = looking();
  look.again();
  const { work, fail } = await newest();
  look.again();
  look.leave();
  fail(new Error("stopped"));
  await settled();
  expect([asked.length, new Set(stopped)]).toEqual([1, new Set([work])]);
});
