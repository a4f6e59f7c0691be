// A database's table under a monitor: a person types where it is, a real Postgres counts, what moved is told; and what a
// project brings along asks nobody before the person has said yes.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { temporaryFolder } from "../support/places.mjs";
import { PASSWORD, postgres } from "../support/postgres.mjs";
import { pause, until } from "../support/processes.mjs";
import { Screen } from "../support/screen.mjs";
import { closeDisplay, openWindow } from "../support/window.mjs";

const HOUR = 3600;
let window, screen, server, project;
const text = (selector) => window.session.run((s) => document.querySelector(s)?.textContent.replace(/\s+/g, " ") ?? "", selector);
const call = (name, args) => window.session.runAsync((name, args) => globalThis.__TAURI_INTERNALS__.invoke("call", { name, args }), name, args);
const go = (hash) => window.session.run((h) => (location.hash = h), hash);
const row = async (name) => (await call("data_monitors", { project: 1 })).find((one) => one.name === name);
/** What a person does in a field: it is emptied, typed into and left. */
const fill = (id, value) => window.session.run((id, value) => {
  const field = document.getElementById(id);
  field.focus();
  field.value = value;
  field.dispatchEvent(new Event("input", { bubbles: true }));
  field.dispatchEvent(new Event("change", { bubbles: true }));
}, id, value);

/** The same numbers each time, between 0 and 1. */
function numbers(seed) {
  let state = seed;
  return () => ((state = (Math.imul(state, 1664525) + 1013904223) >>> 0), state / 2 ** 32);
}

const next = numbers(7);
const normal = () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
const one = (shift) => [(50 + 12 * (normal() + shift)).toFixed(3), next() < 0.7 ? "free" : "team"];
/** Rows of an hour, as SQL has them. */
const rows = (hour, n, shift) => Array.from({ length: n }, (_, i) => {
  const [amount, plan] = one(shift);
  return `(to_timestamp(${hour * HOUR + (i % 60) * 60}), ${amount}, '${plan}')`;
}).join(", ");

