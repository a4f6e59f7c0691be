// Written by hand until the app crate generates it from its Rust types.
export type ErrorCode = "not_found" | "bad_filter" | "bad_request" | "store_newer" | "store" | "unreadable" | "refused" | "internal";
export interface CallError { code: ErrorCode; message: string; hint: string | null; detail: { start: number; end: number } | null } // detail: columns (UTF-16) of a filter error

export interface Project { id: number; path: string; name: string; open: boolean; demo: boolean; missing: boolean; last_opened: number; n_runs: number }
export interface Watching { project: number; mode: "notify" | "polling" | "mixed" | "none"; why: string | null; n_dirs: number; n_sources: number; scanning: boolean; scanned_files: number; read_bytes: number; backlog_bytes: number }
export interface StatusLine { projects: Watching[]; points_per_second: number; n_points: number; n_live: number; n_problems: number; jobs: Job[]; cpu_percent: number; memory_bytes: number; version: string }
export interface Job { id: number; name: string; project: number | null; done: number; total: number | null; unit: string; can_stop: boolean }

// What a column shows. "attr:name|status|source|started|duration|ended|experiment|user|path|id|n_points|note|last_change", "param:<name>", "tag:<name>", "metric:<name>" + stat
export type Stat = "last" | "best" | "min" | "max";
export interface ColumnInfo { key: string; kind: "attr" | "param" | "tag" | "metric"; name: string; title: string; numeric: boolean; n_runs: number; distinct: number /* capped 1000 */ }
export interface ColumnRef { key: string; stat: Stat | null }
export type Cell = string | number | null;         // numbers: non-finite as "NaN" | "Infinity" | "-Infinity" with num=true in ColumnInfo.numeric columns
export interface SortKey { column: ColumnRef; descending: boolean }
export interface TableQuery { project: number; filter: string; sort: SortKey[]; columns: ColumnRef[]; offset: number; limit: number; show_deleted: boolean; show_hidden: boolean }
export interface TableRow { id: number; name: string; color: number /* palette index 0..9 */; dash: number /* 0..3 */; status: RunState; hidden: boolean; pinned: boolean; tags: string[]; has_note: boolean; n_problems: number; gone: boolean; cells: Cell[] }
// running: moving or proven alive; silent: its source says running but nothing shows life; stopped: no word on how it ended
export type RunState = "running" | "silent" | "scheduled" | "finished" | "failed" | "killed" | "stopped";
export interface TablePage { version: number; total: number /* runs of the project */; matched: number; offset: number; rows: TableRow[]; filter_error: CallError | null }

export interface MetricInfo { name: string; n_runs: number; n_points: number; prefix: string /* "train" of "train/loss"; "" without */; goal: "min" | "max" | null }

export interface RunDetail { id: number; row: TableRow; project: number; key: string; path: string; source_format: string; source_title: string; started: number | null; ended: number | null; last_change: number; duration: number | null; experiment: string | null; user: string | null; parent: { id: number; name: string } | null; children: { id: number; name: string }[]; params: [string, string][]; tags: [string, string][]; own: Annotation; metrics: MetricRow[]; datasets: { name: string; digest: string; context: string; source: string; schema: string }[]; models: ModelRow[]; texts: { tag: string; step: number; text: string }[]; sources: { format: string; title: string; path: string; files: { path: string; bytes: number }[] }[]; problems: ProblemRow[]; artifact_root: string | null; state_why: string }
export interface MetricRow { name: string; n: number; last: Cell; last_step: number; best: Cell; best_step: number | null; min: Cell; min_step: number | null; max: Cell; max_step: number | null; n_nan: number; n_pos_inf: number; n_neg_inf: number; n_rewinds: number }
export interface ModelRow { name: string; version: string; stage: string; aliases: string[]; run: number | null; status: string; source: string }
export interface ProblemRow { project: number; path: string; offset: number | null; kind: string; message: string; first_seen: number; runs: { id: number; name: string }[] }
export interface Annotation { name: string | null; color: number | null; hidden: boolean; pinned: boolean; tags: string[]; note: string }
export interface ArtifactEntry { path: string; name: string; is_dir: boolean; bytes: number; kind: "text" | "json" | "csv" | "image" | "other" }
export interface Completion { text: string; kind: "field" | "operator" | "value" | "keyword"; detail: string; from: number; to: number }
export interface FilterCheck { ok: boolean; error: CallError | null; matched: number }

