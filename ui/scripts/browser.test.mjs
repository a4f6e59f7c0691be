// The page in a real browser, on the mock: `npm run test:browser` (builds it first). Needs Debian's chromium.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { launch, serve } from "./page.mjs";

const axe = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
let site, browser;

before(async () => {
  site = await serve(fileURLToPath(new URL("../dist-mock", import.meta.url)));
  browser = await launch();
});
after(async () => {
  await browser?.close();
  site?.close();
});

/** Opens a view; whatever the console complains of fails the test. */
async function open(t, hash, { query = "live=0", scheme = "dark", width = 1440, height = 900 } = {}) {
  const context = await browser.newContext({ viewport: { width, height }, colorScheme: scheme, bypassCSP: false });
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  // A machine that builds at the same time is slow; a test that hangs still ends.
  context.setDefaultTimeout(120_000);
  const page = await context.newPage();
  const complaints = [];
  page.on("console", (message) => ["error", "warning"].includes(message.type()) && complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(error.stack ?? String(error)));
  await page.goto(`${site.url}?${query}${hash}`);
  t.after(async () => {
    await context.close();
    assert.deepEqual(complaints, []);
  });
  return page;
}

const row = (page, index) => page.locator(`[data-index="${index}"]`);
const runs = async (t, options) => {
  const page = await open(t, "#/p/1/runs", options);
  await row(page, 0).waitFor();
  return page;
};
const count = (page) => page.locator(".bar .count").innerText();

