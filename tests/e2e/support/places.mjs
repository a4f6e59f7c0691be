// Where things are, and temporary folders that go away with the test run.
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../../../", import.meta.url));
const bin = process.env.SIGNALBOX_BIN ?? path.join(process.env.CARGO_TARGET_DIR ?? path.join(root, "target"), "release");
export const cli = path.join(bin, "signalbox");
export const desktop = path.join(bin, "signalbox-desktop");
export const generate = path.join(bin, "bench-generate");
export const python = process.env.SIGNALBOX_PYTHON ?? "python3";
export const demo = path.join(root, "assets/demo");
export const scripts = fileURLToPath(new URL("./", import.meta.url));

/** The page's own packages (playwright-core, axe-core) are the tests' too. */
export const fromUi = createRequire(path.join(root, "ui/package.json"));

const made = [];
process.on("exit", () => made.forEach((folder) => fs.rmSync(folder, { recursive: true, force: true, maxRetries: 3 })));

export function temporaryFolder(name) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), `signalbox-${name}-`));
  made.push(folder);
  return folder;
}

/** A home of its own: no test sees what another kept, or what the person at this machine has. */
export function ownHome(folder = temporaryFolder("home")) {
  const runtime = path.join(folder, "runtime");
  fs.mkdirSync(runtime, { recursive: true, mode: 0o700 });
  return {
    HOME: folder,
    XDG_DATA_HOME: path.join(folder, "data"),
    XDG_CONFIG_HOME: path.join(folder, "config"),
    XDG_CACHE_HOME: path.join(folder, "cache"),
    XDG_RUNTIME_DIR: runtime,
  };
}
