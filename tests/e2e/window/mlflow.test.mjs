// A team's MLflow server, really running: nothing is asked before the person allows it; then a run's model becomes a
// version there, serves on this machine, and has the alias; and when somebody else moves the alias, the window says so.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { demo, python, temporaryFolder } from "../support/places.mjs";
import { start, stop, until } from "../support/processes.mjs";
import { Screen } from "../support/screen.mjs";
import { KEY } from "../support/webdriver.mjs";
import { closeDisplay, freePort, openWindow } from "../support/window.mjs";

const LOAD_MS = 240_000;
let window, screen, server, url, folder;
const text = (selector) => window.session.run((s) => document.querySelector(s)?.textContent.replace(/\s+/g, " ") ?? "", selector);
const call = (name, args) => window.session.runAsync((name, args) => globalThis.__TAURI_INTERNALS__.invoke("call", { name, args }), name, args);
const api = async (verb, to, body) => {
  const response = await fetch(`${url}/api/2.0/mlflow/${to}`, { method: verb, ...(body ? { body: JSON.stringify(body), headers: { "content-type": "application/json" } } : {}) });
  return response.json();
};
const alias = async () => (await api("GET", "registered-models/alias?name=wine&alias=champion")).model_version?.version;

/** Ends, by its process id, a keeper that did not hear. */
function endKeepers(home) {
  for (const pid of fs.readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      const words = fs.readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
      if (words[1] === "keep" && words[2]?.startsWith(home)) process.kill(Number(pid), "SIGTERM");
    } catch {
      // It ended meanwhile.
    }
  }
}

describe("a promotion to a real MLflow in the real window", { concurrency: false }, () => {
  before(async () => {
    folder = temporaryFolder("mlflow-window");
    const project = path.join(folder, "wine");
    fs.cpSync(path.join(demo, "wine"), project, { recursive: true });
    const port = await freePort();
    url = `http://127.0.0.1:${port}`;
    const policy = ["[registries.team]", 'kind = "mlflow"', `url = "${url}"`, "[targets.here]", 'kind = "local"', "[models.wine]", 'registry = "team"', 'target = "here"', 'alias = "champion"'];
    fs.writeFileSync(path.join(project, "signalbox.toml"), policy.join("\n"));
    const args = ["-m", "mlflow", "server", "--backend-store-uri", `sqlite:///${folder}/m.db`, "--artifacts-destination", `${folder}/artifacts`, "--host", "127.0.0.1", "--port", String(port), "--workers", "1"];
    const env = { MLFLOW_SERVER_ENABLE_JOB_EXECUTION: "false", MLFLOW_DISABLE_TELEMETRY: "true", PATH: `${path.dirname(python)}:${process.env.PATH}` };
    server = start(python, args, { env, cwd: folder });
    await until("MLflow answers", async () => (await fetch(`${url}/health`).catch(() => ({ ok: false }))).ok, { ms: 120_000 });
    window = await openWindow({ args: [project], env: { SIGNALBOX_PYTHON: python, USER: "ada" } });
    screen = new Screen(window.session);
    await until("the runs are listed", async () => (await screen.nRuns()) >= 10);
  });
  after(async () => {
    await call("stop_keeper", {}).catch(() => undefined);
    await window?.close();
    if (window) endKeepers(window.home);
    await closeDisplay();
    if (server) await stop(server);
  });

  test("a server that a project's file names is asked nothing until the person allows it", async () => {
    await window.session.run(() => (location.hash = "#/models"));
    await until("the address is shown", async () => (await text("main, #app")).includes(url));
    assert.match(await text("main, #app"), /was not asked anything yet/);
    await screen.click("button", "Allow");
    await until("it was asked", async () => !(await text("main, #app")).includes("was not asked anything yet"));
  });

  test("a run's model becomes a version there, serves here, and has the alias", async () => {
    await window.session.run(() => (location.hash = "#/p/1/runs"));
    await screen.find("combobox", "Filter runs");
    await screen.filter("attributes.name = 'final'");
    await until("one run", async () => (await screen.nRuns()) === 1);
    await window.session.press(KEY.down);
    await window.session.press("p");
    // The project is a copy, as a stranger's would be: its model is loaded once the person has said so.
    await until("it is asked", async () => (await text("dialog")).includes("Load this project's models?"));
    assert.ok((await text("dialog")).includes(path.join(folder, "wine")), await text("dialog"));
    assert.deepEqual(await screen.axe(), []);
    assert.ok(!/plan=/.test(await screen.hash()), "there is no plan before");
    await screen.click("button", "Allow, and make the plan");
    await until("the plan", async () => /plan=/.test(await screen.hash()), { ms: LOAD_MS });
    assert.equal(await alias(), undefined, "nothing is done yet");
    await screen.click("button", "/^Promote wine/");
    await until("the plan's end", async () => /is where it should be|is taken back|was cut short/.test(await text("dialog")), { ms: LOAD_MS });
    const end = await text("dialog");
    assert.match(end, /is where it should be/, end);
    assert.equal(await alias(), "1");
    const version = (await api("GET", "model-versions/get?name=wine&version=1")).model_version;
    assert.equal(version.status, "READY");
    assert.equal(version.tags.find((tag) => tag.key === "signalbox.run_name")?.value, "final");
    const [service] = await call("production", {});
    assert.deepEqual([service.service, service.alias.version, service.alarm, service.loaded.map((one) => [one.version, one.share, one.proven])], ["wine", "1", null, [["1", 100, true]]]);
    await window.session.press(KEY.escape);
  });

  test("an alias that somebody else moves is told, without anybody looking for it", async () => {
    await window.session.run(() => (location.hash = "#/p/1/runs"));
    // One look after the plan's end.
    await new Promise((done) => setTimeout(done, 8_000));
    await api("DELETE", "registered-models/alias", { name: "wine", alias: "champion" });
    assert.equal(await alias(), undefined);
    await until("a notice", async () => (await text(".notices")).includes("moved champion from 1 to nothing"), { ms: 60_000 });
    const [service] = await call("production", {});
    assert.match(service.alarm, /champion says nothing, and 1 serves/);
    const trail = await call("audit_trail", { from: 1 });
    assert.ok(trail.rows.some((row) => row.what === "observed"), "it is in the audit");
    assert.equal(trail.broken, null);
  });
});