const VIEWS = {
  "the table": ["#/p/1/runs", async () => undefined],
  "the table with a filter being written": ["#/p/1/runs", async (page) => {
    await page.keyboard.press("/");
    await page.keyboard.type("metrics.va");
    await page.getByRole("option").first().waitFor();
  }],
  "the table with a filter that is not understood": ["#/p/1/runs", async (page) => {
    await page.keyboard.press("/");
    await page.keyboard.type("nonsense");
    await page.locator("[aria-invalid=true]").waitFor();
  }],
  "a run's menu": ["#/p/1/runs", (page) => row(page, 2).locator("[data-col='1']").click({ button: "right" })],
  "the columns": ["#/p/1/runs", (page) => page.keyboard.press("Shift+C")],
  "the palette": ["#/p/1/runs", (page) => page.keyboard.press("Control+k")],
  "the keys": ["#/p/1/runs", (page) => page.keyboard.press("?")],
  "the projects": ["#/p/1/runs", (page) => page.keyboard.press("Control+p")],
  "a run's page": ["#/p/1/run/1000003", async () => undefined],
  "the problems": ["#/p/1/problems", async () => undefined],
  "the settings": ["#/settings", async () => undefined],
  "what takes room in a project": ["#/settings", async (page) => {
    await page.getByRole("button", { name: "Largest runs and metrics of churn" }).click();
    await page.getByText("train/loss-1", { exact: true }).waitFor();
  }],
  "what forgetting a project means": ["#/settings", async (page) => {
    await page.getByRole("button", { name: "Forget churn…" }).click();
    await page.getByText("Cannot be read again").waitFor();
  }],
  "what a sign-in asks": ["#/settings?at=sign-in", (page) => page.getByRole("button", { name: "Sign in to images…" }).click()],
  "how a service was made": ["#/production", async (page) => {
    await page.getByRole("button", { name: "More about churn" }).click();
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Where it is used" }).waitFor();
  }],
  "the models": ["#/models", async () => undefined],
  "a plan": ["#/models?plan=0199aa", (page) => page.getByRole("button", { name: "Paste an approval…" }).click()],
  "a plan of another machine": ["#/models?plan=0199cc", (page) => page.getByRole("button", { name: "Approve" }).click()],
  "what is asked before typed words are lost": ["#/models?plan=0199aa", async (page) => {
    await page.getByLabel("Why the gate metric is overridden").fill("agreed");
    await page.keyboard.press("Escape");
  }],
  "what serves": ["#/production", async () => undefined],
  "the audit's check": ["#/audit", (page) => page.getByRole("button", { name: "Check…" }).click()],
  "the team's rules": ["#/models?rules=1&rule=models/churn", async (page) => {
    await page.getByLabel("Alias", { exact: true }).fill("best");
    await page.getByText('+alias = "best"').waitFor();
  }],
  "the people in the team's rules": ["#/models?rules=1&rule=roles", (page) => page.getByRole("button", { name: "Add a key" }).click()],
  "the data": ["#/data", async () => undefined],
  "a monitor's drift": ["#/data?in=1&monitor=inference&segment=white", (page) => page.getByRole("region", { name: "The chosen column" }).getByRole("heading", { name: "color_intensity" }).waitFor()],
  "a monitor's model quality": ["#/data?in=1&monitor=inference&tab=quality", (page) => page.getByText("Below what is usual").waitFor()],
  "a monitor's fairness": ["#/data?in=1&monitor=inference&tab=fairness", (page) => page.getByRole("heading", { name: "seller", exact: true }).waitFor()],
  "a monitor's definition": ["#/data", async (page) => {
    await page.keyboard.press("m");
    await page.getByLabel("Reference", { exact: true }).fill("wine/data/train.parquet");
    await page.getByLabel("Watched", { exact: true }).click();
    await page.getByRole("button", { name: "alcohol", exact: true }).first().waitFor();
  }],
  "a file's profile": ["#/data?in=1&file=wine/data/train.parquet&column=price&target=alcohol", (page) => page.getByText("a leak?").waitFor()],
  "two files beside each other": ["#/data?in=1&reference=wine/data/train.parquet&current=wine/data/test.parquet", (page) => page.getByText("Quantiles, 1").waitFor()],
  "the first screen": ["#/", async () => undefined],
};
for (const [name, [hash, act]] of Object.entries(VIEWS)) {
  // Contrast in both themes is held by the tests of the tokens; the names and roles are the same in either.
  for (const scheme of name.startsWith("the table") ? ["dark"] : ["light"]) {
    test(`axe finds nothing in ${name}, ${scheme}`, async (t) => {
      const page = await open(t, hash, { scheme });
      if (hash.endsWith("/runs")) await row(page, 0).waitFor();
      else await page.locator("h1, h2").first().waitFor();
      await act(page);
      await page.waitForTimeout(250);
      const source = await (await import("node:fs/promises")).readFile(axe, "utf8");
      await page.evaluate(source);
      const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
      assert.deepEqual(violations.map(({ id, nodes }) => ({ id, nodes: nodes.slice(0, 4).map((node) => `${node.target}: ${node.failureSummary?.split("\n")[1]?.trim()}`) })), []);
    });
  }
}

test("a filter applies while it is written, says what it did not understand, and Esc takes it away", async (t) => {
  const page = await runs(t);
  await page.keyboard.press("/");
  await page.keyboard.type("params.opt");
  await page.keyboard.press("Tab");
  await page.keyboard.type('= "adam"');
  await page.waitForFunction(() => /of 240/.test(document.querySelector(".bar .count").textContent));
  const filtered = await count(page);
  assert.match(page.url(), /filter=params\.optimizer/);
  await page.keyboard.type(" and metrics.nothing < 3");
  await page.locator("[aria-invalid=true]").waitFor();
  assert.equal(await page.locator(".wave").textContent(), "nothing");
  assert.equal(await count(page), filtered, "the last filter that was understood still holds");
  await page.keyboard.press("Escape");
  await page.keyboard.press("Escape");
  await page.waitForFunction(() => document.querySelector(".bar .count").textContent.trim() === "240 runs");
  await page.keyboard.press("Escape");
  await page.keyboard.press("Control+z");
  await page.waitForFunction(() => /of 240/.test(document.querySelector(".bar .count").textContent));
});

