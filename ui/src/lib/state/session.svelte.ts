import { call, hostKind, HostError, subscribe, toHostError, type Commands, type HostEvent, type Link, type Project, type StatusLine } from "$lib/host";
import { setHome } from "$lib/format";
import { parseRoute, router, type RouteTarget } from "$lib/router.svelte";
import { showAlert } from "./alert-notice";
import { notices } from "./notices.svelte";
import { readPref, savePref } from "./prefs";
import { theme } from "./theme.svelte";

/** What the backend said about itself and its projects, and whether it still talks to us. */
class Session {
  kind = $state<"window" | "browser" | "mock">("browser");
  about = $state.raw<Commands["about"]["reply"] | null>(null);
  /** Null until the backend answered once. Recent first. */
  projects = $state.raw<readonly Project[] | null>(null);
  status = $state.raw<StatusLine | null>(null);
  link = $state<Link | "connecting">("connecting");
  /** Set when the first answer did not come: the whole page is this error. */
  failure = $state.raw<HostError | null>(null);
  /** Goes up when the connection came back: whoever shows data asks again. */
  epoch = $state(0);

  project = $derived.by(() => {
    const route = router.route;
    return "project" in route ? (this.projects?.find((project) => project.id === route.project) ?? null) : null;
  });
  openProjects = $derived(this.projects?.filter((project) => project.open) ?? []);
  watching = $derived(this.status?.projects.find((entry) => entry.project === this.project?.id) ?? null);

  async boot() {
    this.failure = null;
    this.kind = await hostKind();
    subscribe(
      (event) => this.#hear(event),
      (link) => this.#onLink(link),
    );
    try {
      const [about, projects] = await Promise.all([call("about", {}), call("projects", {}), theme.load()]);
      setHome(about.home);
      this.about = about;
      // Pages come with the projects: what they ask of must be open by then.
      this.projects = await this.#restore(projects);
      // The projects are what the window needs first; the status line may come later.
      void this.refreshStatus();
    } catch (thrown) {
      this.failure = toHostError(thrown);
    }
  }

  async refreshProjects() {
    try {
      this.projects = await call("projects", {});
    } catch (thrown) {
      if (toHostError(thrown).code !== "offline") notices.failed(thrown);
    }
  }

  async refreshStatus() {
    this.status = await call("status", {}).catch(() => this.status);
  }

  /** Rejects: the caller shows the error beside what the user typed. */
  async openPath(path: string) {
    const project = await call("open_project", { path });
    await this.refreshProjects();
    this.show(project.id);
  }

  async openDemo() {
    try {
      const project = await call("open_demo", {});
      await this.refreshProjects();
      this.show(project.id);
    } catch (thrown) {
      notices.failed(thrown);
    }
  }

  /** The system's own dialog; only the desktop window has one. */
  async pickFolder() {
    try {
      const { path } = await call("pick_folder", {});
      if (path !== null) await this.openPath(path);
    } catch (thrown) {
      notices.failed(thrown);
    }
  }

  /** Goes to a project of the list, opening it first if it was closed. */
  async switchTo(project: Project) {
    if (project.open) return this.show(project.id);
    try {
      await this.openPath(project.path);
    } catch (thrown) {
      notices.failed(thrown);
    }
  }

  async closeProject(id: number) {
    try {
      await call("close_project", { project: id });
      await this.refreshProjects();
      this.#leave(id);
    } catch (thrown) {
      notices.failed(thrown);
    }
  }

  /** Rejects: the dialog that asked shows the error. */
  async forgetProject(id: number) {
    await call("forget_project", { project: id });
    await this.refreshProjects();
    this.#leave(id);
  }

  show(id: number) {
    router.go({ name: "runs", project: id });
  }

  #leave(id: number) {
    if (!("project" in router.route) || router.route.project !== id) return;
    const other = this.openProjects.find((project) => project.id !== id);
    router.go(other ? { name: "runs", project: other.id } : { name: "welcome" });
  }

  /** A window has no address of its own after a restart: the last one was kept. Gives the projects as they are then. */
  async #restore(projects: readonly Project[]): Promise<readonly Project[]> {
    const named = (target: RouteTarget) => ("project" in target ? projects.find((project) => project.id === target.project) : undefined);
    if (location.hash.length <= 1 || ("project" in router.route && !named(router.route))) {
      const saved = await readPref("route").catch(() => null);
      const target = typeof saved === "string" ? parseRoute(saved) : null;
      const last = target ? named(target) : undefined;
      const open = projects.find((project) => project.open);
      // A folder that was named at the start goes before the one of last time.
      if (target && last && !last.missing && (last.open || !open)) router.replace(target);
      else router.replace(open ? { name: "runs", project: open.id } : { name: "welcome" });
    }
    // An address may name a project that is known but closed.
    const project = named(router.route);
    if (!project || project.open || project.missing) return projects;
    await call("open_project", { path: project.path }).catch((thrown: unknown) => notices.failed(thrown));
    return call("projects", {});
  }

  rememberRoute(hash: string) {
    if (this.projects) savePref("route", hash);
  }

  #onLink(link: Link) {
    const cameBack = this.link === "down" && link === "up";
    this.link = link;
    if (!cameBack) return;
    this.epoch++;
    void this.refreshProjects();
    void this.refreshStatus();
  }

  #hear(event: HostEvent) {
    if (event.type === "status") this.status = event.status;
    else if (event.type === "projects") void this.refreshProjects();
    else if (event.type === "open") void this.refreshProjects().then(() => this.show(event.project));
    else if (event.type === "notice") notices.add(event.level, event.message, event.hint);
    else if (event.type === "alert") showAlert(event);
  }
}

export const session = new Session();
