import { isWriting, matchesChord, type KeyPress } from "$lib/keys";

/** Everything a user can do from anywhere in a view: the palette lists it, its keys fire it, `?` shows it. */
export interface Action {
  id: string;
  title: string;
  group: "Go to" | "Runs" | "Charts" | "View" | "Project" | "Help";
  /** Chords; the first is shown. */
  keys?: readonly string[];
  /** Words that the palette also finds it by. */
  also?: string;
  /** False: not offered now and its keys do nothing. */
  when?: () => boolean;
  /** Also fires while the user writes in a field. */
  whileWriting?: boolean;
  /** Keys that a widget handles itself (the table's j/k): listed by `?`, never fired from here. */
  local?: boolean;
  run: () => void;
}

class Actions {
  #lists = $state.raw<readonly (readonly Action[])[]>([]);
  all = $derived(this.#lists.flat());

  // The truth, outside of reactivity: in an effect's teardown reading state gives what it was before the change, and
  // a list that another component registered in the same flush would be lost.
  #registered: (readonly Action[])[] = [];

  /** Offers actions until the returned function is called: `$effect(() => actions.register([...]))`. */
  register(list: readonly Action[]): () => void {
    this.#registered.push(list);
    this.#publish();
    return () => {
      this.#registered = this.#registered.filter((other) => other !== list);
      this.#publish();
    };
  }

  #publish() {
    this.#lists = [...this.#registered];
  }

  available(): Action[] {
    return this.all.filter((action) => action.when?.() ?? true);
  }

  run(id: string) {
    const action = this.all.find((candidate) => candidate.id === id);
    if (action && (action.when?.() ?? true)) action.run();
  }

  keysOf(id: string): readonly string[] {
    return this.all.find((action) => action.id === id)?.keys ?? [];
  }

  /** True if the key was an action's. Later registrations win: an inner view overrides an outer one. */
  dispatch(press: KeyPress, target: EventTarget | null): boolean {
    const writing = isWriting(target);
    for (const action of this.all.toReversed()) {
      if (action.local || (writing && !action.whileWriting)) continue;
      if (!action.keys?.some((chord) => matchesChord(chord, press)) || !(action.when?.() ?? true)) continue;
      action.run();
      return true;
    }
    return false;
  }
}

export const actions = new Actions();