test("sort by header, by keyboard too, with aria-sort", async (t) => {
  const page = await runs(t);
  const header = page.getByRole("columnheader", { name: /val\/loss/ });
  await header.getByRole("button").click();
  await page.waitForFunction(() => document.querySelector("[aria-sort=ascending]"));
  const values = await page.locator(`[data-index] [data-col]`).evaluateAll((cells) => {
    const at = [...document.querySelectorAll("[role=columnheader]")].findIndex((cell) => cell.getAttribute("aria-sort") === "ascending") - 1;
    return cells.filter((cell) => Number(cell.dataset.col) === at).map((cell) => [Number(cell.closest("[data-index]").dataset.index), Number(cell.textContent)]).sort((a, b) => a[0] - b[0]).map(([, value]) => value);
  });
  assert.ok(values.length > 20);
  assert.deepEqual(values, values.toSorted((a, b) => a - b));
  await header.getByRole("button").press("Enter");
  await page.waitForFunction(() => document.querySelector("[aria-sort=descending]"));
  await page.keyboard.press("Control+z");
  await page.waitForFunction(() => document.querySelector("[aria-sort=ascending]"));
});

test("hands on the keyboard: move, mark, draw, open, come back", async (t) => {
  const page = await runs(t);
  await page.keyboard.press("j");
  await page.keyboard.press("j");
  await page.keyboard.press("Shift+ArrowDown");
  await page.keyboard.press("Shift+ArrowDown");
  assert.equal(await page.locator("[data-index][aria-selected=true]").count(), 3);
  assert.equal(await page.getByRole("grid").getAttribute("aria-activedescendant"), "run-row-4");
  await page.keyboard.press("c");
  await page.waitForFunction(() => document.querySelectorAll("[data-part=eye][aria-pressed=true]").length === 3);
  await page.keyboard.press("Control+z");
  await page.waitForFunction(() => document.querySelectorAll("[data-part=eye][aria-pressed=true]").length === 10);
  // A long name is shown with its folder on a line of its own.
  const name = (await row(page, 4).locator(".name").innerText()).split("\n").at(-1);
  await page.keyboard.press("Enter");
  await page.waitForURL(/#\/p\/1\/run\/1000004/);
  await page.getByText(name).first().waitFor();
  await page.keyboard.press("Alt+ArrowLeft");
  await row(page, 4).waitFor();
});

test("rename, tag and note stay after a refresh", async (t) => {
  const page = await runs(t);
  await row(page, 5).locator("[data-col='1']").click();
  await page.keyboard.press("F2");
  await page.keyboard.type("the good one");
  await page.keyboard.press("Enter");
  await row(page, 5).getByText("the good one").waitFor();
  await page.keyboard.press("t");
  await page.getByRole("dialog", { name: /Tags of/ }).getByLabel("New tag").fill("keep");
  await page.keyboard.press("Enter");
  await page.keyboard.press("Escape");
  await row(page, 5).getByText("keep").waitFor();
  await page.keyboard.press("n");
  await page.getByRole("dialog", { name: /Note on/ }).getByRole("textbox").fill("lower the rate");
  await page.keyboard.press("Control+Enter");
  await row(page, 5).getByText("Has a note").waitFor({ state: "attached" });
  await page.keyboard.press("Control+c");
  const copied = await page.waitForFunction(() => navigator.clipboard.readText().then((text) => text.includes("the good one") && text));
  assert.match(await copied.jsonValue(), /^\| Name \| State \|.*\n\| --- \| --- \| --: \|/);
});

test("columns are dragged, resized, fitted and chosen", async (t) => {
  const page = await runs(t, { width: 1900 });
  await page.keyboard.press("]");
  const titles = () => page.getByRole("columnheader").evaluateAll((cells) => cells.map((cell) => cell.textContent.trim()));
  const before = await titles();
  const from = await page.getByRole("columnheader").nth(5).boundingBox();
  const to = await page.getByRole("columnheader").nth(3).boundingBox();
  await page.mouse.move(from.x + from.width / 2, from.y + 10);
  await page.mouse.down();
  await page.mouse.move(from.x, from.y + 10, { steps: 3 });
  await page.mouse.move(to.x + 4, to.y + 10, { steps: 5 });
  await page.mouse.up();
  assert.deepEqual(await titles(), [...before.slice(0, 3), before[5], before[3], before[4], ...before.slice(6)]);
  const grip = page.locator(".grip").nth(1);
  const width = async () => (await page.getByRole("columnheader").nth(2).boundingBox()).width;
  const old = await width();
  const box = await grip.boundingBox();
  await page.mouse.move(box.x + 4, box.y + 10);
  await page.mouse.down();
  await page.mouse.move(box.x + 64, box.y + 10, { steps: 4 });
  await page.mouse.up();
  assert.equal(await width(), old + 60);
  await grip.dblclick();
  assert.ok((await width()) < old + 40);
  await page.keyboard.press("Shift+C");
  await page.getByLabel("Find a column").fill("dropout");
  await page.keyboard.press("Enter");
  await page.keyboard.press("Escape");
  assert.ok((await titles()).includes("dropout"));
});

test("the palette runs commands and finds runs", async (t) => {
  const page = await runs(t);
  await page.keyboard.press("Control+k");
  await page.keyboard.type("dark or");
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.documentElement.dataset.theme === "light");
  const name = await row(page, 6).locator(".name").innerText();
  await page.keyboard.press("Control+k");
  await page.keyboard.type(name);
  await page.getByRole("option", { name: new RegExp(name) }).first().click();
  await page.waitForURL(/#\/p\/1\/run\/1000006/);
});

test("a folder is opened by its path, and a wrong one says why", async (t) => {
  const page = await open(t, "", { query: "empty&live=0" });
  const field = page.getByLabel("Path of a folder");
  await field.fill("relative/path");
  await field.press("Enter");
  await page.getByText("is not a full path").waitFor();
  await field.fill("/data/new-project");
  await field.press("Enter");
  await page.waitForURL(/#\/p\/1\/runs/);
  await row(page, 0).waitFor();
});

test("a restart comes back to the same view, filter and all", async (t) => {
  const page = await runs(t);
  await page.keyboard.press("/");
  await page.keyboard.type('params.optimizer = "sgd"');
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => /of 240/.test(document.querySelector(".bar .count").textContent));
  const before = await count(page);
  await page.waitForTimeout(400);
  await page.goto("about:blank");
  await page.goto(`${site.url}?live=0`);
  await row(page, 0).waitFor();
  assert.match(page.url(), /#\/p\/1\/runs/);
  await page.waitForFunction((text) => document.querySelector(".bar .count").textContent.trim() === text.trim(), before);
});

test("100,000 runs: any jump is painted at once and scrolling keeps its elements", async (t) => {
  const page = await runs(t, { query: "live=0&runs=100000" });
  const result = await page.evaluate(async () => {
    const grid = document.querySelector("[role=grid]");
    const frame = () => new Promise((done) => requestAnimationFrame(done));
    const elements = new Set(document.querySelectorAll("[data-index]"));
    const times = [];
    for (let i = 0; i < 120; i++) {
      const start = performance.now();
      grid.scrollTop += 168;
      await frame();
      times.push(performance.now() - start);
    }
    const kept = [...document.querySelectorAll("[data-index]")].filter((element) => elements.has(element)).length;
    const jumps = [];
    for (const share of [0.5, 0.1, 0.9, 0.33, 0.77]) {
      const start = performance.now();
      grid.scrollTop = share * grid.scrollHeight;
      const wanted = Math.floor(grid.scrollTop / 28) + 3;
      while (!document.querySelector(`[data-index="${wanted}"] .name`)) await frame();
      jumps.push(performance.now() - start);
    }
    times.sort((a, b) => a - b);
    return { rows: grid.getAttribute("aria-rowcount"), kept, shown: document.querySelectorAll("[data-index]").length, frame50: times[60], frame95: times[114], jumps };
  });
  t.diagnostic(JSON.stringify(result));
  assert.equal(result.rows, "100001");
  assert.ok(result.kept >= result.shown - 8, "rows take turns in the same elements");
  assert.ok(result.shown < 60);
});

test("a token is stored where it is shown to be, and stays nowhere in the page", async (t) => {
  const page = await open(t, "#/settings?at=sign-in");
  await page.getByRole("button", { name: "Sign in to cluster…" }).click();
  await page.keyboard.type("s3cret-token");
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Forget the token at http://127.0.0.1:8265…" }).waitFor();
  const kept = await page.evaluate(() => [document.documentElement.outerHTML, ...[...document.querySelectorAll("input")].map((input) => input.value), ...Object.values(localStorage), ...Object.values(sessionStorage), location.href].join("\n"));
  assert.doesNotMatch(kept, /s3cret-token/);
  await page.getByRole("button", { name: "Sign in to cluster…" }).click();
  assert.equal(await page.getByLabel("Token", { exact: true }).and(page.locator("input")).inputValue(), "");
});

test("a project is forgotten by its name, and free pages go back", async (t) => {
  const page = await open(t, "#/settings");
  const table = page.getByRole("table", { name: "Projects" });
  // The button has the focus as who comes by the keyboard has it.
  await table.getByRole("button", { name: "Forget segmentation…" }).press("Enter");
  const forget = page.getByRole("button", { name: "Forget segmentation", exact: true });
  await page.getByText("12 names that you gave").waitFor();
  assert.ok(await forget.isDisabled(), "something is lost: its name is asked for");
  await page.getByLabel("Type segmentation to forget it").fill("Segmentation");
  assert.ok(await forget.isDisabled());
  await page.getByLabel("Type segmentation to forget it").fill("segmentation");
  await page.keyboard.press("Enter");
  await page.getByText("segmentation is forgotten.").waitFor();
  await table.getByText("segmentation", { exact: true }).waitFor({ state: "detached" });
  assert.ok(await table.getByRole("button", { name: "Forget churn…" }).isVisible());
  // Nothing is lost with a project that has nothing of the person's own: no name is typed.
  await table.getByRole("button", { name: "Forget old-thesis…" }).click();
  assert.ok(await page.getByRole("button", { name: "Forget old-thesis", exact: true }).isEnabled());
  await page.getByRole("button", { name: "Keep", exact: true }).click();
  await table.getByRole("button", { name: "Forget old-thesis…" }).waitFor();
  await page.getByRole("button", { name: "Compact", exact: true }).click();
  await page.getByText("There are none: nothing can be given back.").waitFor();
});

test("without a keychain the vault is made first; a wrong passphrase is said and cleared", async (t) => {
  const page = await open(t, "#/settings?at=sign-in", { query: "live=0&vault=missing" });
  await page.getByRole("button", { name: "Sign in to cluster…" }).click();
  await page.getByLabel("Passphrase").fill("four words of mine");
  await page.getByLabel("The same again").fill("four words");
  assert.ok(await page.getByRole("button", { name: "Make the vault" }).isDisabled());
  await page.getByLabel("The same again").fill("four words of mine");
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Save in the vault" }).waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Lock", exact: true }).click();
  await page.getByRole("button", { name: "Unlock…" }).click();
  await page.getByLabel("Passphrase").fill("wrong");
  await page.keyboard.press("Enter");
  await page.getByText("This is not the vault's passphrase.").waitFor();
  assert.equal(await page.getByLabel("Passphrase").inputValue(), "");
});

