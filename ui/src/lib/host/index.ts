/**
 * The only door to the backend. Everything above asks through `call`, `frame` and `blob`, and hears through
 * `subscribe`; which transport carries it is decided once, here.
 */
import { toHostError } from "./error";
import { http } from "./http";
import { tauri } from "./tauri";
import type { Link, Transport } from "./transport";
import type { Blobs, Commands, Event as HostEvent, FrameArgs } from "./wire";

export { HostError, toHostError } from "./error";
export type { Link } from "./transport";
export type * from "./wire";
export type { Event as HostEvent } from "./wire";
export type HostEventOf<T extends HostEvent["type"]> = Extract<HostEvent, { type: T }>;

/** The page is in the desktop window. */
export const isWindow = "__TAURI_INTERNALS__" in globalThis;

const transport: Promise<Transport> = choose();

async function choose(): Promise<Transport> {
  if (import.meta.env.MODE === "mock") return (await import("./mock/mock")).mock;
  // Both are small: fetching one apart would cost the start of the page a round more.
  return isWindow ? tauri : http;
}

/** Which shell this page lives in: some actions differ (a browser cannot see a dropped folder's path). */
export async function hostKind(): Promise<Transport["kind"]> {
  return (await transport).kind;
}

/** Runs a command. Rejects with a `HostError` only. */
export async function call<N extends keyof Commands>(name: N, args: Commands[N]["args"]): Promise<Commands[N]["reply"]> {
  try {
    return (await (await transport).call(name, args)) as Commands[N]["reply"];
  } catch (thrown) {
    throw toHostError(thrown);
  }
}

/** A binary frame of series; see `features/charts` for its layout. */
export async function frame(args: FrameArgs): Promise<ArrayBuffer> {
  try {
    return await (await transport).frame(args);
  } catch (thrown) {
    throw toHostError(thrown);
  }
}

/** A file's bytes: an artifact, an export. */
export async function blob(name: keyof Blobs, args: unknown): Promise<ArrayBuffer> {
  try {
    return await (await transport).blob(name, args);
  } catch (thrown) {
    throw toHostError(thrown);
  }
}

const listeners = new Set<(event: HostEvent) => void>();
const linkListeners = new Set<(link: Link) => void>();
let subscribed = false;

/** Hears every event until the returned function is called. All listeners share one subscription. */
export function subscribe(onEvent: (event: HostEvent) => void, onLink?: (link: Link) => void): () => void {
  listeners.add(onEvent);
  if (onLink) linkListeners.add(onLink);
  if (!subscribed) {
    subscribed = true;
    void transport.then((t) =>
      t.subscribe(
        (event) => listeners.forEach((listener) => listener(event)),
        (link) => linkListeners.forEach((listener) => listener(link)),
      ),
    );
  }
  return () => {
    listeners.delete(onEvent);
    if (onLink) linkListeners.delete(onLink);
  };
}
