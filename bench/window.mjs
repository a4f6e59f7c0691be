// window.mjs [--quick]: warm starts of the real window, and the time from a point's write to its curve's drawing.
import path from "node:path";
import { desktop, demo, ownHome, python, scripts, temporaryFolder } from "../tests/e2e/support/places.mjs";
import { lineOf, pause, start, stop, until } from "../tests/e2e/support/processes.mjs";
import { closeDisplay, openWindow, virtualDisplay } from "../tests/e2e/support/window.mjs";

const quick = process.argv.includes("--quick");
const at = (sorted, share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];

/** The program says itself when WebKit painted the frame and when the table's first rows, since the process began. */
async function firstPaint(env, args) {
  const child = start(desktop, args, { env });
  const [, paint] = await lineOf(child, /^first-paint (\d+)/);
  const [, rows] = await lineOf(child, /^first-rows (\d+)/);
  await pause(600);
  await stop(child);
  return { paint: Number(paint), rows: Number(rows) };
}

async function paints() {
  const own = { ...ownHome(temporaryFolder("paint")), DISPLAY: await virtualDisplay(), WAYLAND_DISPLAY: "", NO_AT_BRIDGE: "1" };
  // As on a desktop, the session's bus runs before the program starts.
  const bus = start("dbus-daemon", ["--session", "--nofork", "--nopidfile", "--print-address=1"], { env: own });
  const [address] = await lineOf(bus, /^unix:.*/);
  const env = { ...own, DBUS_SESSION_BUS_ADDRESS: address, SIGNALBOX_TIMING: "1", SIGNALBOX_DEMO: demo };
  await firstPaint(env, [demo]);
  const times = [];
  for (let i = 0; i < (quick ? 2 : 9); i++) times.push(await firstPaint(env, [demo]));
  await stop(bus);
  const sorted = (key) => times.map((one) => one[key]).sort((a, b) => a - b);
  return [
    { name: "first_paint/warm", value: at(sorted("paint"), 0.5), unit: "ms" },
    { name: "first_paint/warm_slowest", value: sorted("paint").at(-1), unit: "ms" },
    { name: "first_rows/warm", value: at(sorted("rows"), 0.5), unit: "ms" },
    { name: "first_rows/warm_slowest", value: sorted("rows").at(-1), unit: "ms" },
  ];
}

/**
 * A real writer (TensorBoard's own) writes a point every 150 ms. The chart's name for screen readers says up to
 * which step it is drawn; the moment counts at which the next frame after that change is presented.
 */
async function latency() {
  const project = temporaryFolder("latency");
  const nSteps = quick ? 40 : 200;
  const writer = start(python, ["-W", "ignore", path.join(scripts, "train_tensorboard.py"), path.join(project, "run"), String(nSteps), "0.15", "linger"]);
  const window = await openWindow({ args: [project] });
  await until("the chart is drawn", () => window.session.run(() => /steps? \d/.test(document.querySelector('[data-metric="train/loss"] [aria-roledescription="chart"]')?.getAttribute("aria-label") ?? "")));
  await window.session.run(() => {
    const chart = document.querySelector('[data-metric="train/loss"] [aria-roledescription="chart"]');
    const seen = (globalThis.__seen = {});
    const look = () => {
      const step = Number(chart.getAttribute("aria-label").match(/ to ([\d,\u202f ]+)(?:, log.*)?$/)?.[1].replace(/\D/g, ""));
      // Twice: the first callback is before the frame with the change is painted, the second after.
      requestAnimationFrame(() => requestAnimationFrame(() => (seen[step] ??= performance.timeOrigin + performance.now())));
    };
    new MutationObserver(look).observe(chart, { attributes: true, attributeFilter: ["aria-label"] });
  });
  await lineOf(writer, /^DONE/, nSteps * 400 + 30_000);
  await pause(1500);
  const seen = Object.entries(await window.session.run(() => globalThis.__seen)).map(([step, at]) => [Number(step), at]).sort((a, b) => a[0] - b[0]);
  await window.close();
  await stop(writer);
  const times = [];
  for (const line of writer.lines) {
    const [, step, at] = line.match(/^STEP (\d+) ([\d.]+)/) ?? [];
    // A point that came together with later ones is on the screen when they are.
    const shown = step !== undefined && seen.find(([s]) => s >= Number(step));
    if (shown && Number(at) > seen[0][1]) times.push(shown[1] - Number(at));
  }
  if (times.length < nSteps / 4) throw new Error(`only ${times.length} points were seen to arrive`);
  times.sort((a, b) => a - b);
  return [
    { name: "write_to_screen/p50", value: at(times, 0.5), unit: "ms" },
    { name: "write_to_screen/p95", value: at(times, 0.95), unit: "ms" },
    { name: "write_to_screen/n_points", value: times.length, unit: "points" },
  ];
}

const rows = [...(await paints()), ...(await latency())];
await closeDisplay();
console.log(JSON.stringify(rows));
