import type { MonitorRow, RulesView } from "$lib/host";
import type { RuleFill } from "$lib/state/rules.svelte";

/** The monitor as the team's file has it; what stands there already is not written anew. */
const monitorFill = (row: MonitorRow): RuleFill[] => (row.in_policy ? [] : [{ section: "data", name: row.name, json: row.definition }]);

/** The gate that judges a model by what this monitor has seen in the last hours. */
export function gateFill(row: MonitorRow, model: string, hours: number): RuleFill[] {
  return [...monitorFill(row), { section: "models", name: model, json: { gates: { drift: { data: row.name, hours: Math.max(1, hours) } } } }];
}

/** Rules for each file, beside the monitor. */
export const rulesFill = (row: MonitorRow, rules: RulesView["rules"]): RuleFill[] => [{ section: "data", name: row.name, json: row.in_policy ? rules : { ...row.definition, ...rules } }];
