/** Ctrl-Z for what one sees: columns, order, filter, which runs are drawn, zoom. Never for data. */
export interface ViewChange {
  /** What happened, as the palette says it: "Undo: sort by val_loss". */
  label: string;
  undo(): void;
  redo(): void;
}

const DEPTH = 100;

export class UndoStack {
  #past = $state.raw<readonly ViewChange[]>([]);
  #future = $state.raw<readonly ViewChange[]>([]);
  /** While undoing, setters must not record again. */
  #busy = false;

  canUndo = $derived(this.#past.length > 0);
  canRedo = $derived(this.#future.length > 0);
  next = $derived(this.#past.at(-1)?.label ?? null);
  nextRedo = $derived(this.#future.at(-1)?.label ?? null);

  /** Records a change that has already been made. */
  push(change: ViewChange) {
    if (this.#busy) return;
    this.#past = [...this.#past.slice(-(DEPTH - 1)), change];
    this.#future = [];
  }

  /** Sets a value and records the way back. */
  set<T>(label: string, before: T, after: T, apply: (value: T) => void) {
    if (Object.is(before, after)) return;
    apply(after);
    this.push({ label, undo: () => apply(before), redo: () => apply(after) });
  }

  undo() {
    const change = this.#past.at(-1);
    if (!change) return;
    this.#past = this.#past.slice(0, -1);
    this.#future = [...this.#future, change];
    this.#quietly(() => change.undo());
  }

  redo() {
    const change = this.#future.at(-1);
    if (!change) return;
    this.#future = this.#future.slice(0, -1);
    this.#past = [...this.#past, change];
    this.#quietly(() => change.redo());
  }

  clear() {
    this.#past = [];
    this.#future = [];
  }

  #quietly(work: () => void) {
    this.#busy = true;
    try {
      work();
    } finally {
      this.#busy = false;
    }
  }
}

export const undo = new UndoStack();
