// Writes src/lib/tokens.css from assets/tokens.json. `npm run tokens` after every change; a test checks that it is fresh.
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const at = (path) => fileURLToPath(new URL(path, import.meta.url));
export const source = at("../../assets/tokens.json");
export const target = at("../src/lib/tokens.css");

const declare = (entries, indent) => entries.map(([name, value]) => `${indent}--${name}: ${value};`).join("\n");
const px = (group) => Object.entries(group).map(([name, value]) => [name, `${value}px`]);
const theme = (tokens, name) => [
  ...Object.entries(tokens.themes[name]),
  ...Object.entries(tokens.font.weights[name]).map(([weight, value]) => [`weight-${weight}`, value]),
  ...tokens.runs[name].map((colour, index) => [`run-${index}`, colour]),
];

/** The whole style sheet of tokens, as text. */
export function css(tokens) {
  const { unit, ...sizes } = tokens.space;
  const base = [
    ["font", tokens.font.stack],
    ["mono", tokens.font.mono],
    ...px(tokens.font.sizes).map(([name, value]) => [`text-${name}`, value]),
    ...[1, 2, 3, 4, 5, 6, 8, 10, 12, 16].map((n) => [`s${n}`, `${n * unit}px`]),
    ...px(sizes),
    ...Object.entries(tokens.motion).map(([name, value]) => [name, `${value}ms`]),
  ];
  return `/* Generated from assets/tokens.json by scripts/tokens.mjs. Do not edit. */
:root {
${declare(base, "  ")}
}

:root,
:root[data-theme="dark"] {
  color-scheme: dark;
${declare(theme(tokens, "dark"), "  ")}
}

:root[data-theme="light"] {
  color-scheme: light;
${declare(theme(tokens, "light"), "  ")}
}

@media (prefers-color-scheme: light) {
  :root:not([data-theme="dark"]) {
    color-scheme: light;
${declare(theme(tokens, "light"), "    ")}
  }
}

@media (prefers-reduced-motion: reduce) {
  :root {
    --fast: 0ms;
    --slow: 0ms;
  }
}
`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(target, css(JSON.parse(readFileSync(source, "utf8"))));
}