describe("a table in the real window", { concurrency: false }, () => {
  before(async () => {
    server = await postgres();
    const now = Math.floor(Date.now() / 1000 / HOUR);
    server.sql("CREATE TABLE seen (at timestamptz, amount double precision, plan text); CREATE INDEX ON seen (at); CREATE ROLE grace LOGIN PASSWORD '" + PASSWORD + "'; GRANT SELECT ON seen TO grace;");
    for (let hour = now - 96; hour < now - 24; hour++) server.sql(`INSERT INTO seen VALUES ${rows(hour, 40, 0)};`);
    project = path.join(temporaryFolder("table"), "loans");
    fs.mkdirSync(project);
    const line = () => one(0).join(",");
    fs.writeFileSync(path.join(project, "train.csv"), `amount,plan\n${Array.from({ length: 3000 }, line).join("\n")}\n`);
    window = await openWindow({ args: [project], env: { PGPASSWORD: PASSWORD, USER: "ada" } });
    screen = new Screen(window.session);
  });
  after(async () => {
    await window?.close();
    await server?.close();
    await closeDisplay();
  });

  test("a person types where it is, and the engine counts", async () => {
    await go("#/data");
    await screen.click("button", "/New monitor|Watch something/");
    await screen.click("radio", "A database's table");
    for (const [key, value] of [["name", "loans"], ["reference", "train.csv"], ["engine", server.url], ["table", "public.seen"], ["every_minutes", "1"]]) await fill(`m-${key}`, value);
    assert.deepEqual(await screen.axe(), []);
    await screen.click("button", "Watch");
    const found = await until("it is counted", async () => {
      const found = await row("loans");
      return found?.state === "failed" ? Promise.reject(new Error(found.trouble)) : found?.state === "watching" && found.rows > 0 && found;
    });
    assert.deepEqual([found.rows, found.judged, found.alert, found.table.at], [72 * 40, true, null, server.url.replace("postgres://ada@", "")]);
    await until("it is said so", async () => /As in the reference/.test(await text('[aria-label="Monitor loans"]')));
    assert.match(await text('[aria-label="Monitor loans"]'), /public\.seen at 127\.0\.0\.1/);
  });

  test("new rows move the chart, and the person is told", async () => {
    const now = Math.floor(Date.now() / 1000 / HOUR);
    for (let hour = now - 3; hour <= now; hour++) server.sql(`INSERT INTO seen VALUES ${rows(hour, 300, 1)};`);
    await screen.click("button", "More about loans");
    await screen.click("menuitem", "Ask again now");
    // Of a whole hour on, the last three hours are asked again; all before stays as it was counted.
    await until("the alert", async () => /amount/.test((await row("loans")).alert?.says ?? ""));
    assert.equal((await row("loans")).rows, 72 * 40 + 1200);
    const view = await call("data_monitor", { project: 1, name: "loans" });
    assert.equal(view.timeline.segments.length, 0);
    const all = await call("data_window", { project: 1, name: "loans", from: now - 3, till: now + 1 });
    const amount = all.columns.find((column) => column.name === "amount");
    assert.equal(amount.verdict, "drift");
    // The database's own words for the same hours.
    const [n, mean] = server.sql(`COPY (SELECT count(*), avg(amount) FROM seen WHERE at >= to_timestamp(${(now - 3) * HOUR})) TO STDOUT;`).trim().split("\t").map(Number);
    assert.equal(amount.current.rows, n);
    assert.ok(Math.abs(amount.current.moments.mean - mean) < 1e-9 * mean, `${amount.current.moments.mean} and ${mean}`);
    await go(`#/data?in=1&monitor=loans`);
    await until("the chart", () => window.session.run(() => document.querySelector('[aria-label="The chosen column"] table') !== null));
    for (const tab of ["drift", "rules"]) {
      await go(`#/data?in=1&monitor=loans&tab=${tab}`);
      await pause(600);
      assert.deepEqual(await screen.axe(), [], tab);
    }
    assert.match(await text('[aria-label="Rules"]'), /Rules are asked of files/);
  });

  test("rows that came late are in their hour when all is counted again", async () => {
    const hour = Math.floor(Date.now() / 1000 / HOUR) - 50;
    const before = (await row("loans")).rows;
    server.sql(`INSERT INTO seen VALUES ${rows(hour, 10, 0)};`);
    const asked = (await row("loans")).table.asked;
    await call("look_again", { project: 1, name: "loans", all: false });
    await until("it was asked", async () => (await row("loans")).table.asked > asked);
    assert.equal((await row("loans")).rows, before, "the last hours only");
    await call("look_again", { project: 1, name: "loans", all: true });
    await until("all of it", async () => (await row("loans")).rows === before + 10);
  });

  test("what came with the project asks nobody before the person allows it", async () => {
    fs.writeFileSync(path.join(project, "signalbox.toml"), `[data.theirs]\nreference = "train.csv"\nengine = "${server.url.replace("ada@", "grace@")}"\ntable = "seen"\ntime = "at"\n`);
    await until("it waits", async () => (await row("theirs"))?.state === "asking");
    await go("#/data");
    await until("the person is asked", async () => /Ask Postgres at 127.*PGPASSWORD.*Allow/.test(await text('[aria-label="Monitor theirs"]')));
    assert.deepEqual(await screen.axe(), []);
    assert.equal((await row("theirs")).rows, 0);
    // The server's own log knows who came.
    const came = () => server.log.some((line) => /connection (received|authorized|authenticated).*grace|user=grace/.test(line));
    assert.ok(!came());
    await screen.click("button", "Allow");
    await until("it is counted", async () => (await row("theirs")).state === "watching" && (await row("theirs")).rows > 0);
    assert.ok(came());
    // Its own words when it cannot: with the place and what helps.
    server.sql("ALTER TABLE seen RENAME TO gone;");
    await call("look_again", { project: 1, name: "theirs", all: false });
    await until("it says so", async () => /knows no table seen/.test((await row("theirs")).trouble ?? ""));
    server.sql("ALTER TABLE gone RENAME TO seen;");
    await call("look_again", { project: 1, name: "theirs", all: false });
    await until("it goes on", async () => (await row("theirs")).state === "watching");
  });

  test("what fails rests, and goes on as soon as it can", async () => {
    const train = path.join(project, "train.csv");
    fs.renameSync(train, `${train}.away`);
    await until("it says so", async () => (await row("loans")).state === "failed");
    fs.renameSync(`${train}.away`, train);
    await until("it goes on", async () => (await row("loans")).state === "watching", { ms: 10_000 });
  });

  test("a word that is taken back asks nobody any more", async () => {
    await go("#/data");
    await screen.click("button", "More about theirs");
    await screen.click("menuitem", "Do not ask it any more");
    await until("it waits", async () => (await row("theirs")).state === "asking");
    assert.ok((await row("theirs")).rows > 0, "what was counted stays");
  });
});
