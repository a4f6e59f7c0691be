import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { paced } from "./paced";

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

/** Work that takes a while and counts how often it began, and how often twice at once. */
function slow(ms: number) {
  const seen = { n: 0, at: [] as number[], most: 0, going: 0 };
  const work = async () => {
    seen.n++;
    seen.at.push(performance.now());
    seen.most = Math.max(seen.most, ++seen.going);
    await new Promise((done) => setTimeout(done, ms));
    seen.going--;
  };
  return { seen, work };
}

test("a hundred wishes in a second are two runs, a second apart", async () => {
  const { seen, work } = slow(10);
  const pace = paced(work, 1000);
  for (let i = 0; i < 100; i++) {
    pace.soon();
    await vi.advanceTimersByTimeAsync(9);
  }
  await vi.advanceTimersByTimeAsync(5000);
  expect(seen.n).toBe(2);
  expect((seen.at[1] ?? 0) - (seen.at[0] ?? 0)).toBeGreaterThanOrEqual(1000);
});

test("what is wanted at once waits for nothing but what is under way", async () => {
  const { seen, work } = slow(50);
  const pace = paced(work, 1000);
  pace.soon();
  await vi.advanceTimersByTimeAsync(10);
  pace.now();
  pace.now();
  pace.soon();
  await vi.advanceTimersByTimeAsync(60);
  expect(seen).toMatchObject({ n: 2, most: 1 });
  await vi.advanceTimersByTimeAsync(5000);
  expect(seen).toMatchObject({ n: 2, most: 1 });
});

test("nothing begins after the end", async () => {
  const { seen, work } = slow(5);
  const pace = paced(work, 1000);
  pace.now();
  await vi.advanceTimersByTimeAsync(20);
  pace.soon();
  pace.stop();
  await vi.advanceTimersByTimeAsync(5000);
  expect(seen.n).toBe(1);
});
