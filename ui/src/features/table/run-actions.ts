import type { MenuEntry } from "$components/menu.svelte";
import { copyText } from "$lib/clipboard";
import { plural } from "$lib/format";
import { call, type Commands } from "$lib/host";
import type { Action } from "$lib/state/actions.svelte";
import { notices } from "$lib/state/notices.svelte";
import { promotion } from "$lib/state/promotion.svelte";
import { selection, type RunMark } from "$lib/state/selection.svelte";
import { runColorNames } from "$lib/tokens";
import { showCell, isNumeric, type Column } from "./columns";
import type { Cursor } from "./cursor.svelte";
import { asMarkdown } from "./markdown";
import { cellOf, type LoadedRow } from "./pages.svelte";
import type { TableView } from "./view.svelte";

/** What needs a place on the screen; the table component knows where. */
export interface Places {
  open(run: number): void;
  rename(): void;
  editTags(): void;
  editNote(): void;
  recolour(): void;
  showMenu(): void;
}

export interface Bench {
  view: TableView;
  cursor: Cursor;
  places: Places;
}

export async function annotate(change: Commands["annotate"]["args"]) {
  try {
    await call("annotate", change);
  } catch (thrown) {
    notices.failed(thrown);
  }
}

const idsOf = (runs: readonly RunMark[]) => runs.map((run) => run.id);
const nameThem = (runs: readonly RunMark[]) => (runs.length === 1 ? (runs[0]?.name ?? "run") : plural(runs.length, "run"));

/** They are records of one training, which nothing but the person can know. */
async function join(project: number, runs: readonly RunMark[]) {
  try {
    await call("join_runs", { project, runs: idsOf(runs) });
    notices.info(`${plural(runs.length, "run")} are one now.`, "“Source files” on its page takes it back.");
  } catch (thrown) {
    notices.failed(thrown);
  }
}

/** Every action on runs: the palette, the keys and both menus are made from this one list. */
export function runActions({ view, cursor, places }: Bench): Action[] {
  const some = () => cursor.targets().length > 0;
  const rows = (): LoadedRow[] => cursor.targets().flatMap((run) => view.pages.find(run.id)?.row ?? []);
  const flip = (change: "hidden" | "pinned") => {
    const runs = idsOf(cursor.targets());
    const value = !rows().every((row) => row[change]);
    void annotate({ runs, [change]: value });
    if (change === "hidden" && value && !view.showHidden) notices.info(`${nameThem(cursor.targets())} hidden.`, "“Show hidden runs” brings them back.");
    if (change === "hidden" && value) cursor.clear();
  };
  return [
    { id: "run.open", title: "Open the run's page", group: "Runs", keys: ["Enter"], local: true, when: some, run: () => cursor.row && places.open(cursor.row.id) },
    { id: "run.draw", title: "Draw in charts, or not", also: "visible eye show plot", group: "Runs", keys: ["v"], when: some, run: () => view.charted.toggle(cursor.targets()) },
    { id: "run.only", title: "Compare: draw only these", also: "isolate solo", group: "Runs", keys: ["c"], when: some, run: () => view.charted.only(cursor.targets()) },
    { id: "run.baseline", title: "Baseline, or not", also: "reference compare", group: "Runs", keys: ["b"], when: some, run: () => cursor.row && selection.toggleBaseline(cursor.row.id) },
    { id: "run.promote", title: "Promote its model…", also: "deploy production register release", group: "Runs", keys: ["p"], when: () => cursor.targets().length === 1, run: () => cursor.row && void promotion.propose({ run: cursor.row.id }) },
    { id: "run.rename", title: "Rename…", group: "Runs", keys: ["F2"], when: some, run: places.rename },
    { id: "run.colour", title: "Recolour…", also: "color palette", group: "Runs", keys: ["Shift+P"], when: some, run: places.recolour },
    { id: "run.tag", title: "Tag…", also: "label", group: "Runs", keys: ["t"], when: some, run: places.editTags },
    { id: "run.note", title: "Note…", also: "comment annotate", group: "Runs", keys: ["n"], when: some, run: places.editNote },
    { id: "run.pin", title: "Pin to the top, or not", group: "Runs", keys: ["Shift+T"], when: some, run: () => flip("pinned") },
    { id: "run.hide", title: "Hide, or show again", group: "Runs", keys: ["h"], when: some, run: () => flip("hidden") },
    { id: "run.join", title: "Join: one training", also: "merge same records sources", group: "Runs", when: () => cursor.targets().length > 1, run: () => void join(view.project, cursor.targets()) },
    { id: "run.copy", title: "Copy as Markdown", also: "clipboard table", group: "Runs", keys: ["Mod+C"], when: () => some() && !getSelection()?.toString(), run: () => void copyText(asMarkdown(view, rows()), `Copied ${plural(rows().length, "row")} as Markdown.`) },
    { id: "run.select", title: "Select, or not", group: "Runs", keys: [" "], local: true, when: some, run: () => cursor.toggle() },
    { id: "run.all", title: "Select all", group: "Runs", keys: ["Mod+A"], run: () => void cursor.all() },
    { id: "run.none", title: "Select none", group: "Runs", keys: ["Escape"], local: true, when: () => selection.selected.size > 0, run: () => cursor.clear() },
    { id: "run.menu", title: "Menu of the run", group: "Runs", keys: ["Shift+F10"], local: true, when: some, run: places.showMenu },
  ];
}

