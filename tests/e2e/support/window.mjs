// The real window: Xvfb, a D-Bus session and WebKitWebDriver of its own for every start of the program.
import fs from "node:fs";
import net from "node:net";
import path from "node:path";
import { demo, desktop, ownHome, temporaryFolder } from "./places.mjs";
import { picture } from "./picture.mjs";
import { lineOf, pause, start, stop, until } from "./processes.mjs";
import { Session } from "./webdriver.mjs";

let display = null;

/** A virtual display for the whole test file. */
export async function virtualDisplay() {
  if (!display) {
    // Xvfb takes a free number itself and prints it on descriptor 1.
    const folder = temporaryFolder("display");
    const server = start("Xvfb", ["-displayfd", "1", "-screen", "0", "1440x900x24", "-nolisten", "tcp", "-noreset", "-fbdir", folder]);
    const [, number] = await lineOf(server, /^(\d+)$/);
    display = { server, name: `:${number}`, dump: path.join(folder, "Xvfb_screen0") };
  }
  return display.name;
}

/** What the display shows now, as a PNG file. */
export const shoot = (file) => fs.writeFileSync(file, picture(display.dump));

export async function closeDisplay() {
  if (display) await stop(display.server);
  display = null;
}

export function freePort() {
  return new Promise((resolve, reject) => {
    const server = net.createServer().on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** Starts the program under WebDriver. `home` keeps its state over several starts. */
export async function openWindow({ args = [], home = temporaryFolder("home"), env = {} } = {}) {
  const own = { ...ownHome(home), DISPLAY: await virtualDisplay(), WAYLAND_DISPLAY: "", NO_AT_BRIDGE: "1", LANG: "C.UTF-8", TAURI_WEBVIEW_AUTOMATION: "true", SIGNALBOX_CONSOLE: "1", SIGNALBOX_DEMO: demo, ...env };
  const port = await freePort();
  const driver = start("dbus-run-session", ["--", "WebKitWebDriver", `--host=127.0.0.1`, `--port=${port}`], { env: own });
  const url = `http://127.0.0.1:${port}`;
  await until("WebKitWebDriver answers", async () => (await fetch(`${url}/status`)).ok);
  const before = Date.now();
  const session = await Session.open(url, { binary: desktop, args }).catch(async (error) => {
    await stop(driver);
    throw new Error(`${error.message}\n${driver.lines.join("\n")}`);
  });
  await until("the page is up", () => session.run(() => document.readyState === "complete" && document.querySelector("#app, body")?.childElementCount > 0));
  return {
    session,
    home,
    env: own,
    startedAt: before,
    log: driver.lines,
    pid: programPid(driver.pid),
    async close() {
      await session.close().catch(() => undefined);
      await stop(driver);
      await pause(50);
    },
  };
}

/** The program's own process below its driver. */
function programPid(driver) {
  const children = new Map();
  for (const name of fs.readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = fs.readFileSync(`/proc/${name}/stat`, "utf8");
      const parent = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1];
      children.set(parent, [...(children.get(parent) ?? []), name]);
    } catch {
      // It ended meanwhile.
    }
  }
  const queue = [String(driver)];
  while (queue.length) {
    const pid = queue.shift();
    try {
      if (fs.readlinkSync(`/proc/${pid}/exe`) === fs.realpathSync(desktop)) return Number(pid);
    } catch {
      // Not ours to read, or gone.
    }
    queue.push(...(children.get(pid) ?? []));
  }
  return null;
}

/** When a process was started, in unix ms (to the clock's tick of 10 ms). */
export function processStart(pid) {
  const stat = fs.readFileSync(`/proc/${pid}/stat`, "utf8");
  const ticks = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]);
  const boot = Number(fs.readFileSync("/proc/stat", "utf8").match(/^btime (\d+)/m)[1]);
  const uptime = Number(fs.readFileSync("/proc/uptime", "utf8").split(" ")[0]);
  // btime is whole seconds; now minus uptime is finer.
  const bootMs = Date.now() - uptime * 1000;
  return (Math.abs(bootMs - boot * 1000) < 1500 ? bootMs : boot * 1000) + ticks * 10;
}

export const dataFolder = (home) => path.join(home, "data/signalbox");
