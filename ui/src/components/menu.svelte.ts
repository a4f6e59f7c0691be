import type { IconName } from "./icons";
import type { Box } from "./place";

/** One list serves the right-click menu and the keyboard menu: they cannot disagree. */
export type MenuEntry =
  | {
      label: string;
      run: () => void;
      icon?: IconName;
      /** The chord that does the same without the menu. */
      keys?: string | undefined;
      /** Shown at the right, dim. */
      hint?: string;
      /** Set: a check mark (or its place) leads the label. */
      checked?: boolean;
      disabled?: boolean;
      danger?: boolean;
      /** A run colour's index: a swatch leads the label. */
      swatch?: number;
    }
  | { heading: string }
  | "line";

export interface OpenMenu {
  label: string;
  entries: readonly MenuEntry[];
  anchor: Box;
  align: "start" | "end";
  /** Gets the focus back. */
  from: HTMLElement | null;
}

class MenuState {
  open = $state.raw<OpenMenu | null>(null);

  /** At an element (a button's menu) or at a point (a right click). `label` names the menu for screen readers. */
  show(at: Element | { x: number; y: number }, label: string, entries: readonly MenuEntry[], align: "start" | "end" = "start") {
    const anchor = at instanceof Element ? at.getBoundingClientRect() : { left: at.x, right: at.x, top: at.y, bottom: at.y };
    const active = document.activeElement;
    this.open = { label, entries, anchor, align, from: active instanceof HTMLElement ? active : null };
  }

  close() {
    const from = this.open?.from;
    this.open = null;
    from?.focus({ preventScroll: true });
  }
}

export const menu = new MenuState();
