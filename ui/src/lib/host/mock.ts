import { HostError } from "./error";
import type { Transport } from "./transport";

export const mock: Transport = {
  kind: "mock",
  call: (name) => Promise.reject(new HostError("not_found", `The mock has no ${name}.`)),
  frame: () => Promise.reject(new HostError("not_found", "The mock has no frames.")),
  blob: () => Promise.reject(new HostError("not_found", "The mock has no blobs.")),
  subscribe: (_onEvent, onLink) => onLink("up"),
};
