// A form's fields and what they say: strings and ticks in, the policy's JSON out. No field knows the page.

export type Pair = readonly [name: string, value: string];
export type Value = string | boolean | readonly Pair[];
export type Values = Readonly<Record<string, Value>>;

export interface Spec {
  /** The way to it in the policy: `bake.secs`. */
  key: string;
  label: string;
  /** `group`: a part that may be there or not, with the fields whose keys begin with its own. */
  kind: "text" | "area" | "number" | "tick" | "choice" | "numbers" | "lines" | "pairs" | "json" | "group";
  hint?: string;
  /** Begins a part of the form. */
  heading?: string;
  options?: readonly { value: string; label: string }[];
  /** Empty is `null`. */
  optional?: boolean;
  /** What stands in it at first. */
  fresh?: Value;
  placeholder?: string;
  whole?: boolean;
  least?: number;
  most?: number;
  /** Two in a row. */
  half?: boolean;
}

export type Json = { [key: string]: unknown };

/** The groups that a field is part of, outermost first. */
export const groupsOf = (specs: readonly Spec[], key: string) => specs.filter((spec) => spec.kind === "group" && key.startsWith(`${spec.key}.`)).map((spec) => spec.key);

/** A field is asked for if the parts that it belongs to are there. */
export const isShown = (specs: readonly Spec[], values: Values, key: string) => groupsOf(specs, key).every((group) => values[group] === true);

/** What stands at a field's way; `undefined`: nothing. */
export const valueAt = (json: unknown, key: string): unknown => key.split(".").reduce<unknown>((value, part) => (typeof value === "object" && value !== null ? (value as Json)[part] : undefined), json);

function put(json: Json, key: string, value: unknown) {
  const parts = key.split(".");
  const last = parts.pop() ?? key;
  let table = json;
  for (const part of parts) table = (table[part] ??= {}) as Json;
  table[last] = value;
}

/** What a form shows at first. */
export function fresh(specs: readonly Spec[]): Values {
  return Object.fromEntries(specs.map((spec) => [spec.key, freshOf(spec)]));
}

function freshOf(spec: Spec): Value {
  return spec.fresh ?? (spec.kind === "tick" || spec.kind === "group" ? false : spec.kind === "pairs" ? [] : spec.kind === "choice" && !spec.optional ? (spec.options?.[0]?.value ?? "") : "");
}

/** What a form shows of a policy's part. What is not there stands as it would if it were added. */
export function toValues(specs: readonly Spec[], json: unknown): Values {
  return Object.fromEntries(specs.map((spec) => {
    const value = valueAt(json, spec.key);
    const isThere = value !== undefined && value !== null;
    if (spec.kind === "group") return [spec.key, isThere];
    if (!isThere) return [spec.key, groupsOf(specs, spec.key).every((group) => valueAt(json, group) != null) && spec.fresh !== undefined && spec.optional ? "" : freshOf(spec)];
    switch (spec.kind) {
      case "tick":
        return [spec.key, value === true];
      case "numbers":
        return [spec.key, Array.isArray(value) ? value.join(", ") : String(value)];
      case "lines":
        return [spec.key, Array.isArray(value) ? value.join("\n") : String(value)];
      case "pairs":
        return [spec.key, Object.entries(value as Record<string, string>)];
      case "json":
        return [spec.key, Object.keys(value as object).length === 0 ? "" : JSON.stringify(value, null, 2)];
      default:
        return [spec.key, String(value)];
    }
  }));
}

/** What the form says, and what is wrong with it by field. Which fields there are may depend on the kind. */
export function fromValues(specs: readonly Spec[], values: Values): { json: Json; errors: Record<string, string> } {
  const json: Json = {};
  const errors: Record<string, string> = {};
  for (const spec of specs) {
    if (!isShown(specs, values, spec.key)) continue;
    const value = values[spec.key] ?? freshOf(spec);
    if (spec.kind === "group") {
      put(json, spec.key, value === true ? {} : null);
      continue;
    }
    const read = readOf(spec, value);
    if (typeof read === "object" && read !== null && "wrong" in read) errors[spec.key] = read.wrong;
    else put(json, spec.key, read.value);
  }
  return { json, errors };
}

/** Said of what is not written yet: no error, but it keeps the form from being told. */
export const NEEDED = "It is needed.";

type Read = { value: unknown } | { wrong: string };

function readOf(spec: Spec, value: Value): Read {
  if (typeof value === "boolean") return { value };
  if (typeof value !== "string") return pairsOf(value);
  const text = spec.kind === "area" || spec.kind === "json" ? value : value.trim();
  if (text.trim() === "" && spec.kind !== "numbers" && spec.kind !== "lines" && spec.kind !== "json") return spec.optional ? { value: null } : { wrong: NEEDED };
  switch (spec.kind) {
    case "number":
      return numberOf(spec, text);
    case "numbers": {
      const parts = text.split(/[\s,;%]+/).filter(Boolean);
      const read = parts.map((part) => numberOf(spec, part));
      const wrong = read.find((one) => "wrong" in one);
      return wrong ?? { value: read.map((one) => ("value" in one ? one.value : null)) };
    }
    case "lines":
      return { value: text.split("\n").map((line) => line.trim()).filter(Boolean) };
    case "json":
      return jsonOf(text);
    default:
      return { value: text };
  }
}

function numberOf(spec: Spec, text: string): Read {
  const value = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : NaN;
  if (!Number.isFinite(value)) return { wrong: `“${text}” is no number.` };
  if (spec.whole && !Number.isSafeInteger(value)) return { wrong: "A whole number." };
  if (spec.least !== undefined && value < spec.least) return { wrong: `At least ${spec.least}.` };
  if (spec.most !== undefined && value > spec.most) return { wrong: `At most ${spec.most}.` };
  return { value };
}

function pairsOf(pairs: readonly Pair[]): Read {
  const named = pairs.map(([name, value]): Pair => [name.trim(), value.trim()]).filter(([name, value]) => name !== "" || value !== "");
  const half = named.find(([name, value]) => name === "" || value === "");
  if (half) return { wrong: half[0] === "" ? "A name is missing." : `${half[0]} has no key.` };
  const names = named.map(([name]) => name);
  const twice = names.find((name, n) => names.indexOf(name) !== n);
  return twice === undefined ? { value: Object.fromEntries(named) } : { wrong: `${twice} stands there twice.` };
}

function jsonOf(text: string): Read {
  if (text.trim() === "") return { value: {} };
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== "object" || value === null || Array.isArray(value)) return { wrong: "An object, in braces." };
    return hasNull(value) ? { wrong: "TOML knows no null: leave the key out." } : { value };
  } catch (thrown) {
    return { wrong: `It is no JSON: ${thrown instanceof Error ? thrown.message : String(thrown)}` };
  }
}

const hasNull = (value: unknown): boolean => value === null || (typeof value === "object" && Object.values(value as object).some(hasNull));

/** The file has changed below a form: what the person has not touched follows it. */
export function rebased(values: Values, was: Values, now: Values): Values {
  const same = (a: Value | undefined, b: Value | undefined) => JSON.stringify(a) === JSON.stringify(b);
  return Object.fromEntries(Object.keys({ ...now, ...values }).map((key) => [key, (same(values[key], was[key]) ? now[key] : values[key]) ?? ""]));
}
