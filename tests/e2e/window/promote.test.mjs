// The whole way in the real window, with nothing installed but the demo's own Python: a run is promoted, answers a real
// prediction, a second one takes the traffic without a request lost, it is rolled back, and the audit tells it all.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { demo, python } from "../support/places.mjs";
import { pause, until } from "../support/processes.mjs";
import { Screen } from "../support/screen.mjs";
import { KEY } from "../support/webdriver.mjs";
import { closeDisplay, openWindow } from "../support/window.mjs";

const LOAD_MS = 240_000;
let window;
let screen;
const text = (selector) => window.session.run((s) => document.querySelector(s)?.textContent.replace(/\s+/g, " ") ?? "", selector);
const call = (name, args) => window.session.runAsync((name, args) => globalThis.__TAURI_INTERNALS__.invoke("call", { name, args }), name, args);

/** Ends, by its process id, a keeper that did not hear: it runs in the folder of this test's home. */
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

/** A request that the demo's models were logged with. */
const example = () => {
  const experiments = path.join(demo, "wine/mlruns");
  for (const one of fs.readdirSync(experiments)) {
    const models = path.join(experiments, one, "models");
    if (fs.existsSync(models)) return fs.readFileSync(path.join(models, fs.readdirSync(models)[0], "artifacts/serving_input_example.json"), "utf8");
  }
  throw new Error("the demo has no model with an example");
};

async function ask(address, body) {
  const response = await fetch(address, { method: "POST", body, headers: { "content-type": "application/json" } });
  return { status: response.status, by: response.headers.get("x-signalbox-version") ?? "", body: await response.json() };
}

/** From the table to the plan of a run's model. */
async function propose(run) {
  await window.session.run(() => (location.hash = "#/p/1/runs"));
  await screen.find("combobox", "Filter runs");
  await screen.filter(`attributes.name = '${run}'`);
  await until("one run", async () => (await screen.nRuns()) === 1);
  await window.session.press(KEY.down);
  await window.session.press("p");
  await until("the plan", async () => /plan=/.test(await screen.hash()), { ms: LOAD_MS });
}

async function apply() {
  await screen.click("button", "/^Promote wine-cultivars/");
  await until("the plan's end", async () => /is where it should be|is taken back|was cut short/.test(await text("dialog")), { ms: LOAD_MS });
  const end = await text("dialog");
  assert.match(end, /is where it should be/, end);
  return end;
}

const service = async () => (await call("production", {})).find((one) => one.service === "wine-cultivars");

describe("a promotion in the real window", { concurrency: false }, () => {
  before(async () => {
    window = await openWindow({ args: [demo], env: { SIGNALBOX_PYTHON: python, USER: "ada" } });
    screen = new Screen(window.session);
    await until("the runs are listed", async () => (await screen.nRuns()) >= 45);
  });
  after(async () => {
    // What keeps the models outlives the window: it is told to end.
    await call("stop_keeper", {}).catch(() => undefined);
    await window?.close();
    if (window) endKeepers(window.home);
    await closeDisplay();
  });

  let address;

  test("a run's model is planned, proven and serves", async () => {
    await propose("final-runner-up");
    const plan = await text("dialog");
    for (const part of ["Register wine-cultivars", "without traffic", "the traffic of wine-cultivars", "Point production", "is a pickle"]) assert.ok(plan.includes(part), `${part}: ${plan}`);
    assert.deepEqual(await screen.axe(), []);
    assert.equal(await service(), undefined, "nothing is done yet");
    const end = await apply();
    assert.match(end, /1 golden request answered as stored/);
    assert.deepEqual(await screen.axe(), []);
    const now = await service();
    assert.equal(now.alarm, null);
    assert.deepEqual(now.loaded.map((one) => [one.version, one.share, one.proven]), [["1", 100, true]]);
    address = now.address;
    const answer = await ask(address, example());
    assert.equal(answer.status, 200);
    assert.equal(answer.body.predictions.length, 4);
    assert.match(answer.by, /^1 sha256:[0-9a-f]{64}$/);
    await window.session.press(KEY.escape);
  });

  test("a second takes the traffic while requests run, and none is lost; rolling back likewise", async () => {
    const seen = { n: 0, failed: [], by: new Set() };
    let running = true;
    const body = example();
    const clients = Array.from({ length: 3 }, async () => {
      while (running) {
        const answer = await ask(address, body).catch((error) => ({ status: String(error), by: "" }));
        seen.n++;
        if (answer.status === 200) seen.by.add(answer.by.split(" ")[0]);
        else seen.failed.push(answer.status);
        await pause(20);
      }
    });
    try {
      await propose("final");
      assert.match(await text("dialog"), /Move production from 1 to the new version/);
      await apply();
      await window.session.press(KEY.escape);
      assert.deepEqual((await service()).loaded.map((one) => [one.version, one.share]), [["2", 100]]);
      await window.session.run(() => (location.hash = "#/production"));
      await screen.click("button", "/Roll back/");
      await until("the plan back", async () => /plan=/.test(await screen.hash()), { ms: LOAD_MS });
      await apply();
      await window.session.press(KEY.escape);
    } finally {
      running = false;
      await Promise.all(clients);
    }
    const now = await service();
    assert.deepEqual([now.loaded.map((one) => [one.version, one.share]), now.alias.version, now.alarm], [[["1", 100]], "1", null]);
    assert.deepEqual(seen.failed, [], `of ${seen.n} requests`);
    assert.ok(seen.n > 100, `${seen.n} requests`);
    assert.deepEqual([...seen.by].sort(), ["1", "2"], "both versions answered");
  });

  test("models, what serves and the audit are shown and pass axe", async () => {
    for (const [hash, says] of [["#/models", "wine-cultivars"], ["#/production", "proven"], ["#/audit", "each bound to the one before it"]]) {
      await window.session.run((h) => (location.hash = h), hash);
      await until(says, async () => (await text("main")).includes(says));
      assert.deepEqual(await screen.axe(), [], hash);
    }
    const trail = await call("audit_trail", { from: 1 });
    assert.equal(trail.broken, null);
    assert.equal(trail.rows.filter((row) => row.what === "committed").length, 3);
    assert.ok(trail.rows.every((row) => row.who === "ada"));
  });
});
