// One animation frame for all cards: the card under the pointer is drawn first and true, the others as time allows.

export interface Painter {
  /** Draws; with `mayStretch` an old bitmap will do. Answers whether it drew true. */
  paint(mayStretch: boolean): boolean;
  /** The card that the user is working on. */
  isActive(): boolean;
  /** What the last true drawing took, in ms. */
  readonly drawMs: number;
}

const MAX_BUDGET_MS = 11;
const MIN_BUDGET_MS = 3;

export class PaintQueue {
  /** Since when it waits, and whether anything has changed since it was last drawn (or only truth is owed). */
  readonly #wanted = new Map<Painter, { since: number; moving: boolean }>();
  #scheduled = false;
  #budgetMs = MAX_BUDGET_MS;
  #lastFrame = 0;

  constructor(
    private readonly nextFrame: (run: (now: number) => void) => void = (run) => requestAnimationFrame(run),
    private readonly now: () => number = () => performance.now(),
  ) {}

  request(painter: Painter): void {
    const known = this.#wanted.get(painter);
    if (known) known.moving = true;
    else this.#wanted.set(painter, { since: this.now(), moving: true });
    this.#schedule();
  }

  forget(painter: Painter): void {
    this.#wanted.delete(painter);
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.nextFrame((time) => this.#run(time));
  }

  #run(time: number): void {
    this.#scheduled = false;
    // Rastering happens after us and unseen: a late frame means that less must be asked of the next.
    const gap = time - this.#lastFrame;
    if (gap < 200) this.#budgetMs = gap > 24 ? Math.max(MIN_BUDGET_MS, this.#budgetMs * 0.7) : Math.min(MAX_BUDGET_MS, this.#budgetMs + 0.5);
    this.#lastFrame = time;
    const start = this.now();
    const order = [...this.#wanted].sort(([a, x], [b, y]) => Number(b.isActive()) - Number(a.isActive()) || x.since - y.since);
    for (const [painter, { moving }] of order) {
      const spent = this.now() - start;
      const active = painter.isActive();
      // Even stretched bitmaps have a price: past the frame's end the rest waits its turn.
      if (spent > this.#budgetMs * 1.5 && !active) break;
      this.#wanted.delete(painter);
      // A heavy card is stretched while it moves and drawn true in the first frame that asks nothing new of it.
      const isTrue = painter.paint(active ? moving && painter.drawMs > MAX_BUDGET_MS : spent > this.#budgetMs);
      if (!isTrue) this.#wanted.set(painter, { since: this.now(), moving: false });
    }
    if (this.#wanted.size > 0) this.#schedule();
  }
}
