import { router } from "$lib/router.svelte";

/** What a page wants to be a rule: fields of one entry, as `signalbox.toml` has them. */
export interface RuleFill {
  section: "models" | "data";
  /** Empty: a new one, for the person to name. */
  name: string;
  json: unknown;
}

/** The dialog on a project's rules; which project and which of its rules stands in the address. */
class TeamRules {
  #fills: { project: number; list: readonly RuleFill[] } | null = null;

  /** `at` is a section, or one of its entries: `models`, `models/churn`. */
  open(project: number, at = "models", fills: readonly RuleFill[] = []) {
    this.#fills = fills.length > 0 ? { project, list: fills } : null;
    router.setQuery({ rules: String(project), rule: at });
  }

  /** What is to be filled in, once. */
  take(project: number): readonly RuleFill[] {
    const fills = this.#fills?.project === project ? this.#fills.list : [];
    this.#fills = null;
    return fills;
  }

  close() {
    router.setQuery({ rules: null, rule: null });
  }
}

export const teamRules = new TeamRules();
