// Data in the real window: the demo's shift is found, a stretch is looked at, a rule is made of it, and the gate stops a
// promotion. On a copy of the demo, as the person saves the team's file into the project.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { demo, python, temporaryFolder } from "../support/places.mjs";
import { pause, until } from "../support/processes.mjs";
import { Screen } from "../support/screen.mjs";
import { KEY } from "../support/webdriver.mjs";
import { closeDisplay, openWindow } from "../support/window.mjs";

const PLAN_MS = 240_000;
/** What only this part of a monitor's page has. */
const PARTS = { drift: '[aria-label="The chosen column"] table', quality: '[aria-label="Model quality"] svg', fairness: '[aria-label="Fairness"] section', rules: '[aria-label="Rules"] table' };
let window;
let screen;
let project;
const text = (selector) => window.session.run((s) => document.querySelector(s)?.textContent.replace(/\s+/g, " ") ?? "", selector);
const call = (name, args) => window.session.runAsync((name, args) => globalThis.__TAURI_INTERNALS__.invoke("call", { name, args }), name, args);
const go = (hash) => window.session.run((h) => (location.hash = h), hash);
/** The file as it would be, as the dialog shows it. */
const proposed = () => window.session.run(() => document.querySelector('[aria-label="The file"] pre')?.textContent ?? "");

async function inEach(theme, check) {
  await window.session.run((theme) => (document.documentElement.dataset.theme = theme), theme);
  // Colours change over a moment.
  await pause(400);
  await check();
}

describe("data in the real window", { concurrency: false }, () => {
  before(async () => {
    project = path.join(temporaryFolder("demo"), "demo");
    fs.cpSync(demo, project, { recursive: true });
    window = await openWindow({ args: [project], env: { SIGNALBOX_PYTHON: python, USER: "ada" } });
    screen = new Screen(window.session);
    await until("the runs are listed", async () => (await screen.nRuns()) >= 45);
  });
  after(async () => {
    await call("stop_keeper", {}).catch(() => undefined);
    await window?.close();
    await closeDisplay();
  });

  test("one click watches what is suggested, and its alert comes by itself", async () => {
    await go("#/data");
    await screen.click("button", "Watch");
    await until("the alert", async () => /drifted|moved/.test(await text('[aria-label^="Monitor wine"]')), { ms: 60_000 });
    assert.deepEqual(await screen.axe(), []);
  });

  test("the shift is seen, when and where", async () => {
    await window.session.run(() => document.querySelector('[aria-label^="Monitor wine"] h2 a').click());
    await until("what drifted", async () => /column.* drifted/.test(await text(".verdict")), { ms: 60_000 });
    const row = await call("data_monitor", { project: 1, name: "wine" });
    assert.ok(row.timeline.buckets.length > 20, `${row.timeline.buckets.length} buckets`);
    // Before the new laboratory nothing had moved.
    const { buckets } = row.timeline;
    const early = await call("data_window", { project: 1, name: "wine", from: buckets[0].from, till: buckets[7].till });
    assert.notEqual(early.verdict, "drift");
    await go(`#/data?in=1&monitor=wine&from=${buckets[0].from}&till=${buckets[7].till}`);
    await until("the early stretch is judged", async () => /No column has drifted/.test(await text(".verdict")));
    const { from } = buckets.at(-7);
    await go(`#/data?in=1&monitor=wine&from=${from}&till=${buckets.at(-1).till}`);
    await until("the late one too", async () => /drifted: /.test(await text(".verdict")));
    for (const tab of ["drift", "quality", "fairness", "rules"]) {
      await go(`#/data?in=1&monitor=wine&tab=${tab}&from=${from}&till=${buckets.at(-1).till}`);
      await until(`${tab} is there`, () => window.session.run((wanted) => document.querySelector(wanted) !== null, PARTS[tab]));
      for (const theme of ["light", "dark"]) await inEach(theme, async () => assert.deepEqual(await screen.axe(), [], `${tab}, ${theme}`));
    }
  });

  test("two files are compared, and a file is looked into", async () => {
    for (const [query, wanted] of [["reference=wine/data/test.parquet&current=wine/inference", '[aria-label^="Column "] table'], ["file=wine/data/train.parquet", "table"]]) {
      await go(`#/data?in=1&${query}`);
      await until(query, () => window.session.run((selector) => document.querySelector(`main ${selector}`) !== null, wanted));
      for (const theme of ["light", "dark"]) await inEach(theme, async () => assert.deepEqual(await screen.axe(), [], `${query}, ${theme}`));
    }
  });

  test("a new file is in the chart by itself", async () => {
    await go("#/data?in=1&monitor=wine");
    const before = await call("data_monitor", { project: 1, name: "wine" });
    const files = fs.readdirSync(path.join(project, "wine/inference"), { recursive: true }).map(String).filter((name) => name.endsWith(".parquet")).sort();
    const last = path.join(project, "wine/inference", files.at(-1));
    const coming = `${last}.coming`;
    fs.copyFileSync(last, coming);
    const begun = Date.now();
    fs.renameSync(coming, last.replace(/\.parquet$/, "-again.parquet"));
    await until("its rows", async () => (await call("data_monitor", { project: 1, name: "wine" })).row.rows > before.row.rows, { ms: 10_000, every: 25 });
    const took = Date.now() - begun;
    // How long it takes is judged by bench/monitor.mjs; here the machine may be busy with anything.
    console.log(`      a new file was in the timeline after ${took} ms`);
    fs.rmSync(last.replace(/\.parquet$/, "-again.parquet"));
  });

  test("a rule is made of it, and the gate stops a promotion", async () => {
    await go("#/data?in=1&monitor=wine");
    await screen.click("button", "Make a rule…");
    await screen.find("dialog", "Team rules");
    await until("the name's field", () => window.session.run(() => document.getElementById("rule-name")?.focus() ?? document.activeElement?.id === "rule-name"));
    await window.session.type("wine-cultivars");
    await screen.click("radio", "File");
    await until("the file", async () => /\[models\.wine-cultivars\]/.test(await proposed()) && /drift = /.test(await proposed()));
    const file = await proposed();
    assert.match(file, /\[data\.wine\]/);
    assert.deepEqual(await screen.axe(), []);
    fs.writeFileSync(path.join(project, "signalbox.toml"), file);
    await window.session.press(KEY.escape);
    await until("the team's monitor", async () => (await call("data_monitor", { project: 1, name: "wine" })).row.in_policy);
    await go("#/p/1/runs");
    await screen.find("combobox", "Filter runs");
    await screen.filter("attributes.name = 'final'");
    await until("one run", async () => (await screen.nRuns()) === 1);
    await window.session.press(KEY.down);
    await window.session.press("p");
    // It is a stranger's project to this machine: its models are loaded when the person has said so.
    await screen.click("button", "Allow, and make the plan");
    await until("the plan", async () => /plan=/.test(await screen.hash()), { ms: PLAN_MS });
    await until("the gates", async () => /stand in the way|All gates pass/.test(await text("dialog")), { ms: PLAN_MS });
    const plan = await text("dialog");
    assert.match(plan, /columns have drifted/);
    assert.match(plan, /stand in the way/);
    assert.deepEqual(await screen.axe(), []);
    const refused = await window.session.run(() => [...document.querySelectorAll("dialog button")].filter((node) => /^Promote wine-cultivars/.test(node.textContent.trim())).every((node) => node.disabled));
    assert.ok(refused, "it cannot be promoted without a reason");
  });
});
