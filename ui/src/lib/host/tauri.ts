import { Channel, invoke } from "@tauri-apps/api/core";
import type { Transport } from "./transport";
import type { Event as HostEvent } from "./wire";

/** The desktop window: commands go through Tauri's IPC, events through one channel. */
export const tauri: Transport = {
  kind: "window",
  call: (name, args) => invoke("call", { name, args }),
  frame: (args) => invoke<ArrayBuffer>("frame", { args }),
  blob: (name, args) => invoke<ArrayBuffer>("blob", { name, args }),
  subscribe(onEvent, onLink) {
    const channel = new Channel<HostEvent>(onEvent);
    invoke("subscribe", { channel }).then(
      () => onLink("up"),
      () => onLink("down"),
    );
  },
};
