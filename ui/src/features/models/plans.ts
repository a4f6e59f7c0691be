import type { PlanRow } from "$lib/host";

/** What waits for somebody comes first and is never cut off; then what was proposed, newest first. */
export function openPlans(plans: readonly PlanRow[]): { urgent: PlanRow[]; proposed: PlanRow[] } {
  const newest = (a: PlanRow, b: PlanRow) => b.made - a.made;
  const of = (state: string) => plans.filter((plan) => plan.state === state).sort(newest);
  return { urgent: [...of("cut_short"), ...of("running")], proposed: of("proposed") };
}