export interface Commands {
  about: { args: {}; reply: { version: string; data_dir: string; can_dialog: boolean; demo_path: string | null } };
  projects: { args: {}; reply: Project[] };                               // recent, newest first
  open_project: { args: { path: string }; reply: Project };               // validates: must be a readable directory
  open_demo: { args: {}; reply: Project };
  close_project: { args: { project: number }; reply: null };
  forget_project: { args: { project: number }; reply: null };             // removes what we kept; the folder is untouched
  pick_folder: { args: {}; reply: { path: string | null } };              // desktop only: native dialog; server answers error "refused"
  status: { args: {}; reply: StatusLine };
  columns: { args: { project: number }; reply: ColumnInfo[] };
  table: { args: TableQuery; reply: TablePage };
  table_ids: { args: { project: number; filter: string; sort: SortKey[]; show_deleted: boolean; show_hidden: boolean; limit: number }; reply: { ids: number[]; colors: number[]; dashes: number[]; names: string[] } }; // in table order
  check_filter: { args: { project: number; filter: string }; reply: FilterCheck };
  complete_filter: { args: { project: number; filter: string; caret: number }; reply: Completion[] };
  metrics: { args: { project: number; runs: number[] | null }; reply: MetricInfo[] };
  run: { args: { run: number }; reply: RunDetail };
  annotate: { args: { runs: number[]; name?: string | null; color?: number | null; hidden?: boolean; pinned?: boolean; add_tags?: string[]; remove_tags?: string[]; note?: string }; reply: null };
  artifacts: { args: { run: number; path: string }; reply: ArtifactEntry[] };   // one directory level below the run's artifact root
  problems: { args: { project: number | null; limit: number }; reply: { total: number; rows: ProblemRow[] } };
  get_pref: { args: { key: string }; reply: { value: unknown } };
  set_pref: { args: { key: string; value: unknown }; reply: null };      // view state per project: "view:<project id>"; "theme": "system"|"dark"|"light"
  stop_job: { args: { id: number }; reply: null };
  export_csv: { args: { project: number; runs: number[]; metrics: string[] }; reply: { text: string } };
  save_export: { args: { name: string; format: "csv" | "svg" | "png"; project: number; runs: number[]; metrics: string[]; x: XAxis; smooth: Smooth; log_y: boolean; dark: boolean }; reply: { path: string | null } }; // desktop: asks where with the native dialog; server: refused (the page uses blob "export" instead)
}
export type XAxis = "step" | "relative" | "wall";
export interface Smooth { kind: "none" | "ema" | "gaussian" | "mean"; amount: number }
// binary
export interface FrameArgs { project: number; metric: string; runs: number[]; x: XAxis; x0: number | null; x1: number | null; width: number; smooth: Smooth }
// blobs: "artifact" { run, path, max_bytes } → bytes ; "export" (same args as save_export) → bytes of the file
// events (coalesced, at most ~30 a second); the page re-asks for what it shows
export type Event =
  | { type: "runs"; project: number; version: number; changed: number[] | null /* null: many */ }
  | { type: "series"; project: number; runs: number[]; metrics: string[] /* names, empty: many */ }
  | { type: "status"; status: StatusLine }
  | { type: "projects" }
  | { type: "problems"; project: number }
  | { type: "open"; project: number }            // ask the page to show this project (second instance, drop, command line)
  | { type: "notice"; level: "info" | "warn" | "error"; message: string; hint: string | null };
