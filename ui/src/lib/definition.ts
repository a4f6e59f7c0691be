/** A monitor's definition as a form has it, and as signalbox.toml does. */
import type { MonitorDefinition } from "$lib/host";

type Key = keyof MonitorDefinition;

/** What is watched: files that come, or a table that stays where it is. */
export type Watched = "files" | "table";
export const watchedOf = (definition: Partial<MonitorDefinition>): Watched => (definition.engine || definition.table ? "table" : "files");

export interface FieldSpec {
  key: Key;
  label: string;
  /** What it is for. */
  hint: string;
  kind: "path" | "column" | "columns" | "text" | "address" | "number" | "fraction";
  /** What must be there, as it is called when it is not. */
  needed?: string;
  /** Asked for this kind of thing that is watched only. */
  of?: Watched;
  /** What it is for where a table is watched, if that is another thing. */
  ofTable?: string;
  /** The heading that it begins. */
  heading?: string;
}

export const FIELDS: readonly FieldSpec[] = [
  { key: "reference", label: "Reference", kind: "path", needed: "a file or a folder", hint: "What the model was trained on: a file or a folder. All else is measured against it." },
  { key: "current", label: "Watched", kind: "path", needed: "a file or a folder", of: "files", hint: "What the model has seen since: a file that grows, or a folder that files come into." },
  { key: "engine", label: "Engine", kind: "address", needed: "an address", of: "table", hint: "postgres://me@host/database, https://me@host:8443/database of ClickHouse, or sc://host:15002 of Spark. No password: Settings keeps it, or PGPASSWORD and the like." },
  { key: "table", label: "Table", kind: "address", needed: "a name", of: "table", hint: "What the model has seen since, as public.loans. The engine counts, by the hour: no row leaves it, nothing is written." },
  { key: "last_hours", label: "Last hours", kind: "number", of: "table", hint: "Rows of the last so many hours. Left empty: all of them." },
  { key: "every_minutes", label: "Every … minutes", kind: "number", of: "table", hint: "The last three hours are counted again so often, all once a day. Left empty: 10." },
  { key: "time", label: "Time column", kind: "column", heading: "Rows", hint: "When each row was. Left empty it is found, if one column only is a time." },
  { key: "segment", label: "Segment column", kind: "column", hint: "Tells rows apart: a country, a device. Each segment can be looked at alone." },
  { key: "ignore", label: "Ignored columns", kind: "columns", hint: "Not watched: identifiers, free text." },
  { key: "importance", label: "Importance", kind: "path", hint: "A JSON file with a weight for each column, as autologging writes it. Drift is ranked by it." },
  { key: "prediction", label: "Prediction", kind: "column", of: "files", heading: "Model quality", hint: "What the model said: a class, or a number." },
  { key: "label", label: "Label", kind: "column", ofTable: "The truth in the reference, which the table need not have: it is not watched.", hint: "The truth, in the reference and, where it comes along, in the watched data." },
  { key: "score", label: "Score", kind: "column", of: "files", hint: "How sure it was of the positive class, 0 to 1. With it quality is estimated before labels come." },
  { key: "positive", label: "Positive class", kind: "text", of: "files", hint: "The class that the score is of. Left empty: of two classes, the later one by name." },
  { key: "labels", label: "Late labels", kind: "path", of: "files", hint: "Labels that come later: a file or folder with the two columns of label and id." },
  { key: "id", label: "Row id", kind: "column", ofTable: "Each row's own: it is not watched.", hint: "By which late labels find their rows." },
  { key: "groups", label: "Groups", kind: "columns", heading: "Fairness", of: "files", hint: "Attributes by which the model's rates are compared, such as sex and age_group; crossings of them too." },
  { key: "min_group", label: "Least group", kind: "number", of: "files", hint: "Groups with fewer labelled rows are listed, not judged." },
  { key: "min_shift", label: "Least shift", kind: "fraction", heading: "What counts", hint: "Of numbers: Wasserstein's distance in deviations of the reference. Left empty: 0.1." },
  { key: "min_js", label: "Least JS", kind: "fraction", hint: "Of levels: Jensen and Shannon's distance. Left empty: 0.1." },
  { key: "alpha", label: "Alpha", kind: "fraction", hint: "The corrected p-value of a drift is below. Left empty: 0.01." },
  { key: "min_values", label: "Least values", kind: "number", hint: "Fewer are too few to tell. Left empty: 100." },
];

/** The fields that a form has for it. */
export const fieldsOf = (watched: Watched) => FIELDS.filter(({ of }) => of === undefined || of === watched);

