/**
 * The address of what is on the screen, as a hash: `#/p/1/runs?filter=…`, `#/p/1/run/42`. A reload and a restart
 * come back to it. Views keep in the query what a reload must keep, and nothing else.
 */
export type Query = Record<string, string>;
export type Route =
  | { name: "welcome"; query: Query }
  | { name: "settings"; query: Query }
  | { name: "models"; query: Query }
  | { name: "production"; query: Query }
  | { name: "audit"; query: Query }
  | { name: "data"; query: Query }
  | { name: "runs"; project: number; query: Query }
  | { name: "problems"; project: number; query: Query }
  | { name: "run"; project: number; run: number; query: Query };
export type RouteTarget = Route extends infer R ? (R extends Route ? Omit<R, "query"> & { query?: Query } : never) : never;

/** Never fails: what it does not know is the first screen. */
export function parseRoute(hash: string): Route {
  const [path = "", search = ""] = hash.replace(/^#/, "").split("?", 2);
  const query = Object.fromEntries(new URLSearchParams(search));
  const parts = path.split("/").filter(Boolean);
  const [first] = parts;
  if (parts.length === 1 && (first === "settings" || first === "models" || first === "production" || first === "audit" || first === "data")) return { name: first, query };
  if (parts[0] === "p") {
    const project = parseId(parts[1]);
    if (project !== null) {
      if (parts[2] === "run") {
        const run = parseId(parts[3]);
        if (run !== null) return { name: "run", project, run, query };
      }
      if (parts[2] === "problems") return { name: "problems", project, query };
      return { name: "runs", project, query };
    }
  }
  return { name: "welcome", query };
}

export function formatRoute(route: RouteTarget): string {
  const search = new URLSearchParams(route.query ?? {}).toString();
  const suffix = search ? `?${search}` : "";
  switch (route.name) {
    case "welcome":
      return `#/${suffix}`;
    case "settings":
    case "models":
    case "production":
    case "audit":
    case "data":
      return `#/${route.name}${suffix}`;
    case "run":
      return `#/p/${route.project}/run/${route.run}${suffix}`;
    default:
      return `#/p/${route.project}/${route.name}${suffix}`;
  }
}

function parseId(text: string | undefined): number | null {
  return text !== undefined && /^\d{1,10}$/.test(text) ? Number(text) : null;
}

class Router {
  route = $state.raw<Route>(parseRoute(typeof location === "undefined" ? "" : location.hash));

  constructor() {
    if (typeof window !== "undefined") window.addEventListener("hashchange", () => this.#read());
  }

  #read() {
    this.route = parseRoute(location.hash);
  }

  /** Opens a view, with a step in the history so that Alt-← comes back. */
  go(target: RouteTarget) {
    const hash = formatRoute(target);
    if (hash === location.hash) return;
    location.hash = hash;
    this.#read();
  }

  /** Opens a view in place of this one. */
  replace(target: RouteTarget) {
    history.replaceState(null, "", formatRoute(target));
    this.#read();
  }

  /** Changes the query of this view without a step in the history; an empty string or null removes a key. */
  setQuery(changes: Record<string, string | null>) {
    const query: Query = { ...this.route.query };
    for (const [key, value] of Object.entries(changes)) {
      if (value) query[key] = value;
      else delete query[key];
    }
    this.replace({ ...this.route, query } as RouteTarget);
  }

  back() {
    history.back();
  }
}

export const router = new Router();
