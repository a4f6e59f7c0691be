import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { router } from "$lib/router.svelte";
import { showAlert } from "./alert-notice";
import { notices } from "./notices.svelte";

const said = () => notices.list.map((notice) => notice.message);
const alert = (says: string) => showAlert({ type: "alert", project: 2, name: "wine", message: `wine: ${says}`, hint: "Data → wine shows when, where and how far." });

beforeEach(() => {
  vi.useFakeTimers();
  notices.list = [];
  router.replace({ name: "models" });
});
afterEach(() => vi.useRealTimers());

test("what is well goes by itself, what is not stays", () => {
  notices.info("well");
  notices.add("warn", "not well");
  notices.add("error", "bad");
  vi.advanceTimersByTime(5999);
  expect(said()).toEqual(["well", "not well", "bad"]);
  vi.advanceTimersByTime(1);
  expect(said()).toEqual(["not well", "bad"]);
  vi.advanceTimersByTime(3_600_000);
  expect(said()).toEqual(["not well", "bad"]);
});

test("what is read or about to be pressed does not go meanwhile", () => {
  notices.info("well");
  const { id } = notices.list[0]!;
  vi.advanceTimersByTime(5000);
  notices.hold(id);
  vi.advanceTimersByTime(60_000);
  expect(said()).toEqual(["well"]);
  notices.release(id);
  vi.advanceTimersByTime(5999);
  expect(said()).toEqual(["well"]);
  vi.advanceTimersByTime(1);
  expect(said()).toEqual([]);
});

test("an alert goes after a while, or when the person is where it stands", () => {
  alert("alcohol moved away.");
  notices.add("warn", "other");
  vi.advanceTimersByTime(19_999);
  expect(said()).toEqual(["wine: alcohol moved away.", "other"]);
  vi.advanceTimersByTime(1);
  expect(said()).toEqual(["other"]);
  alert("hue moved away.");
  notices.arrived("runs");
  expect(said()).toEqual(["other", "wine: hue moved away."]);
  notices.arrived("data");
  expect(said()).toEqual(["other"]);
  router.replace({ name: "data" });
  alert("ash moved away.");
  expect(said()).toEqual(["other"]);
});

test("an alert leads to its monitor", () => {
  alert("hue moved away.");
  notices.list.at(-1)?.action?.run();
  expect(router.route).toMatchObject({ name: "data", query: { in: "2", monitor: "wine" } });
});

test("other notices have no way, and stay", () => {
  notices.add("warn", "churn on own: v7 was taken back.", "The view of what serves shows it, and the way back.");
  router.replace({ name: "data" });
  notices.arrived("data");
  vi.advanceTimersByTime(60_000);
  expect(notices.list).toMatchObject([{ action: null, screen: null }]);
});
