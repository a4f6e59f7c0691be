// What all cards share while the pointer moves: the zoomed x range, the crosshair, the hovered run. Plain callbacks, no framework:
// this changes at sixty times a second.
import type { Range } from "./range";

export type ViewportChange = "range" | "cursor" | "hover";

export class Viewport {
  #range: Range | null = null;
  #cursor: number | null = null;
  #owner: object | null = null;
  #hovered: number | null = null;
  #gesture = false;
  readonly #listeners = new Set<(change: ViewportChange) => void>();

  /** null: all data, following what arrives. */
  get range(): Range | null {
    return this.#range;
  }
  /** x under the crosshair. */
  get cursor(): number | null {
    return this.#cursor;
  }
  /** The card that the crosshair belongs to. */
  get owner(): object | null {
    return this.#owner;
  }
  get hovered(): number | null {
    return this.#hovered;
  }
  /** A pan is under way: y ranges keep still. */
  get gesture(): boolean {
    return this.#gesture;
  }

  subscribe(listener: (change: ViewportChange) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  setRange(range: Range | null): void {
    if (range?.min === this.#range?.min && range?.max === this.#range?.max) return;
    this.#range = range;
    this.#tell("range");
  }

  setGesture(on: boolean): void {
    if (this.#gesture === on) return;
    this.#gesture = on;
    if (!on) this.#tell("range");
  }

  setCursor(x: number | null, owner: object | null): void {
    if (x === this.#cursor && owner === this.#owner) return;
    this.#cursor = x;
    this.#owner = owner;
    this.#tell("cursor");
  }

  setHovered(run: number | null): void {
    if (run === this.#hovered) return;
    this.#hovered = run;
    this.#tell("hover");
  }

  #tell(change: ViewportChange): void {
    for (const listener of [...this.#listeners]) listener(change);
  }
}
