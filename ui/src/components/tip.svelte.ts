import type { Attachment } from "svelte/attachments";

/** What the one tooltip of the window shows now; `TipHost` draws it. */
export interface Tip {
  text: string;
  keys: readonly string[];
  /** The rectangle of what it belongs to. */
  at: DOMRect;
}

const DELAY_MS = 450;
/** Going from one control to the next, the second tip comes at once. */
const WARM_MS = 300;

class TipState {
  shown = $state.raw<Tip | null>(null);
  #timer: ReturnType<typeof setTimeout> | undefined;
  #lastHidden = -Infinity;

  ask(text: string, keys: readonly string[], node: Element) {
    clearTimeout(this.#timer);
    const warm = performance.now() - this.#lastHidden < WARM_MS;
    this.#timer = setTimeout(() => (this.shown = { text, keys, at: node.getBoundingClientRect() }), warm ? 0 : DELAY_MS);
  }

  hide() {
    clearTimeout(this.#timer);
    if (!this.shown) return;
    this.#lastHidden = performance.now();
    // Later: an element that goes away in the midst of an update blurs there, where nothing may be changed.
    queueMicrotask(() => (this.shown = null));
  }
}

export const tipState = new TipState();

/** A tooltip on hover and on keyboard focus: `{@attach tip("Sort by loss", ["Enter"])}`. Not a control's name: give that too. */
export function tip(text: string | null | undefined | (() => string | null), keys: readonly string[] = []): Attachment<HTMLElement> {
  return (node) => {
    const show = () => {
      const words = typeof text === "function" ? text() : text;
      if (words) tipState.ask(words, keys, node);
    };
    const onFocus = () => node.matches(":focus-visible") && show();
    const hide = () => tipState.hide();
    node.addEventListener("pointerenter", show);
    node.addEventListener("pointerleave", hide);
    node.addEventListener("pointerdown", hide);
    node.addEventListener("focus", onFocus);
    node.addEventListener("blur", hide);
    return () => {
      // Not at once: a block that takes its button away is no place to change state.
      queueMicrotask(hide);
      node.removeEventListener("pointerenter", show);
      node.removeEventListener("pointerleave", hide);
      node.removeEventListener("pointerdown", hide);
      node.removeEventListener("focus", onFocus);
      node.removeEventListener("blur", hide);
    };
  };
}