const MENU = ["run.open", "line", "run.draw", "run.only", "run.baseline", "run.promote", "line", "run.rename", "run.colour", "run.tag", "run.note", "line", "run.pin", "run.hide", "run.join", "line", "run.copy"] as const;
const ICONS = { "run.open": "expand", "run.draw": "eye", "run.only": "chart", "run.baseline": "target", "run.promote": "box", "run.rename": "pencil", "run.colour": "palette", "run.tag": "tag", "run.note": "note", "run.pin": "pin", "run.hide": "eye-off", "run.join": "plus", "run.copy": "copy" } as const;

/** The right-click menu and the keyboard's are this. */
export function runMenu(bench: Bench, actions: readonly Action[], column?: Column): { label: string; entries: MenuEntry[] } {
  const targets = bench.cursor.targets();
  const titles = titlesFor(bench, targets);
  const entries: MenuEntry[] = [{ heading: nameThem(targets) }];
  for (const id of MENU) {
    const action = actions.find((candidate) => candidate.id === id);
    if (id === "line") entries.push("line");
    else if (id === "run.join" && targets.length < 2) continue;
    else if (action) entries.push({ label: titles[id] ?? action.title, icon: ICONS[id], keys: action.keys?.[0], run: action.run, disabled: targets.length > 1 && (id === "run.open" || id === "run.promote") });
  }
  const row = bench.cursor.row;
  if (row && column) {
    const cell = cellOf(row, column);
    const shown = showCell(column.key, cell, isNumeric(column.key, bench.view.infoOf.get(column.key)));
    if (shown.full && shown.full.length < 2000) {
      const value = typeof cell === "number" || shown.mark ? String(cell) : shown.full;
      entries.push({ label: `Copy ${value.length > 28 ? `${value.slice(0, 27)}…` : value}`, icon: "copy", run: () => void copyText(value, "Copied the value.") });
    }
  }
  return { label: `Actions on ${nameThem(targets)}`, entries };
}

/** A menu says which way a switch will go. */
function titlesFor({ view, cursor }: Bench, targets: readonly RunMark[]): Partial<Record<string, string>> {
  const rows = targets.flatMap((run) => view.pages.find(run.id)?.row ?? []);
  return {
    "run.open": "Open",
    "run.draw": targets.every((run) => view.charted.ids.has(run.id)) ? "Do not draw in charts" : "Draw in charts",
    "run.only": targets.length === 1 ? "Draw only this run" : "Compare: draw only these",
    "run.baseline": selection.baseline === cursor.row?.id ? "No longer the baseline" : "Make it the baseline",
    "run.pin": rows.length > 0 && rows.every((row) => row.pinned) ? "Unpin" : "Pin to the top",
    "run.hide": rows.length > 0 && rows.every((row) => row.hidden) ? "Show again" : "Hide",
  };
}

export function colourMenu(targets: readonly RunMark[]): MenuEntry[] {
  return [
    { heading: `Colour of ${nameThem(targets)}` },
    ...runColorNames.map((name, index): MenuEntry => ({ label: name.charAt(0).toUpperCase() + name.slice(1), swatch: index, checked: targets.every((run) => run.color === index), run: () => void annotate({ runs: idsOf(targets), color: index }) })),
    "line",
    { label: "As assigned", checked: false, run: () => void annotate({ runs: idsOf(targets), color: null }) },
  ];
}
