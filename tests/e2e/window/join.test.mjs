// Two records of one training, which nothing but the person can know: joined in the table, seen with both sources on the
// run's page, and taken apart again.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { temporaryFolder } from "../support/places.mjs";
import { until } from "../support/processes.mjs";
import { Screen } from "../support/screen.mjs";
import { KEY } from "../support/webdriver.mjs";
import { closeDisplay, openWindow } from "../support/window.mjs";

let window, screen;
const sections = () => window.session.run(() => [...document.querySelectorAll('[aria-label="Source files"] section')].map((one) => one.textContent.replace(/\s+/g, " ")));

describe("one training in two records", { concurrency: false }, () => {
  before(async () => {
    const project = path.join(temporaryFolder("join"), "twice");
    for (const [folder, metric, factor] of [["curves", "loss", 1], ["scores", "f1", 2]]) {
      fs.mkdirSync(path.join(project, folder), { recursive: true });
      const rows = Array.from({ length: 300 }, (_, i) => `${i},${(factor / (i + 1)).toFixed(6)}`);
      fs.writeFileSync(path.join(project, folder, "log.csv"), `step,${metric}\n${rows.join("\n")}\n`);
    }
    window = await openWindow({ args: [project] });
    screen = new Screen(window.session);
    await until("both are read", async () => (await screen.nRuns()) === 2 && (await screen.rows()).length === 2);
  });
  after(async () => {
    await window?.close();
    await closeDisplay();
  });

  test("by the keyboard, they are one run with the metrics of both", async () => {
    await window.session.run(() => document.querySelector('[role="grid"]').focus());
    await window.session.press(KEY.shift, KEY.down);
    await window.session.press(KEY.control, "k");
    await screen.find("combobox", "Search or command");
    await window.session.type("join: one");
    await screen.find("option", "/Join: one training/");
    await window.session.press(KEY.enter);
    await until("one run", async () => (await screen.nRuns()) === 1);
    await until("its row", async () => (await screen.rows()).length === 1);
    const [row] = await screen.rows();
    for (const metric of ["loss", "f1"]) {
      const title = Object.keys(row.cells).find((name) => name.includes(metric));
      assert.match(row.cells[title] ?? "", /\d/, `${metric} in ${JSON.stringify(row.cells)}`);
    }
  });

  test("its page tells of both, and one click takes them apart", async () => {
    await window.session.run(() => document.querySelector('[role="grid"]').focus());
    await window.session.press(KEY.enter);
    await screen.click("tab", "/Source files/");
    const told = await until("both sources", async () => {
      const found = await sections();
      return found.length === 2 && found;
    });
    assert.ok(told.some((text) => /curves/.test(text)) && told.some((text) => /scores/.test(text)), told.join("\n"));
    assert.deepEqual(await screen.axe(), []);
    await screen.click("button", "Make it a run of its own");
    await until("one source", async () => (await sections()).length === 1);
    await window.session.run(() => history.back());
    await until("two runs", async () => (await screen.nRuns()) === 2);
  });
});
