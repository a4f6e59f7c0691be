import { toHostError } from "$lib/host";

export interface Notice {
  id: number;
  level: "info" | "warn" | "error";
  message: string;
  hint: string | null;
}

const SHOWN_MS = 6000;

/** Short words at the foot of the window on what just happened. Warnings and errors stay until they are dismissed. */
class Notices {
  list = $state.raw<readonly Notice[]>([]);
  #nextId = 1;

  add(level: Notice["level"], message: string, hint: string | null = null) {
    const notice = { id: this.#nextId++, level, message, hint };
    this.list = [...this.list.filter((other) => other.message !== message).slice(-3), notice];
    if (level === "info") setTimeout(() => this.dismiss(notice.id), SHOWN_MS);
  }

  info(message: string, hint: string | null = null) {
    this.add("info", message, hint);
  }

  /** Shows whatever a command threw. */
  failed(thrown: unknown) {
    const error = toHostError(thrown);
    this.add("error", error.message, error.hint);
  }

  dismiss(id: number) {
    this.list = this.list.filter((notice) => notice.id !== id);
  }
}

export const notices = new Notices();
