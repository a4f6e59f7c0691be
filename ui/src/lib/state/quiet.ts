import { readPref, savePref } from "./prefs";

/** Hours of the person's day, whole ones; the same twice is all day. As the backend keeps them. */
export interface QuietHours {
  from: number;
  till: number;
}

const KEY = "data.quiet";
/** The backend knows no zone of its own: it is told how far the person's clock is from UTC. */
const offset = () => -new Date().getTimezoneOffset();

export async function readQuiet(): Promise<QuietHours | null> {
  const { from, till, offset_minutes } = ((await readPref(KEY)) ?? {}) as { from?: unknown; till?: unknown; offset_minutes?: unknown };
  if (typeof from !== "number" || typeof till !== "number") return null;
  // Summer time has come or gone, or the person has travelled.
  if (offset_minutes !== offset()) saveQuiet({ from, till });
  return { from, till };
}

export const saveQuiet = (quiet: QuietHours | null) => savePref(KEY, quiet && { ...quiet, offset_minutes: offset() });
