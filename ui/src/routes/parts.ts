/**
 * What the first picture does without, as scripts of their own: less is read, compiled and run before a start shows
 * anything. Each is fetched when it is first asked for, and all of them a moment after the start, so that nobody waits.
 */
function part<T>(load: () => Promise<{ default: T }>): () => Promise<T> {
  let asked: Promise<T> | null = null;
  return () =>
    (asked ??= load().then(
      (module) => module.default,
      (thrown: unknown) => {
        // The next one who asks tries again.
        asked = null;
        throw thrown;
      },
    ));
}

/** The first picture is painted, or nobody looks: a page out of sight has no frames. */
const painted = new Promise<void>((resolve) => {
  requestAnimationFrame(() => setTimeout(resolve));
  setTimeout(resolve, 250);
});

export const parts = {
  audit: part(() => import("$features/audit/Audit.svelte")),
  charts: part(() => painted.then(() => import("$features/charts/Charts.svelte"))),
  data: part(() => import("$features/data/Data.svelte")),
  keyList: part(() => import("$features/palette/KeyList.svelte")),
  models: part(() => import("$features/models/Models.svelte")),
  palette: part(() => import("$features/palette/Palette.svelte")),
  plan: part(() => import("$features/promote/PlanSheet.svelte")),
  problems: part(() => import("$features/problems/Problems.svelte")),
  production: part(() => import("$features/production/Production.svelte")),
  rules: part(() => import("$features/rules/TeamRules.svelte")),
  run: part(() => import("$features/run/RunPage.svelte")),
  settings: part(() => import("$features/settings/Settings.svelte")),
  welcome: part(() => import("$features/welcome/Welcome.svelte")),
};

/** Fetches what was not asked for yet. A failure shows when the part is asked for. */
export function fetchAllParts() {
  for (const ask of Object.values(parts)) ask().catch(() => undefined);
}
