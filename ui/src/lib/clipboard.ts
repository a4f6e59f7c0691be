import { toHostError } from "$lib/host";
import { notices } from "$lib/state/notices.svelte";

/**
 * Copies a text and says so. Of one that is still to come the promise goes in at once: WebKit wants the write within
 * the user's gesture.
 */
export async function copyText(what: string | Promise<string>, said = "Copied.", hint: string | null = null): Promise<void> {
  // A text that could not be made is another failure than a clipboard that does not take it.
  let unmade: { thrown: unknown } | null = null;
  try {
    if (typeof what === "string") await navigator.clipboard.writeText(what);
    else {
      const text = what.catch((thrown: unknown) => {
        unmade = { thrown };
        throw thrown;
      });
      await navigator.clipboard.write([new ClipboardItem({ "text/plain": text.then((made) => new Blob([made], { type: "text/plain" })) })]);
    }
    notices.info(said, hint);
  } catch {
    const failed = unmade as { thrown: unknown } | null;
    if (failed) notices.failed(toHostError(failed.thrown));
    else notices.add("error", "The clipboard is not available.", "Give the window the focus and try again.");
  }
}