test("a registry that turns us away leads to the sign-in", async (t) => {
  const page = await open(t, "#/models", { query: "live=0&refused" });
  await page.getByRole("button", { name: "Sign in…" }).click();
  await page.waitForFunction(() => document.activeElement?.id === "sign-in");
  assert.match(page.url(), /#\/settings\?at=sign-in/);
});

test("what was typed into a plan outlives a press beside it, and Esc asks", async (t) => {
  const page = await open(t, "#/models?plan=0199aa");
  const reason = page.getByLabel("Why the gate metric is overridden");
  await reason.fill("agreed with the team");
  await page.mouse.click(200, 500);
  await page.keyboard.press("Escape");
  await page.getByText("What was typed here would be lost.").waitFor();
  await page.keyboard.press("Enter");
  assert.equal(await reason.inputValue(), "agreed with the team");
  assert.ok(await reason.evaluate((field) => field === document.activeElement), "the hand is where it was");
  await reason.fill("");
  await page.mouse.click(200, 500);
  await reason.waitFor({ state: "detached" });
  assert.doesNotMatch(page.url(), /plan=/);
});

test("a plan of another machine may say things twice, and shows what its steps do", async (t) => {
  const page = await open(t, "#/models?plan=0199cc");
  await page.getByText("Made by grace on another machine").waitFor();
  assert.equal(await page.getByText("it is not signed").count(), 2);
  await page.getByText("Does: Move production of churn from 1 to the new version").waitFor();
  await page.getByRole("button", { name: "Approve" }).click();
  await page.getByRole("button", { name: "Copy for grace" }).click();
  await page.getByText("Copied your approval.").waitFor();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), "signalbox-approval:1:AAAA");
  // Above the sheet, where it can be read and pressed.
  await page.getByRole("button", { name: "Dismiss" }).click();
  await page.getByText("Copied your approval.").waitFor({ state: "detached" });
});

