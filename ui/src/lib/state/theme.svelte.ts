import { call } from "$lib/host";
import type { ThemeName } from "$lib/tokens";

export type ThemeChoice = "system" | "dark" | "light";
export type Density = "comfortable" | "compact";

const prefersLight = typeof matchMedia === "undefined" ? null : matchMedia("(prefers-color-scheme: light)");

/** Which theme is on, and how dense rows are. `resolved` is what canvases draw with. */
class Theme {
  choice = $state<ThemeChoice>("system");
  density = $state<Density>("comfortable");
  #systemLight = $state(prefersLight?.matches ?? false);
  resolved: ThemeName = $derived(this.choice === "system" ? (this.#systemLight ? "light" : "dark") : this.choice);

  constructor() {
    prefersLight?.addEventListener("change", (event) => (this.#systemLight = event.matches));
  }

  async load() {
    const [theme, density] = await Promise.all([call("get_pref", { key: "theme" }), call("get_pref", { key: "density" })]);
    if (theme.value === "dark" || theme.value === "light" || theme.value === "system") this.choice = theme.value;
    if (density.value === "compact" || density.value === "comfortable") this.density = density.value;
    this.#apply();
  }

  set(choice: ThemeChoice) {
    this.choice = choice;
    this.#apply();
    void call("set_pref", { key: "theme", value: choice }).catch(() => undefined);
  }

  setDensity(density: Density) {
    this.density = density;
    void call("set_pref", { key: "density", value: density }).catch(() => undefined);
  }

  /** Without the attribute the style sheet follows the system by itself. */
  #apply() {
    if (this.choice === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = this.choice;
  }
}

export const theme = new Theme();
