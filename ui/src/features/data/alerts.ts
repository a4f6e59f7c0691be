/** What a person can say to an alert. */
import { call, type MonitorRow } from "$lib/host";
import type { MenuEntry } from "$components/menu.svelte";
import { notices } from "$lib/state/notices.svelte";

const LENGTHS: readonly [string, number][] = [["1 hour", 3600], ["8 hours", 8 * 3600], ["1 week", 7 * 86_400]];

export async function acknowledge(row: MonitorRow, until: number | null, done: () => void) {
  try {
    await call("ack_alert", { project: row.project, name: row.name, until });
    notices.info(until === null ? `${row.name}: acknowledged. It is said again when something else moves.` : `${row.name}: snoozed.`);
  } catch (thrown) {
    notices.failed(thrown);
  }
  done();
}

export const snoozes = (row: MonitorRow, done: () => void): MenuEntry[] => LENGTHS.map(([label, seconds]) => ({ label, run: () => void acknowledge(row, Math.round(Date.now() / 1000) + seconds, done) }));

/** It calls for a person now. */
export function calls(row: MonitorRow, now = Date.now() / 1000): boolean {
  return row.alert !== null && !row.alert.acknowledged && (row.alert.snoozed_until === null || row.alert.snoozed_until <= now);
}