test("a colleague's plan: what is wrong is said beside what was pasted, which stays", async (t) => {
  const page = await open(t, "#/models");
  await page.getByRole("button", { name: "A colleague's plan…" }).click();
  await page.keyboard.type("hello");
  await page.getByRole("button", { name: "Show it" }).click();
  await page.getByText("This is not a plan.").waitFor();
  const field = page.getByLabel("The plan, as it was sent to you");
  assert.equal(await field.inputValue(), "hello");
  await field.fill('{"plan": 1}');
  await page.getByRole("button", { name: "Show it" }).click();
  await page.getByRole("heading", { name: "Tidy up a little" }).waitFor();
});

test("plans: what was cut short comes first, and what was not begun is discarded", async (t) => {
  const page = await open(t, "#/models");
  const plans = page.getByRole("region", { name: "Open plans" }).getByRole("listitem");
  await plans.first().waitFor();
  assert.match(await plans.first().innerText(), /cut short/);
  assert.equal(await plans.count(), 3);
  await plans.nth(1).getByRole("button", { name: "Discard this plan" }).click();
  await page.waitForFunction(() => document.querySelectorAll("section li").length === 2);
});

test("what a policy names is allowed once it was read", async (t) => {
  const page = await open(t, "#/models", { query: "live=0&refused" });
  await page.getByText("/srv/models/registry.git").waitFor();
  await page.getByRole("button", { name: "Allow" }).click();
  await page.getByText("/srv/models/registry.git").waitFor({ state: "detached" });
});

