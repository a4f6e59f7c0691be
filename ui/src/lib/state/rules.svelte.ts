import { router } from "$lib/router.svelte";

/** The dialog on a project's rules; which project and which of its rules stands in the address. */
class TeamRules {
  /** `at` is a section, or one of its entries: `models`, `models/churn`. */
  open(project: number, at = "models") {
    router.setQuery({ rules: String(project), rule: at });
  }

  close() {
    router.setQuery({ rules: null, rule: null });
  }
}

export const teamRules = new TeamRules();
