import type { IconName } from "$components/icons";

/** How a plan stands. */
export const planWords: Record<string, { word: string; tone: "plain" | "live" | "good" | "warn" | "bad" }> = {
  proposed: { word: "Not begun", tone: "plain" },
  running: { word: "Under way", tone: "live" },
  cut_short: { word: "Cut short", tone: "bad" },
  committed: { word: "Done", tone: "good" },
  taken_back: { word: "Taken back", tone: "warn" },
  adopted: { word: "Taken as it is", tone: "plain" },
};

/** How a step stands. */
export const stepWords: Record<string, { word: string; tone: string; icon: IconName | null }> = {
  waiting: { word: "Waits", tone: "dim", icon: null },
  open: { word: "Asked", tone: "live", icon: null },
  answered: { word: "Answered, not seen yet", tone: "live", icon: null },
  seen: { word: "Seen to be so", tone: "good", icon: "check" },
  failed: { word: "Failed", tone: "bad", icon: "close" },
  undoing: { word: "Being taken back", tone: "warn", icon: null },
  undone: { word: "Taken back", tone: "warn", icon: "undo" },
  left: { word: "Left as another made it", tone: "bad", icon: "problems" },
};

export const rulingWords: Record<string, { word: string; tone: string; icon: IconName | null }> = {
  pass: { word: "passes", tone: "good", icon: "check" },
  fail: { word: "fails", tone: "bad", icon: "close" },
  inconclusive: { word: "not known", tone: "warn", icon: "info" },
  error: { word: "could not be judged", tone: "bad", icon: "problems" },
  skipped: { word: "not asked for", tone: "dim", icon: null },
};

export const standingWords: Record<string, string> = {
  between: "It was cut short between two steps.",
  done: "The step at which it was cut short was done.",
  not_done: "The step at which it was cut short was not done.",
  under_way: "The step at which it was cut short is done in part: it may still be under way.",
  changed_by_another: "Somebody else has changed what the open step is about.",
  unseen: "How things stand cannot be seen now.",
};

/** Stands in the way until it is overridden. */
export const blocks = (ruling: string) => ruling !== "pass" && ruling !== "skipped";