test("a long audit: earlier, and back to the newest", async (t) => {
  const page = await open(t, "#/audit", { query: "live=0&audit=1200" });
  const first = page.locator("summary").first();
  await first.waitFor();
  assert.match(await first.innerText(), /^1,200/);
  await page.getByRole("button", { name: "Earlier" }).click();
  await page.waitForFunction(() => document.querySelector("summary").textContent.trim().startsWith("700"));
  assert.equal(await page.getByRole("region", { name: "Audit" }).evaluate((list) => list.scrollTop), 0);
  await page.getByRole("button", { name: "Newest" }).click();
  await page.waitForFunction(() => document.querySelector("summary").textContent.trim().startsWith("1,200"));
});

test("a vault that locked itself meanwhile is unlocked from the sign-in, which keeps the token till then", async (t) => {
  const page = await open(t, "#/settings?at=sign-in", { query: "live=0&vault=relocks" });
  await page.getByRole("button", { name: "Sign in to cluster…" }).click();
  await page.keyboard.type("s3cret-token");
  await page.keyboard.press("Enter");
  await page.getByText("The vault is locked.").waitFor();
  await page.getByRole("button", { name: "Unlock the vault…" }).last().click();
  await page.getByLabel("Passphrase").fill("four words of mine");
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Forget the token at http://127.0.0.1:8265…" }).waitFor();
  assert.doesNotMatch(await page.evaluate(() => document.documentElement.outerHTML), /s3cret-token/);
});

