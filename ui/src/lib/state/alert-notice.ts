import type { HostEventOf } from "$lib/host";
import { router } from "$lib/router.svelte";
import { notices } from "./notices.svelte";

/** The alert stands in Data as long as it holds: what is said of it here may go. */
const SHOWN_MS = 20_000;

/** A monitor's alert: the way to the monitor, and nothing in Data, which shows it. */
export function showAlert({ project, name, message, hint }: HostEventOf<"alert">) {
  const run = () => router.go({ name: "data", query: { in: String(project), monitor: name } });
  notices.add("warn", message, hint, { screen: "data", shownMs: SHOWN_MS, action: { label: "Show", run } });
}
