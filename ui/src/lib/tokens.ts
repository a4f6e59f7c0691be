/** The tokens that scripts need as values; style sheets use the variables of tokens.css. */
import tokens from "../../../assets/tokens.json";

export type ThemeName = "dark" | "light";

export const N_RUN_COLORS = tokens.runs.names.length;
export const runColorNames: readonly string[] = tokens.runs.names;
export const themes: Record<ThemeName, Record<keyof typeof tokens.themes.dark, string>> = tokens.themes;
export const fontStack: string = tokens.font.stack;
export const fontSizes = tokens.font.sizes;
export const rowHeight = { comfortable: tokens.space.row, compact: tokens.space["row-compact"] } as const;

/** The colour of a run by its palette index (`TableRow.color`), for canvas; markup uses `var(--run-N)`. */
export function runColor(theme: ThemeName, index: number): string {
  const palette = tokens.runs[theme];
  return palette[((index % palette.length) + palette.length) % palette.length] ?? "#888888";
}

/** The dash pattern of a run (`TableRow.dash`), empty for a solid line: canvas `setLineDash`, SVG `stroke-dasharray`. */
export function runDash(index: number): readonly number[] {
  return tokens.runs.dashes[((index % tokens.runs.dashes.length) + tokens.runs.dashes.length) % tokens.runs.dashes.length] ?? [];
}
