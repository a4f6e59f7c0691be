// The demo in the real window: filter, sort, draw, zoom, a run's page; and a restart that comes back to it.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { demo } from "../support/places.mjs";
import { pause, until } from "../support/processes.mjs";
import { Screen } from "../support/screen.mjs";
import { KEY } from "../support/webdriver.mjs";
import { closeDisplay, openWindow } from "../support/window.mjs";

let window;
let screen;
const show = async (options) => {
  window = await openWindow(options);
  screen = new Screen(window.session);
};

describe("the demo in the real window", { concurrency: false }, () => {
  before(() => show());
  after(async () => {
    await window?.close();
    await closeDisplay();
  });

  test("the first screen offers the demo, and opens it", async () => {
    await screen.find("heading", "/Open a project folder/");
    assert.deepEqual(await screen.axe(), []);
    await screen.click("button", "Open the demo");
    await until("the runs are listed", async () => (await screen.nRuns()) >= 45);
    assert.match(await screen.hash(), /^#\/p\/\d+\/runs/);
  });

  test("a filter narrows the table", async () => {
    await screen.filter("metrics.val/acc > 0.9 and params.optimizer = 'adam'");
    await until("three runs are left", async () => (await screen.nRuns()) === 3);
    assert.deepEqual((await screen.rows()).map((row) => row.name).sort(), ["digits/runs/adam", "digits/runs/adam-deep-cosine", "digits/runs/adam-wide-b128"]);
    await screen.filter("");
    await until("all are back", async () => (await screen.nRuns()) >= 45);
  });

  test("a header sorts", async () => {
    const names = async () => (await screen.rows()).map((row) => row.name);
    await screen.filter("name like 'digits/runs/%'");
    await until("fifteen runs", async () => (await screen.nRuns()) === 15);
    const header = "/^Name/";
    await screen.click("columnheader", header);
    await pause(300);
    const one = await names();
    await screen.click("columnheader", header);
    await until("the rows turned round", async () => JSON.stringify(await names()) === JSON.stringify([...one].reverse()));
    await screen.filter("");
  });

  test("curves are drawn; a drag zooms every chart; a double click goes back", async () => {
    await screen.filter("name like 'digits/runs/%' and metrics.val/loss < 10");
    // The charts of these runs come after the filter: until then those of the runs before are there.
    await until("the chart is there", () => window.session.run(() => {
      const card = document.querySelector('[data-metric="train/loss"]');
      card?.scrollIntoView();
      return card !== null;
    }));
    const chart = await screen.drawn("train/loss");
    const other = await screen.drawn("train/acc");
    const y = chart.y + chart.height / 2;
    await window.session.drag({ x: chart.x + chart.width * 0.4, y }, { x: chart.x + chart.width * 0.6, y });
    await screen.find("button", "All data");
    await until("the other chart zoomed too", async () => (await screen.chart("train/acc")).ink !== other.ink);
    await window.session.doubleClick({ x: chart.x + chart.width / 2, y });
    await until("the whole range is back", async () => !(await screen.has("button", "All data")));
    await screen.filter("");
  });

  test("each screen passes axe", async () => {
    assert.deepEqual(await screen.axe(), []);
    await window.session.press(KEY.control, "k");
    await screen.find("combobox", "Search or command");
    assert.deepEqual(await screen.axe(), []);
    await window.session.press(KEY.escape);
    await screen.click("link", "/Settings/");
    await screen.find("heading", "Settings");
    assert.deepEqual(await screen.axe(), []);
    await window.session.run(() => history.back());
    await screen.find("grid", "Runs");
  });

  test("a run's page tells of its artifacts, and a restart comes back to it", async () => {
    await screen.filter("attributes.name = 'gbr-lr0.02-d2'");
    await until("one run", async () => (await screen.nRuns()) === 1);
    await window.session.run(() => document.querySelector('[role="grid"]').focus());
    await window.session.press(KEY.down);
    await window.session.press(KEY.enter);
    await until("the run's page", async () => /\/run\/\d+/.test(await screen.hash()));
    const says = (text) => until(text, () => window.session.run((t) => document.querySelector("main").textContent.includes(t), text));
    await says("val_rmse");
    assert.deepEqual(await screen.axe(), []);
    await screen.click("tab", "/Artifacts/");
    await says("report.json");
    assert.deepEqual(await screen.axe(), []);
    const hash = await screen.hash();
    await pause(500);
    const { home } = window;
    await window.close();
    await show({ home });
    await until("the same page after a restart", async () => (await screen.hash()) === hash);
    await says("report.json");
  });

  test("the recent list opens a project again, and the command line does", async () => {
    const { home } = window;
    await window.close();
    await show({ home, args: [demo] });
    // With the filter of last time, until it is taken away.
    await until("the folder of the command line is shown", async () => /\/runs/.test(await screen.hash()) && (await screen.nRuns()) === 1);
    await screen.filter("");
    await until("all runs", async () => (await screen.nRuns()) >= 45);
    assert.equal(await window.session.title(), "demo · Signalbox");
    assert.deepEqual(window.log.filter((line) => /CONSOLE.*(ERROR|WARN)/i.test(line)), []);
  });
});
