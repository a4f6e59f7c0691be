import type { RunState } from "$lib/host";

/** How a run stands, in a word; `StateMark` draws the shape that goes with it. */
export const stateWords: Record<RunState, { word: string; why: string }> = {
  running: { word: "Running", why: "Points arrive, or its process is alive" },
  silent: { word: "Silent", why: "Its source says running, but nothing shows life" },
  scheduled: { word: "Scheduled", why: "Waits for its start" },
  finished: { word: "Finished", why: "Its logger wrote the end" },
  failed: { word: "Failed", why: "Its logger wrote a failure" },
  killed: { word: "Killed", why: "It was stopped from outside" },
  stopped: { word: "Stopped", why: "No word on how it ended" },
};
