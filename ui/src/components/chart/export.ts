// A chart or its values out of the window: clipboard, or a file.
import { HostError, type Smooth, type XAxis } from "$lib/host";
import { fileName, saveFile, type FileType } from "$lib/save";
import { notices } from "$lib/state/notices.svelte";
import { themes, type ThemeName } from "$lib/tokens";
import type { CardPlot } from "./plot";

export interface CardExport {
  project: number;
  metric: string;
  runs: number[];
  x: XAxis;
  smooth: Smooth;
  logY: boolean;
  dark: boolean;
}

export async function exportCard(format: FileType, { metric, ...what }: CardExport): Promise<void> {
  await saveFile("export", { name: fileName([metric], format), format, project: what.project, runs: what.runs, metrics: [metric], x: what.x, smooth: what.smooth, log_y: what.logY, dark: what.dark });
}

/** The card as a PNG on the clipboard. The promise goes in at once: WebKit wants the write within the user's gesture. */
export async function copyPicture(plot: CardPlot, metric: string, theme: ThemeName): Promise<void> {
  const picture = plot.picture(themes[theme]["chart-bg"]);
  if (!picture) return;
  try {
    const png = new Promise<Blob>((resolve, reject) => picture.toBlob((made) => (made ? resolve(made) : reject(new Error("no picture"))), "image/png"));
    await navigator.clipboard.write([new ClipboardItem({ "image/png": png })]);
    notices.info(`Copied the chart of ${metric}`);
  } catch {
    notices.failed(new HostError("refused", "The clipboard does not take images here.", "Export the chart as PNG instead."));
  }
}
