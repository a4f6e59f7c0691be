/** The modal dialogs that are open. All below the uppermost is dimmed and out of reach, so what must be read goes into it. */
class Dialogs {
  top = $state.raw<HTMLElement | null>(null);
  // Not reactive: see actions.svelte.ts.
  #open: readonly HTMLElement[] = [];

  /** The dialog is open until the returned function is called. */
  add(node: HTMLElement): () => void {
    const set = (open: readonly HTMLElement[]) => {
      this.#open = open;
      this.top = open.at(-1) ?? null;
    };
    set([...this.#open, node]);
    return () => set(this.#open.filter((other) => other !== node));
  }
}

export const dialogs = new Dialogs();
