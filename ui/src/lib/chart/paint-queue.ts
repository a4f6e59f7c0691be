// One animation frame for all cards: the card under the pointer is drawn first and true, the others as time allows.

export interface Painter {
  /** Draws; with `mayStretch` an old bitmap will do. Answers whether it drew true. */
  paint(mayStretch: boolean): boolean;
  /** The card that the user is working on. */
  isActive(): boolean;
}

const MAX_BUDGET_MS = 11;
const MIN_BUDGET_MS = 3;

export class PaintQueue {
  readonly #wanted = new Map<Painter, number>();
  #scheduled = false;
  #budgetMs = MAX_BUDGET_MS;
  #lastFrame = 0;

  constructor(
    private readonly nextFrame: (run: (now: number) => void) => void = (run) => requestAnimationFrame(run),
    private readonly now: () => number = () => performance.now(),
  ) {}

  request(painter: Painter): void {
    if (!this.#wanted.has(painter)) this.#wanted.set(painter, this.now());
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
    const order = [...this.#wanted].sort((a, b) => Number(b[0].isActive()) - Number(a[0].isActive()) || a[1] - b[1]).map(([p]) => p);
    for (const painter of order) {
      const spent = this.now() - start;
      // Even stretched bitmaps have a price: past the frame's end the rest waits its turn.
      if (spent > this.#budgetMs * 1.5 && !painter.isActive()) break;
      this.#wanted.delete(painter);
      const isTrue = painter.paint(!painter.isActive() && spent > this.#budgetMs);
      if (!isTrue) this.#wanted.set(painter, this.now());
    }
    if (this.#wanted.size > 0) this.#schedule();
  }
}
