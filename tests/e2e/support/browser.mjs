// Debian's Chromium, driven by playwright-core (a package of the page's), on a page of `signalbox serve`.
import assert from "node:assert/strict";
import fs from "node:fs";
import { fromUi, temporaryFolder } from "./places.mjs";
import { serve } from "./serve.mjs";

const { chromium } = fromUi("playwright-core");
const CHROMIUM = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find((path) => fs.existsSync(path));
const QUIET = ["--no-first-run", "--disable-quic", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-default-browser-check"];

/** A server and a page on it. `close` also fails the test if the page complained or asked another host. */
export async function openPage({ folders = [], home, colorScheme = "light", width = 1440, height = 900 } = {}) {
  const server = await serve({ folders, home });
  const args = process.getuid?.() === 0 ? [...QUIET, "--no-sandbox"] : QUIET;
  const context = await chromium.launchPersistentContext(temporaryFolder("chromium"), {
    executablePath: CHROMIUM, args, headless: true, colorScheme, viewport: { width, height }, reducedMotion: "reduce",
  });
  const page = context.pages()[0] ?? (await context.newPage());
  page.setDefaultTimeout(45_000);
  const complaints = [];
  // Our own look at the canvas is no fault of the page's.
  const ours = /willReadFrequently/;
  page.on("console", (message) => ["error", "warning"].includes(message.type()) && !ours.test(message.text()) && complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("request", (request) => {
    const url = new URL(request.url());
    if (url.protocol.startsWith("http") && url.origin !== server.origin) complaints.push(`asked ${url.origin}`);
  });
  try {
    await page.goto(server.address);
  } catch (error) {
    await context.close();
    await server.stop();
    throw error;
  }
  return {
    server,
    page,
    complaints,
    async close() {
      await context.close();
      await server.stop();
      assert.deepEqual(complaints, []);
    },
  };
}

/** axe's verdict on what is shown now, WCAG 2 A and AA. */
export async function axe(page) {
  await page.evaluate(fs.readFileSync(fromUi.resolve("axe-core/axe.min.js"), "utf8"));
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"] }));
  return violations.map((v) => `${v.id}: ${v.help}: ${v.nodes.slice(0, 3).map((node) => node.html.slice(0, 160)).join(" | ")}`);
}

/** How many points of a canvas are not of its background: nothing drawn is 0. */
export const inkOf = (canvas) => canvas.evaluate((node) => {
  const { data } = node.getContext("2d").getImageData(0, 0, node.width, node.height);
  let n = 0;
  for (let i = 0; i < data.length; i += 4) if (data[i + 3] > 0 && Math.max(data[i], data[i + 1], data[i + 2]) - Math.min(data[i], data[i + 1], data[i + 2]) > 40) n++;
  return n;
});
