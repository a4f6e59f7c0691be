import { toHostError } from "$lib/host";
import { router, type Route } from "$lib/router.svelte";

export interface Notice {
  id: number;
  level: "info" | "warn" | "error";
  message: string;
  hint: string | null;
  /** The way to what it is about. */
  action: { label: string; run: () => void } | null;
  /** The screen that says the same: there it would only be in the way. */
  screen: Route["name"] | null;
  /** `null`: until it is dismissed. */
  shownMs: number | null;
}

const SHOWN_MS = 6000;

/** Short words at the foot of the window on what just happened. Warnings and errors stay until they are dismissed, unless
 *  they stand elsewhere, too. */
class Notices {
  list = $state.raw<readonly Notice[]>([]);
  #nextId = 1;
  #timers = new Map<number, ReturnType<typeof setTimeout>>();

  add(level: Notice["level"], message: string, hint: string | null = null, more: Partial<Pick<Notice, "action" | "screen" | "shownMs">> = {}) {
    if (more.screen && more.screen === router.route.name) return;
    const notice: Notice = { id: this.#nextId++, level, message, hint, action: null, screen: null, shownMs: level === "info" ? SHOWN_MS : null, ...more };
    this.list = [...this.list.filter((other) => other.message !== message).slice(-3), notice];
    this.release(notice.id);
  }

  info(message: string, hint: string | null = null) {
    this.add("info", message, hint);
  }

  /** Shows whatever a command threw. */
  failed(thrown: unknown) {
    const error = toHostError(thrown);
    this.add("error", error.message, error.hint);
  }

  /** Somebody reads it, or is about to press something in it: it stays. */
  hold(id: number) {
    clearTimeout(this.#timers.get(id));
    this.#timers.delete(id);
  }

  /** It leaves in its own time, counted from now. */
  release(id: number) {
    this.hold(id);
    const shownMs = this.list.find((notice) => notice.id === id)?.shownMs;
    if (shownMs != null) this.#timers.set(id, setTimeout(() => this.dismiss(id), shownMs));
  }

  dismiss(id: number) {
    this.hold(id);
    this.list = this.list.filter((notice) => notice.id !== id);
  }

  /** The person is on a screen now, and sees there what it says. */
  arrived(screen: Route["name"]) {
    for (const notice of this.list) if (notice.screen === screen) this.dismiss(notice.id);
  }
}

export const notices = new Notices();
