import type { Commands, Event as HostEvent, ForgetPlan, Project, RoomKind } from "../wire";

type Names = "storage" | "project_storage" | "forget_plan" | "forget_gone_runs" | "forget_project" | "compact" | "save_words";
type Handlers = { [N in Names]: (args: Commands[N]["args"]) => Commands[N]["reply"] };

const TITLES: Partial<Record<RoomKind, [string, number]>> = {
  points: ["Points", 812_400_000],
  levels: ["Levels for drawing", 96_000_000],
  catalogue: ["Params, tags, places of media, problems", 41_000_000],
  code: ["What the code was when runs began", 300_000],
  words: ["Your names, notes, tags, colours", 18_400],
  structure: ["Pages, indexes, preferences", 52_000_000],
  log: ["Write-ahead log", 4_100_000],
  counts: ["Counts of data files", 61_000_000],
  window: ["The window's cache", 3_000_000],
  models: ["Registered models", 210_000_000],
  promotions: ["Promotions' journal and audit", 1_900_000],
};

/** The mock's projects take room by their runs; `gone` has runs whose files are gone. */
export function storage(projects: () => Project[], remove: (id: number) => void, emit: (event: HostEvent) => void): Handlers {
  let free = 312_000_000;
  const gone = new Map([[2, 4]]);
  const lines = (id: number, goneOnly: boolean): Pick<ForgetPlan, "goes" | "lost"> => {
    const n = goneOnly ? (gone.get(id) ?? 0) : (projects().find((p) => p.id === id)?.n_runs ?? 0);
    return {
      goes: [{ what: goneOnly ? "runs that are gone from the disk" : "runs", n, bytes: n * 2_400_000, why: null }, { what: "points", n: n * 81_000, bytes: n * 2_100_000, why: null }],
      lost: id === 3 ? [] : [{ what: "notes", n: 3, bytes: null, why: null }, { what: "names that you gave", n: 12, bytes: null, why: null }, ...(goneOnly ? [{ what: "points whose files are gone", n: n * 81_000, bytes: null, why: "Their files were deleted or moved; reading the folder again brings back the others." }] : [])],
    };
  };
  return {
    storage: () => ({
      path: "/home/ada/.local/share/signalbox",
      bytes: Object.values(TITLES).reduce((sum, [, bytes]) => sum + bytes, free),
      parts: [...Object.entries(TITLES).map(([kind, [title, bytes]]) => ({ kind: kind as RoomKind, title, bytes, path: "/home/ada/.local/share/signalbox", stays: kind === "models" ? "A version that was registered stays: an alias or a service may point to it." : null })), { kind: "free" as const, title: "Free pages", bytes: free, path: "/home/ada/.local/share/signalbox/signalbox.db", stays: null }],
      projects: projects().map((p) => {
        const n_gone_runs = gone.get(p.id) ?? 0;
        return { id: p.id, name: p.name, path: p.path, open: p.open, demo: p.demo, missing: p.missing, last_opened: p.last_opened, long_closed: false, n_runs: p.n_runs, n_points: p.n_runs * 81_000, n_problems: 3, n_gone_runs, n_gone_points: n_gone_runs * 81_000, bytes: p.n_runs * 2_400_000, points_bytes: p.n_runs * 2_100_000, levels_bytes: p.n_runs * 200_000, catalogue_bytes: p.n_runs * 90_000, words_bytes: 9000, other_bytes: 0, counts_bytes: p.n_runs * 10_000 };
      }),
      forgetting: [],
      compact: { free_bytes: free, in_steps: true, needs_bytes: 67_108_864, refused: null, hint: null },
    }),
    project_storage: ({ project }) => {
      const rows = (name: string) => Array.from({ length: 20 }, (_, i) => ({ name: `${name}-${i + 1}`, n_points: 400_000 - i * 9000, bytes: 9_800_000 - i * 310_000 }));
      return { n_runs: projects().find((p) => p.id === project)?.n_runs ?? 0, n_metrics: 31, runs: rows("resnet18-lr0.1"), metrics: rows("train/loss") };
    },
    forget_plan: ({ project: id, gone_only }) => {
      const project = projects().find((p) => p.id === id)!;
      const { goes, lost } = lines(id, gone_only);
      const stays = [{ what: `every file in ${project.path}`, n: null, bytes: null, why: "Signalbox never writes into a project." }, { what: "the audit", n: null, bytes: null, why: "Each entry is bound to the one before it: without one, nothing proves the rest." }];
      return { project: id, gone_only, name: project.name, path: project.path, open: project.open, missing: project.missing, goes, lost, stays, confirm: lost.length ? project.name : null, has_words: lost.length > 0 };
    },
    forget_project: ({ project }) => {
      remove(project);
      free += 40_000_000;
      emit({ type: "projects" });
      return null;
    },
    forget_gone_runs: ({ project }) => {
      const n = gone.get(project) ?? 0;
      gone.delete(project);
      emit({ type: "projects" });
      return n;
    },
    compact: () => {
      const done = { before_bytes: 1_590_000_000, after_bytes: 1_590_000_000 - free, left_bytes: 0, is_later: false };
      free = 0;
      return done;
    },
    save_words: () => ({ path: null }),
  };
}
