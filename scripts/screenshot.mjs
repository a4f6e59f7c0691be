// Draws assets/screenshot.png: the real window on the demo, on a virtual display, with a chart under the pointer.
import path from "node:path";
import { root } from "../tests/e2e/support/places.mjs";
import { pause } from "../tests/e2e/support/processes.mjs";
import { Screen } from "../tests/e2e/support/screen.mjs";
import { closeDisplay, openWindow, shoot } from "../tests/e2e/support/window.mjs";

const file = path.join(root, "assets/screenshot.png");
const window = await openWindow();
const screen = new Screen(window.session);
try {
  const set = (key, value) => window.session.runAsync((key, value) => globalThis.__TAURI_INTERNALS__.invoke("call", { name: "set_pref", args: { key, value } }), key, value);
  await set("theme", "dark");
  await window.session.reload();
  await screen.click("button", "Open the demo");
  await screen.find("grid", "Runs");
  await screen.filter("name like 'digits/runs/%' and metrics.val/loss < 10");
  const chart = await screen.drawn("val/loss");
  await screen.drawn("train/loss");
  await window.session.post("/actions", { actions: [{ type: "pointer", id: "mouse", parameters: { pointerType: "mouse" }, actions: [{ type: "pointerMove", origin: "viewport", x: Math.round(chart.x + chart.width * 0.3), y: Math.round(chart.y + chart.height * 0.5), duration: 0 }] }] });
  await pause(1500);
  shoot(file);
  console.log(`drew ${path.relative(root, file)}`);
} finally {
  await window.close();
  await closeDisplay();
}