test("rules are proposed as a diff while they are written, and what is wrong is said at its field", async (t) => {
  const page = await open(t, "#/models", { width: 1024, height: 700 });
  await page.getByRole("button", { name: "Rules…" }).click();
  const alias = page.getByLabel("Alias", { exact: true });
  await alias.fill("best");
  await page.getByText('+alias = "best"').waitFor();
  await page.getByText('-alias = "champion"').waitFor();
  await page.getByRole("button", { name: "Copy diff" }).click();
  await page.getByText("Copied the diff").waitFor();
  assert.match(await page.evaluate(() => navigator.clipboard.readText()), /^--- a\/signalbox\.toml\n\+\+\+ b\/signalbox\.toml\n@@ /);
  await alias.fill("b est");
  await page.locator("#rule-alias[aria-invalid=true]").waitFor();
  assert.ok(await page.getByRole("button", { name: "Copy diff" }).isDisabled());
  await alias.fill("best");
  await page.getByRole("radio", { name: "Registries" }).click();
  await page.getByRole("button", { name: "New registry" }).click();
  await page.waitForFunction(() => document.activeElement?.id === "rule-name");
  await page.keyboard.type("images");
  await page.getByLabel("Kind").selectOption("oci");
  await page.getByText("Left out until the form is whole: images.").waitFor();
  // What was wrong before may stand there a moment longer.
  await page.locator(".foot").getByRole("button", { name: "Show where" }).click();
  await page.waitForFunction(() => document.activeElement?.id === "rule-url");
  await page.keyboard.type("https://images.example");
  await page.getByLabel("Repository").fill("models");
  await page.getByText("New to it: https://images.example.").waitFor();
  await page.getByText('+alias = "best"').waitFor();
  const [file] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Save as…" }).click()]);
  assert.equal(file.suggestedFilename(), "signalbox.patch");
  const sizes = () => page.evaluate(() => [".head", ".both", ".foot"].map((part) => document.querySelector(`dialog ${part}`).getBoundingClientRect().toJSON()));
  const before = await sizes();
  await page.getByRole("button", { name: "Start over" }).click();
  await page.getByText("Nothing changes yet.").waitFor();
  assert.deepEqual(await sizes(), before, "nothing moves");
  assert.ok(before.every((box) => box.right <= 1024 && box.bottom <= 700));
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
});

test("rules that another changes meanwhile are proposed anew, with what was written here kept", async (t) => {
  const page = await open(t, "#/models?rules=1&rule=models/churn");
  await page.getByLabel("Alias", { exact: true }).fill("best");
  await page.getByText('+alias = "best"').waitFor();
  await page.evaluate(() => window.mockPolicy(1, { change: "set_model", name: "churn", rules: { registry: "own", target: "here", service: null, alias: "champion", alias_first: false, shares: [5], bake: null, health: null, keep_old: false, gates: { metric: null, max_bytes: null, latency: null, signature: true, approvals: null } } }));
  await page.evaluate(() => window.dispatchEvent(new Event("focus")));
  await page.getByText("signalbox.toml was changed meanwhile").waitFor();
  assert.equal(await page.getByLabel("Shares of traffic on the way").inputValue(), "5");
  assert.equal(await page.getByLabel("Alias", { exact: true }).inputValue(), "best");
  await page.getByText("1 added, 1 removed").waitFor();
});

