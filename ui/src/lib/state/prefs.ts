import { call } from "$lib/host";

const DELAY_MS = 250;
const waiting = new Map<string, { timer: ReturnType<typeof setTimeout>; value: unknown }>();

/** By this name a page that goes leaves a value to the page that comes. */
const left = (key: string) => `pref:${key}`;

export async function readPref(key: string): Promise<unknown> {
  const stored = typeof sessionStorage === "undefined" ? null : sessionStorage.getItem(left(key));
  if (stored !== null) {
    sessionStorage.removeItem(left(key));
    const value: unknown = JSON.parse(stored);
    savePref(key, value);
    return value;
  }
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
    for (const [key, { value }] of [...waiting]) {
      // A request made now is cut off with the page, or comes after the next page has asked: a reload takes it from here.
      sessionStorage.setItem(left(key), JSON.stringify(value));
      write(key);
    }
  });
}
