// Draws assets/screenshot.png: the real window on the demo, on a virtual display, with a chart under the pointer.
import fs from "node:fs";
import path from "node:path";
import { root, temporaryFolder } from "../tests/e2e/support/places.mjs";
import { pause } from "../tests/e2e/support/processes.mjs";
import { Screen } from "../tests/e2e/support/screen.mjs";
import { closeDisplay, openWindow, shoot } from "../tests/e2e/support/window.mjs";

const file = path.join(root, "assets/screenshot.png");
// A copy at home, so that the picture shows no path of the machine that drew it.
const home = temporaryFolder("home");
const demo = path.join(home, "signalbox/assets/demo");
fs.cpSync(path.join(root, "assets/demo"), demo, { recursive: true, preserveTimestamps: true });
const window = await openWindow({ home, env: { SIGNALBOX_DEMO: demo } });
const screen = new Screen(window.session);
try {
  const set = (key, value) => window.session.runAsync((key, value) => globalThis.__TAURI_INTERNALS__.invoke("call", { name: "set_pref", args: { key, value } }), key, value);
  await set("theme", "dark");
  await window.session.reload();
  await screen.click("button", "Open the demo");
  await screen.find("grid", "Runs");
  await screen.filter("name like 'digits/runs/%' and metrics.val/loss < 0.2");
  await screen.click("radio", "Log");
  const chart = await screen.drawn("val/loss");
  await screen.drawn("train/loss");
  // Quiet again: the figure at the bottom right is of a program that rests.
  await pause(12_000);
  await window.session.post("/actions", { actions: [{ type: "pointer", id: "mouse", parameters: { pointerType: "mouse" }, actions: [{ type: "pointerMove", origin: "viewport", x: Math.round(chart.x + chart.width * 0.3), y: Math.round(chart.y + chart.height * 0.45), duration: 0 }] }] });
  await pause(1500);
  shoot(file);
  console.log(`drew ${path.relative(root, file)}`);
} finally {
  await window.close();
  await closeDisplay();
}
