import { call } from "$lib/host";

const DELAY_MS = 250;
const waiting = new Map<string, { timer: ReturnType<typeof setTimeout>; value: unknown }>();

export async function readPref(key: string): Promise<unknown> {
  return (await call("get_pref", { key })).value;
}

/** Saves soon; a later value for the same key replaces one that still waits. A failure costs only the memory of a view. */
export function savePref(key: string, value: unknown) {
  clearTimeout(waiting.get(key)?.timer);
  waiting.set(key, { value, timer: setTimeout(() => write(key), DELAY_MS) });
}

function write(key: string) {
  const entry = waiting.get(key);
  waiting.delete(key);
  if (entry) void call("set_pref", { key, value: entry.value }).catch(() => undefined);
}

if (typeof window !== "undefined") {
  window.addEventListener("pagehide", () => {
    for (const key of [...waiting.keys()]) write(key);
  });
}
