// A chart or its values out of the window: clipboard, or a file.
import { blob, call, HostError, hostKind, type Smooth, type XAxis } from "$lib/host";
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

const TYPES = { csv: "text/csv", svg: "image/svg+xml", png: "image/png" } as const;

/** In the desktop window the shell asks where; in a browser the browser saves. */
export async function exportCard(format: keyof typeof TYPES, { metric, ...what }: CardExport): Promise<void> {
  const name = `${metric.replace(/[^\w.-]+/g, "_")}.${format}`;
  const args = { name, format, project: what.project, runs: what.runs, metrics: [metric], x: what.x, smooth: what.smooth, log_y: what.logY, dark: what.dark };
  try {
    if ((await hostKind()) === "window") {
      const { path } = await call("save_export", args);
      if (path) notices.info(`Saved ${path}`);
      return;
    }
    const bytes = await blob("export", args);
    const url = URL.createObjectURL(new Blob([bytes], { type: TYPES[format] }));
    const link = Object.assign(document.createElement("a"), { href: url, download: name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
  } catch (thrown) {
    notices.failed(thrown);
  }
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
