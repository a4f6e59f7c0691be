/**
 * What the runs table and the charts share: which runs are drawn, which is under the pointer, which is compared
 * with. The table writes `charted`; either side writes `hovered`, `focused` and `baseline`.
 */
export interface RunMark {
  id: number;
  name: string;
  /** Palette index, 0..9: `runColor(theme, color)` or `var(--run-N)`. */
  color: number;
  /** Dash index, 0..3: `runDash(dash)`. */
  dash: number;
}

class Selection {
  /** The runs that charts draw, in table order. Replaced as a whole; compare by identity. */
  charted = $state.raw<readonly RunMark[]>([]);
  /** False until the table has said which runs are charted: charts show their skeleton. */
  chartedKnown = $state(false);
  /** The run under the pointer, in the table or on a chart. */
  hovered = $state<number | null>(null);
  /** The run of the table's cursor row. */
  focused = $state<number | null>(null);
  /** Drawn on top and thicker; others may be shown as differences to it. */
  baseline = $state<number | null>(null);
  /** Rows that are marked for an action, by id. */
  selected = $state.raw<ReadonlySet<number>>(new Set());

  chartedIds = $derived(this.charted.map((run) => run.id));

  /** Another project was opened. */
  reset() {
    this.charted = [];
    this.chartedKnown = false;
    this.hovered = null;
    this.focused = null;
    this.baseline = null;
    this.selected = new Set();
  }

  toggleBaseline(run: number) {
    this.baseline = this.baseline === run ? null : run;
  }
}

export const selection = new Selection();
