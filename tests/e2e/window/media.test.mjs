// What real tools logged beside numbers (torch's SummaryWriter, the W&B SDK), in the real window: read from their files.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { root, temporaryFolder } from "../support/places.mjs";
import { until } from "../support/processes.mjs";
import { Screen } from "../support/screen.mjs";
import { closeDisplay, openWindow } from "../support/window.mjs";

const project = temporaryFolder("media");
const samples = path.join(root, "tests/samples");
let window, screen;

/** Pictures that are drawn now, by the card's title. */
const pictures = () => window.session.run(() => Object.fromEntries([...document.querySelectorAll("article")].filter((card) => card.querySelector("img")?.naturalWidth).map((card) => [card.querySelector("h3").textContent, [...card.querySelectorAll("img")].map((img) => `${img.naturalWidth}x${img.naturalHeight}`).join()])));
const text = (selector) => window.session.run((s) => document.querySelector(s)?.textContent ?? "", selector);

async function openRun(name) {
  const id = await until(`the run ${name}`, () => window.session.runAsync(async (name) => {
    const call = (command, args) => globalThis.__TAURI_INTERNALS__.invoke("call", { name: command, args });
    const [{ id: project }] = await call("projects", {});
    const page = await call("table", { project, filter: "", sort: [], columns: [], offset: 0, limit: 50, show_deleted: false, show_hidden: false });
    const row = page.rows.find((row) => row.name === name);
    return row ? { project, run: row.id } : null;
  }, name));
  await window.session.run((at) => (location.hash = `#/p/${at.project}/run/${at.run}?tab=media`), id);
  return id;
}

describe("what was logged beside numbers", { concurrency: false }, () => {
  before(async () => {
    fs.cpSync(path.join(samples, "tb_torch/runs"), path.join(project, "runs"), { recursive: true });
    fs.cpSync(path.join(samples, "wandb_offline/wandb"), path.join(project, "wandb"), { recursive: true });
    window = await openWindow({ args: [project] });
    screen = new Screen(window.session);
  });
  after(async () => {
    await window?.close();
    await closeDisplay();
  });

  test("torch's images are drawn, its histogram has a distribution, its text is there", async () => {
    await openRun("runs/exp1");
    const drawn = await until("both images", async () => {
      const found = await pictures();
      return Object.keys(found).length === 2 ? found : null;
    });
    assert.deepEqual(drawn, { img: "8x8", imgs: "16x8" });
    await screen.click("button", "/^weights/");
    const said = await until("the histogram says what it holds", async () => ((await text("article .said")).includes("values") ? text("article .said") : null));
    assert.match(said, /step 3 · 100 values/);
    const ink = await window.session.run(() => {
      const canvas = document.querySelector("article canvas");
      return canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.filter((_, i) => i % 4 === 3).filter((alpha) => alpha > 20).length;
    });
    assert.ok(ink > 500, `${ink} pixels`);
    await screen.click("button", "/^note/");
    await until("the text", async () => (await text("article pre")).startsWith("hello **world** ünï"));
    assert.deepEqual(await screen.axe(), []);
  });

  test("W&B's image has its caption, its table its rows, and the console what was printed", async () => {
    await openRun("finished-run");
    await until("the image", async () => (await pictures()).img === "8x8");
    assert.equal(await text("article figcaption"), "cap");
    await screen.click("button", "/^tbl/");
    const cells = await until("the table", () => window.session.run(() => {
      const cells = [...document.querySelectorAll("article td")].map((cell) => cell.textContent);
      return cells.length ? cells : null;
    }));
    assert.deepEqual(cells, ["1", "a", "2", "b"]);
    await screen.click("tab", "/^Console/");
    await until("what it printed", async () => (await text(".console pre")) === "console line one\nto stderr");
    assert.deepEqual(await screen.axe(), []);
  });

  test("a picture whose file is gone is told, and comes back with the file", async () => {
    const at = await openRun("finished-run");
    const folder = path.join(project, "wandb/offline-run-20261121_080159-l3zsecjo/files/media");
    fs.renameSync(folder, `${folder}-away`);
    await window.session.run((at) => (location.hash = `#/p/${at.project}/run/${at.run}`), at);
    await openRun("finished-run");
    await screen.click("button", "/^Images/");
    await until("words for it", async () => (await text("article .why")).includes("is not there"));
    fs.renameSync(`${folder}-away`, folder);
    await screen.click("button", "/^Histograms/");
    await screen.click("button", "/^Images/");
    await until("the image", async () => (await pictures()).img === "8x8");
  });
});
