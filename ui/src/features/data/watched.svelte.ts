import { call, subscribe, toHostError, type DataWindow, type HostError, type MonitorView } from "$lib/host";
import { paced, type Paced } from "$lib/paced";
import { stretchOf, type Stretch } from "./brush";
import type { Place } from "./places";

/** Data events come with every file; a person reads no faster than this. */
const QUIET_MS = 500;
/** While a brush is dragged. */
const DRAG_MS = 120;

export type MonitorPlace = Extract<Place, { at: "monitor" }>;

/** What the backend said of one monitor: its timeline, and the window of it that is looked at. */
export class Watched {
  view = $state.raw<MonitorView | null>(null);
  error = $state.raw<HostError | null>(null);
  /** The last window that came; the one that is asked for may be on its way. */
  window = $state.raw<DataWindow | null>(null);
  windowError = $state.raw<HostError | null>(null);
  /** Which window `window` is of. */
  #of = $state("");
  #dragged = $state.raw<Stretch | null>(null);
  #place: () => MonitorPlace;
  #load: Paced;
  #loadWindow: Paced;

  constructor(place: () => MonitorPlace) {
    this.#place = place;
    this.#load = paced(() => this.#ask(), QUIET_MS);
    this.#loadWindow = paced(() => this.#askWindow(), DRAG_MS);
  }

  buckets = $derived.by(() => this.view?.timeline?.buckets ?? []);

  /** The window as the pointer has it, else as the address does. */
  stretch = $derived.by((): Stretch => {
    const { from, till } = this.#place();
    const n = this.buckets.length;
    if (this.#dragged && this.#dragged.end <= n) return this.#dragged;
    return stretchOf(this.buckets, from, till);
  });

  from = $derived.by(() => this.buckets[this.stretch.first]?.from ?? null);
  till = $derived.by(() => this.buckets[this.stretch.end - 1]?.till ?? null);
  #wanted = $derived.by(() => `${this.#place().segment ?? ""}/${this.from}/${this.till}`);
  /** What is shown is of another window than the one that is chosen. */
  isOld = $derived.by(() => this.window !== null && this.#of !== this.#wanted);

  start(): () => void {
    const stop = subscribe((event) => {
      const { project, name } = this.#place();
      if (event.type === "data" && event.project === project && (event.name === name || event.name === "")) this.#load.soon();
    });
    return () => {
      stop();
      this.#load.stop();
      this.#loadWindow.stop();
    };
  }

  reload = () => this.#load.now();
  reloadWindow = () => this.#loadWindow.soon();

  /** Moves the window without touching the address, as a drag does; null lets go of it. */
  drag(stretch: Stretch | null) {
    this.#dragged = stretch;
  }

  async #ask() {
    const { project, name, segment, hours } = this.#place();
    try {
      const view = await call("data_monitor", { project, name, segment, hours });
      this.view = view;
      this.error = null;
      // New rows may lie in the window that is looked at.
      this.#loadWindow.now();
    } catch (thrown) {
      this.error = toHostError(thrown);
    }
  }

  async #askWindow() {
    const { project, name, segment } = this.#place();
    const [from, till, wanted] = [this.from, this.till, this.#wanted];
    if (from === null || till === null) {
      this.window = null;
      return;
    }
    try {
      this.window = await call("data_window", { project, name, segment, from, till });
      this.#of = wanted;
      this.windowError = null;
    } catch (thrown) {
      this.windowError = toHostError(thrown);
    }
  }
}
