// What the backend draws or writes, as a file of the person's.
import { blob, call, hostKind, type Blobs, type Commands } from "$lib/host";
import { notices } from "$lib/state/notices.svelte";

export const FILE_TYPES = { csv: "text/csv", svg: "image/svg+xml", png: "image/png", json: "application/json" } as const;
/** What a chart is saved as. */
export type FileType = Exclude<AnyType, "json">;
type AnyType = keyof typeof FILE_TYPES;

const COMMANDS = { export: "save_export", drift: "save_drift", words: "save_words" } as const;

/** In the desktop window the shell asks where; in a browser the browser saves. False: it was not saved. */
export async function saveFile<K extends keyof typeof COMMANDS>(what: K, args: Blobs[K] & Commands[(typeof COMMANDS)[K]]["args"] & { name: string; format: AnyType }): Promise<boolean> {
  try {
    if ((await hostKind()) === "window") {
      const { path } = await call(COMMANDS[what], args);
      if (path) notices.info(`Saved ${path}`);
      return path !== null;
    }
    const bytes = await blob(what, args);
    const url = URL.createObjectURL(new Blob([bytes], { type: FILE_TYPES[args.format] }));
    const link = Object.assign(document.createElement("a"), { href: url, download: args.name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
    return true;
  } catch (thrown) {
    notices.failed(thrown);
    return false;
  }
}

/** A file's name from what a person has named. */
export const fileName = (parts: readonly string[], type: AnyType) => `${parts.map((part) => part.replace(/[^\w.-]+/g, "_")).join("-")}.${type}`;
