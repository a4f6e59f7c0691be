// A real Python process trains and logs, by tensorboardX and by MLflow: its points arrive, and its death is seen.
import assert from "node:assert/strict";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { python, scripts, temporaryFolder } from "../support/places.mjs";
import { kill, lineOf, pause, start, until } from "../support/processes.mjs";
import { Screen } from "../support/screen.mjs";
import { closeDisplay, openWindow } from "../support/window.mjs";

const project = temporaryFolder("live");
const train = (script, ...args) => start(python, ["-W", "ignore", path.join(scripts, script), ...args], { cwd: project });
const stateOf = (row) => row?.cells.State ?? "";
/** The last step that is on the disk, by TensorBoard's own reader: tensorboardX's flush does not empty its queue. */
async function stepOnDisk(folder) {
  const reader = start(python, ["-W", "ignore", path.join(scripts, "last_step.py"), folder]);
  return Number((await lineOf(reader, /^LAST (\d+)$/))[1]);
}
const lastStep = (writer) => Number(writer.lines.findLast((line) => line.startsWith("STEP"))?.split(" ")[1] ?? -1);

let window;
let screen;

describe("a training that runs while its folder is open", { concurrency: false }, () => {
  before(async () => {
    window = await openWindow({ args: [project] });
    screen = new Screen(window.session);
  });
  after(async () => {
    await window?.close();
    await closeDisplay();
  });

  test("an empty folder says that it has no runs yet", async () => {
    await until("words for an empty folder", () => window.session.run(() => /no runs/i.test(document.querySelector("main").textContent)));
  });

  test("tensorboardX: found, followed point by point, and seen to die", async () => {
    const writer = train("train_tensorboardx.py", path.join(project, "tb/first"), "400", "0.1");
    await lineOf(writer, /^STEP 3 /, 60_000);
    const row = await until("the run is in the table", () => screen.row("first").then((row) => row ?? screen.rows().then((rows) => rows[0])));
    assert.equal(stateOf(row), "Running");
    const early = (await screen.drawn("train/loss")).last;
    await until("the curve grows", async () => (await screen.chart("train/loss")).last > early + 10);
    const late = [];
    for (let i = 0; i < 10; i++) {
      const written = lastStep(writer);
      const began = Date.now();
      await until("the newest point is drawn", async () => (await screen.chart("train/loss")).last >= written, { every: 10 });
      late.push(Date.now() - began);
      await pause(150);
    }
    late.sort((a, b) => a - b);
    assert.ok(late[5] < 1000, `the newest point took ${late.join(", ")} ms`);
    await kill(writer);
    const onDisk = await stepOnDisk(path.join(project, "tb/first"));
    assert.ok(onDisk >= lastStep(writer) - 2, `${onDisk} of ${lastStep(writer)}`);
    await until("every point is there", async () => (await screen.chart("train/loss")).last === onDisk);
    await until("it is called stopped", async () => stateOf((await screen.rows())[0]) === "Stopped", { ms: 20_000, every: 200 });
  });

  for (const kind of ["sqlite", "file"]) {
    test(`MLflow, ${kind} store: found, followed, and seen to die`, async () => {
      const name = `live-${kind}`;
      const writer = train("train_mlflow.py", project, kind, name, "2000", "0.05");
      await lineOf(writer, /^STEP 5 /, 120_000);
      const row = await until("the run is in the table", () => screen.row(name), { ms: 60_000 });
      assert.equal(stateOf(row), "Running");
      await until("its curve is drawn", () => screen.drawn("loss"));
      const early = (await screen.chart("loss")).last;
      await until("the curve grows", async () => (await screen.chart("loss")).last > early + 10);
      await kill(writer);
      const written = lastStep(writer);
      await until("every point is there", async () => (await screen.chart("loss")).last >= written);
      await until("it is called silent", async () => stateOf(await screen.row(name)) === "Silent", { ms: 60_000, every: 200 });
    });
  }

  test("a run that ends by itself is called finished", async () => {
    const writer = train("train_mlflow.py", project, "sqlite", "short", "20", "0.02");
    assert.equal(await writer.ended, 0);
    await until("finished", async () => stateOf(await screen.row("short")) === "Finished", { ms: 20_000 });
  });

  test("the page did not complain", () => assert.deepEqual(window.log.filter((line) => /CONSOLE.*(ERROR|WARN)/i.test(line)), []));
});