test("a project without rules starts a file; the plan's gates lead to the rules, the palette too", async (t) => {
  const page = await open(t, "#/models?rules=2");
  await page.getByRole("button", { name: "Start a file" }).click();
  await page.getByText('+kind = "embedded"').waitFor();
  await page.getByText("--- /dev/null").waitFor();
  await page.keyboard.press("Escape");
  await page.goto(`${site.url}?live=0#/models?plan=0199aa`);
  await page.getByRole("button", { name: "Change the rules…" }).click();
  await page.getByRole("dialog", { name: "Team rules" }).waitFor();
  assert.equal(await page.getByLabel("Which model").inputValue(), "models/churn");
  await page.keyboard.press("Escape");
  await page.getByRole("dialog", { name: /Promote churn/ }).waitFor();
  await page.keyboard.press("Escape");
  await page.keyboard.press("Control+k");
  await page.keyboard.type("team rules");
  await page.keyboard.press("Enter");
  await page.getByRole("dialog", { name: "Team rules" }).waitFor();
});

test("a monitor's window goes by keys and by the pointer, into the address, and the columns with it", async (t) => {
  const page = await open(t, "#/data?in=1&monitor=inference&segment=white");
  const window = page.getByRole("slider", { name: "Window of time" });
  await window.waitFor();
  await page.getByText(/columns drifted: color_intensity/).waitFor();
  const before = await window.getAttribute("aria-valuetext");
  await window.focus();
  await page.keyboard.press("Home");
  assert.notEqual(await window.getAttribute("aria-valuetext"), before);
  assert.match(page.url(), /from=\d+&till=\d+/);
  // In the first week nothing had moved yet.
  await page.getByText("No column has drifted").waitFor();
  await page.reload();
  await page.getByText("No column has drifted").waitFor();
  const strip = await page.locator(".strip").boundingBox();
  await page.mouse.move(strip.x + strip.width * 0.8, strip.y + 20);
  await page.mouse.down();
  await page.mouse.move(strip.x + strip.width - 2, strip.y + 20, { steps: 5 });
  await page.mouse.up();
  await page.getByText(/columns drifted: color_intensity/).waitFor();
});

test("the heat map's columns and buckets are stepped through by keys, and a cell says itself", async (t) => {
  const page = await open(t, "#/data?in=1&monitor=inference&segment=white");
  const list = page.getByRole("listbox", { name: "Columns, the strongest first" });
  await list.getByRole("option").first().waitFor();
  await list.focus();
  await page.keyboard.press("j");
  assert.match(page.url(), /column=hue/);
  await page.keyboard.press("ArrowLeft");
  const card = page.locator(".card[role=status]");
  await card.waitFor();
  assert.match(await card.innerText(), /UTC[\s\S]*Corrected p[\s\S]*Rows/);
});

test("5,000 columns make no more rows than fit", async (t) => {
  const page = await open(t, "#/data?in=1&monitor=inference", { query: "live=0&columns=5000" });
  const options = page.getByRole("listbox").getByRole("option");
  await options.first().waitFor();
  assert.ok((await options.count()) < 60);
  await page.getByRole("listbox").focus();
  await page.keyboard.press("End");
  await page.waitForFunction(() => document.querySelector("[role=option][aria-selected=true]")?.id === "heat-4999");
});

test("a monitor is made from what is suggested, acknowledged, and forgotten after a question", async (t) => {
  const page = await open(t, "#/data");
  await page.getByRole("button", { name: "Watch", exact: true }).click();
  await page.getByRole("article", { name: "Monitor wine-served" }).waitFor();
  await page.getByRole("button", { name: "Acknowledge" }).click();
  await page.getByText(/hue since 11 Nov\. Acknowledged\./).waitFor();
  await page.getByRole("button", { name: "More about wine-served" }).click();
  await page.getByRole("menuitem", { name: "Change…" }).click();
  await page.getByRole("button", { name: "Forget…" }).click();
  await page.getByRole("button", { name: "Forget it" }).click();
  await page.waitForFunction(() => !document.querySelector("[aria-label='Monitor wine-served']"));
});
