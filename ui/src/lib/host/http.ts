import { HostError } from "./error";
import type { Transport } from "./transport";
import type { Event as HostEvent } from "./wire";

/** `signalbox serve`: the same commands over loopback. The first visit's `?token=` became a cookie. */
export const http: Transport = {
  kind: "browser",
  call: async (name, args) => (await post(`api/call/${name}`, args)).json(),
  frame: async (args) => (await post("api/frame", args)).arrayBuffer(),
  blob: async (name, args) => (await post(`api/blob/${name}`, args)).arrayBuffer(),
  subscribe(onEvent, onLink) {
    // EventSource reconnects by itself; a refused connection (a new token) closes it for good.
    const open = () => {
      const source = new EventSource("api/events");
      source.onopen = () => onLink("up");
      source.onmessage = (message) => onEvent(JSON.parse(message.data) as HostEvent);
      source.onerror = () => {
        onLink("down");
        if (source.readyState === EventSource.CLOSED) setTimeout(open, 3000);
      };
    };
    open();
  },
};

async function post(path: string, args: unknown): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(path, {
      method: "POST",
      credentials: "same-origin",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(args ?? {}),
    });
  } catch {
    throw new HostError("offline", "Signalbox does not answer.", "Is `signalbox serve` still running?");
  }
  if (response.ok) return response;
  if (response.status === 401 || response.status === 403) {
    throw new HostError("refused", "The server does not know this browser.", "Open the address that `signalbox serve` printed, with its token.");
  }
  const body: unknown = await response.json().catch(() => null);
  throw body ?? new HostError("internal", `The server answered ${response.status}.`);
}
