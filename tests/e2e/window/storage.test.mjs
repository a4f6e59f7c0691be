// Retention in the real window: what takes room, a project that is forgotten by its name while a terminal looks on, one
// that a terminal forgets while the window has it open, and room given back.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { cli, temporaryFolder } from "../support/places.mjs";
import { until } from "../support/processes.mjs";
import { Screen } from "../support/screen.mjs";
import { closeDisplay, openWindow } from "../support/window.mjs";

let window, screen, churn, old, other;
const text = (selector) => window.session.run((s) => document.querySelector(s)?.textContent.replace(/\s+/g, " ") ?? "", selector);
const call = (name, args) => window.session.runAsync((name, args) => globalThis.__TAURI_INTERNALS__.invoke("call", { name, args }), name, args);
const go = (hash) => window.session.run((h) => (location.hash = h), hash);
const signalbox = (...args) => execFileSync(cli, args, { env: { ...process.env, ...window.env }, encoding: "utf8" });
const names = () => JSON.parse(signalbox("store", "--json")).projects.map((row) => row.name).toSorted();
const table = () => text('table[aria-label="Projects"]');

function project(folder, name, n) {
  const root = path.join(folder, name);
  fs.mkdirSync(root);
  const rows = Array.from({ length: n }, (_, i) => `${i},${(((i * 7919) % 1009) / 3).toFixed(6)}`);
  fs.writeFileSync(path.join(root, "log.csv"), `step,loss\n${rows.join("\n")}\n`);
  return root;
}

describe("what is kept, in the real window", { concurrency: false }, () => {
  before(async () => {
    const folder = temporaryFolder("storage");
    [churn, old, other] = [project(folder, "churn", 200_000), project(folder, "old", 500), project(folder, "other", 500)];
    window = await openWindow({ args: [churn, old, other] });
    screen = new Screen(window.session);
    await until("all are read", async () => (await call("storage", {})).projects.reduce((n, row) => n + row.n_points, 0) === 201_000);
    const { id } = (await call("projects", {})).find((one) => one.path === churn);
    const { ids } = await call("table_ids", { project: id, filter: "", sort: [], show_deleted: false, show_hidden: false, limit: 10 });
    await call("annotate", { runs: ids, note: "the one of the paper" });
    await go("#/settings");
    await until("the table", async () => /churn/.test(await table()));
  });
  after(async () => {
    await window?.close();
    await closeDisplay();
  });

  test("what takes room is shown, in both themes", async () => {
    assert.match(await table(), /churn.*open/);
    assert.match(await window.session.run(() => document.querySelector('[role="img"]').getAttribute("aria-label")), /^Points [\d.]+ [kM]B/);
    for (const theme of ["Dark", "Light"]) {
      await screen.click("radio", theme);
      assert.deepEqual(await screen.axe(), [], theme);
    }
    await screen.click("button", "Largest runs and metrics of churn");
    await until("the largest", async () => /Largest metrics\s*loss/.test(await table()));
    assert.deepEqual(await screen.axe(), []);
  });

  test("what no folder has is asked for by the project's name, and the files stay", async () => {
    await screen.click("button", "Forget churn…");
    await until("the plan", async () => /Cannot be read again.*1 note/.test(await text("dialog")));
    assert.deepEqual(await screen.axe(), []);
    assert.equal(await window.session.run(() => [...document.querySelectorAll("dialog button")].find((b) => b.textContent.trim() === "Forget churn").disabled), true);
    // The field has the focus: who comes by the keyboard types on.
    await window.session.type("churn");
    await screen.click("button", "Forget churn");
    await until("it is out of sight", async () => !/churn/.test(await table()));
    assert.deepEqual(names(), ["old", "other"]);
    assert.equal(fs.readFileSync(path.join(churn, "log.csv"), "utf8").split("\n").length, 200_002);
    await until("nothing is left", async () => (await call("storage", {})).forgetting.length === 0);
    await until("the page says so", async () => !/Forgetting churn/.test(await text("section:has(#storage)")));
  });

  test("room is given back beside the open projects", async () => {
    await until("free pages", async () => (await call("storage", {})).compact.free_bytes > 0);
    await until("the button", () => window.session.run(() => [...document.querySelectorAll("button")].some((b) => b.textContent.trim() === "Compact" && !b.disabled)));
    await screen.click("button", "Compact");
    await until("none is free", async () => (await call("storage", {})).compact.free_bytes === 0);
    assert.deepEqual(names(), ["old", "other"]);
  });

  test("what a terminal forgets is closed here, with a word", async () => {
    signalbox("forget", other, "--yes");
    await until("a word", () => window.session.run(() => /other was forgotten in another window or a terminal/.test(document.body.textContent)));
    await until("it is gone from the table", async () => !/other/.test(await table()));
    assert.deepEqual(names(), ["old"]);
    assert.ok(fs.existsSync(path.join(other, "log.csv")));
  });
});