export type Draft = Record<Key, string>;

export function draftOf(definition: Partial<MonitorDefinition>): Draft {
  const words = (key: Key) => {
    const value = definition[key];
    return Array.isArray(value) ? joined(value) : value === null || value === undefined ? "" : String(value);
  };
  return Object.fromEntries(FIELDS.map(({ key }) => [key, words(key)])) as Draft;
}

/** Names as a field of the form has them: between commas, as JSON strings where they would not come back the same. */
export const joined = (names: readonly string[]) => names.map((name) => (name === "" || name !== name.trim() || /[",\n\r]/.test(name) ? quoted(name) : name)).join(", ");

/** The names in a field of the form. A quote that begins no JSON string is a letter like any other. */
export function listed(text: string): string[] {
  const parts = text.matchAll(/\s*(?:("(?:[^"\\]|\\.)*")\s*|([^,]*))(?:,|$)/g);
  return [...parts].flatMap(([, inQuotes, plain = ""]) => unquoted(inQuotes) ?? (plain.trim() || inQuotes || []));
}

export function definitionOf(draft: Draft, watched: Watched = "files"): MonitorDefinition {
  const asked = new Set<Key>(fieldsOf(watched).map(({ key }) => key));
  const text = (key: Key) => (asked.has(key) ? draft[key].trim() || null : null);
  const definition: MonitorDefinition = { reference: draft.reference.trim() };
  if (watched === "files") definition.current = draft.current.trim();
  for (const key of ["engine", "table", "time", "segment", "prediction", "score", "positive", "label", "labels", "id", "importance"] as const) if (text(key)) definition[key] = text(key);
  for (const key of ["ignore", "groups"] as const) if (asked.has(key) && listed(draft[key]).length > 0) definition[key] = listed(draft[key]);
  for (const key of ["last_hours", "every_minutes", "min_group", "min_values", "alpha", "min_shift", "min_js"] as const) if (text(key)) definition[key] = Number(draft[key]);
  return definition;
}

/** What keeps it from being saved, by field. */
export function faults(name: string, draft: Draft, watched: Watched = "files"): Partial<Record<Key | "name", string>> {
  const found: Partial<Record<Key | "name", string>> = {};
  if (!name.trim()) found.name = "It needs a name.";
  else if (/[/\\\n]/.test(name)) found.name = "A name has no slash.";
  const asked = new Set<Key>(fieldsOf(watched).map(({ key }) => key));
  for (const { key, needed } of fieldsOf(watched)) if (needed && !draft[key].trim()) found[key] = `It needs ${needed}.`;
  for (const key of ["min_group", "min_values", "last_hours", "every_minutes"] as const) if (asked.has(key) && draft[key].trim() && !/^[1-9]\d{0,8}$/.test(draft[key].trim())) found[key] = `A whole number${key.startsWith("min_") ? " of rows" : ""}, from 1.`;
  for (const key of ["alpha", "min_js", "min_shift"] as const) {
    const at = Number(draft[key]);
    if (draft[key].trim() && !(at > 0 && at < (key === "min_shift" ? Infinity : key === "alpha" ? 1 : 1 + 1e-9))) found[key] = key === "min_shift" ? "A number above 0." : "Between 0 and 1.";
  }
  if (asked.has("engine") && draft.engine.trim() && !/^(postgres(ql)?|clickhouse|https?|sc):\/\//.test(draft.engine.trim())) found.engine = "It begins with postgres://, https://, clickhouse:// or sc://.";
  if (asked.has("labels") && draft.labels.trim() && !draft.id.trim()) found.id = "Late labels find their rows by a column.";
  if (asked.has("score") && draft.score.trim() && !draft.prediction.trim()) found.prediction = "A score needs what the model said beside it.";
  return found;
}

/** The lines to paste into signalbox.toml. */
export function toml(name: string, definition: MonitorDefinition): string {
  const key = /^[\w-]+$/.test(name) ? name : quoted(name || "name");
  const lines = FIELDS.flatMap(({ key }) => {
    const value = definition[key];
    if (value === null || value === undefined || (Array.isArray(value) && value.length === 0)) return [];
    return [`${key} = ${Array.isArray(value) ? `[${value.map(quoted).join(", ")}]` : typeof value === "number" ? value : quoted(value)}`];
  });
  return `[data.${key}]\n${lines.join("\n")}\n`;
}

const quoted = (text: string) => JSON.stringify(text);

function unquoted(text: string | undefined): string | null {
  try {
    return text === undefined ? null : (JSON.parse(text) as string);
  } catch {
    return null;
  }
}
