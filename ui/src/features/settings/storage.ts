import { formatBytes, formatInteger } from "$lib/format";
import type { ForgetLine, ForgetPlan, RoomKind, RoomPart } from "$lib/host";

/** A stretch of the bar: what a person would do something about, or nothing. */
export interface Stretch {
  name: string;
  bytes: number;
  /** Of all, for the eye: no stretch is too thin to be seen. */
  share: number;
  /** One of the palette's colours; null: nothing is in it. */
  color: number | null;
  /** What it is made of, the largest first. */
  parts: readonly RoomPart[];
}

const GROUPS: readonly { name: string; color: number | null; kinds: readonly RoomKind[] }[] = [
  { name: "Points", color: 0, kinds: ["points", "levels"] },
  { name: "All else of runs", color: 4, kinds: ["catalogue", "code", "other", "structure", "log"] },
  { name: "Your own words", color: 6, kinds: ["words"] },
  { name: "Counts and copies", color: 8, kinds: ["counts", "fetched", "window", "rest"] },
  { name: "Registered models", color: 3, kinds: ["models"] },
  { name: "Promotions and audit", color: 7, kinds: ["promotions"] },
  { name: "Free pages", color: null, kinds: ["free"] },
];

const LEAST_SHARE = 0.006;

/** The bar, from left to right; what takes nothing is left out. */
export function stretches(parts: readonly RoomPart[]): Stretch[] {
  const found = GROUPS.map(({ name, color, kinds }) => {
    const of = parts.filter((part) => kinds.includes(part.kind) && part.bytes > 0).toSorted((a, b) => b.bytes - a.bytes);
    return { name, color, parts: of, bytes: of.reduce((sum, part) => sum + part.bytes, 0) };
  }).filter((stretch) => stretch.bytes > 0);
  const all = found.reduce((sum, stretch) => sum + stretch.bytes, 0);
  const shares = found.map((stretch) => Math.max(LEAST_SHARE, stretch.bytes / all));
  const sum = shares.reduce((a, b) => a + b, 0);
  return found.map((stretch, i) => ({ ...stretch, share: (shares[i] ?? 0) / sum }));
}

/** What the bar says to who does not see it. */
export const spoken = (bar: readonly Stretch[]) => bar.map((stretch) => `${stretch.name} ${formatBytes(stretch.bytes)}`).join(", ");

export function lineText({ n, what, bytes }: ForgetLine): string {
  return `${n === null ? "" : `${formatInteger(n)} `}${what}${bytes === null ? "" : ` · ${formatBytes(bytes)}`}`;
}

/** Whether what was typed is what is asked for: only then something is lost for good. */
export const isConfirmed = ({ confirm }: Pick<ForgetPlan, "confirm">, typed: string) => confirm === null || typed.trim() === confirm;

export const forgetWords = ({ gone_only, name }: Pick<ForgetPlan, "gone_only" | "name">) => (gone_only ? `Forget gone runs of ${name}` : `Forget ${name}`);
