import type { Event as HostEvent } from "./wire";

/** `up`: events flow. `down`: they stopped, what is on the screen may be stale. */
export type Link = "up" | "down";

/** One way to reach the backend. Rejections may be anything; `index.ts` makes them `HostError`s. */
export interface Transport {
  readonly kind: "window" | "browser" | "mock";
  call(name: string, args: unknown): Promise<unknown>;
  frame(args: unknown): Promise<ArrayBuffer>;
  blob(name: string, args: unknown): Promise<ArrayBuffer>;
  subscribe(onEvent: (event: HostEvent) => void, onLink: (link: Link) => void): void;
}
