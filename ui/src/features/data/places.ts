/** Where in Data one is, as the address has it: the overview, a monitor, a file's profile, two files beside each other. */
import type { Query } from "$lib/router.svelte";

export type Tab = "drift" | "quality" | "fairness" | "rules";
export const TABS: readonly Tab[] = ["drift", "quality", "fairness", "rules"];

export type Place =
  | { at: "overview" }
  | { at: "monitor"; project: number; name: string; tab: Tab; segment: string | null; hours: number | null; from: number | null; till: number | null; column: string | null }
  | { at: "profile"; project: number; path: string; column: string | null; target: string | null; test: string | null }
  | { at: "compare"; project: number; reference: string; current: string; column: string | null; methods: string[] };

const whole = (text: string | undefined) => (text !== undefined && /^-?\d{1,9}$/.test(text) ? Number(text) : null);

/** Never fails: what it does not know is the overview. */
export function placeOf(query: Query): Place {
  const project = whole(query["in"]);
  if (project === null) return { at: "overview" };
  const column = query["column"] ?? null;
  if (query["monitor"]) {
    const tab = TABS.find((tab) => tab === query["tab"]) ?? "drift";
    const [from, till] = [whole(query["from"]), whole(query["till"])];
    const ordered = from !== null && till !== null && from < till;
    return { at: "monitor", project, name: query["monitor"], tab, segment: query["segment"] ?? null, hours: whole(query["hours"]), from: ordered ? from : null, till: ordered ? till : null, column };
  }
  if (query["file"]) return { at: "profile", project, path: query["file"], column, target: query["target"] ?? null, test: query["test"] ?? null };
  if (query["reference"] && query["current"]) return { at: "compare", project, reference: query["reference"], current: query["current"], column, methods: query["methods"]?.split(",").filter(Boolean) ?? [] };
  return { at: "overview" };
}

export const monitorQuery = (project: number, name: string): Query => ({ in: String(project), monitor: name });
export const profileQuery = (project: number, path: string): Query => ({ in: String(project), file: path });
export const compareQuery = (project: number, reference: string, current: string): Query => ({ in: String(project), reference, current });
