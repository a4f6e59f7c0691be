// What a person sees in the real window: elements by role and name, the runs table, the charts.
import fs from "node:fs";
import { fromUi } from "./places.mjs";
import { until } from "./processes.mjs";
import { KEY } from "./webdriver.mjs";

/** In the page: visible elements of a role whose accessible name is `name` (or matches /name/ when given slashes). */
function byRole(role, name) {
  const implicit = { button: "button", link: "a[href]", heading: "h1,h2,h3", textbox: "input[type=text],input:not([type]),textarea", slider: "input[type=range]", radio: "input[type=radio]", dialog: "dialog" };
  const nameOf = (node) => {
    const by = node.getAttribute("aria-labelledby");
    return (node.getAttribute("aria-label") ?? (by ? document.getElementById(by)?.textContent : null) ?? node.textContent ?? "").replace(/\s+/g, " ").trim();
  };
  const wanted = /^\/.*\/$/.test(name ?? "") ? new RegExp(name.slice(1, -1)) : null;
  return [...document.querySelectorAll(`[role="${role}"]${implicit[role] ? `,${implicit[role]}` : ""}`)].filter((node) => {
    if ((node.getAttribute("role") ?? role) !== role || !node.checkVisibility()) return false;
    return name === null || (wanted ? wanted.test(nameOf(node)) : nameOf(node) === name);
  })[0] ?? null;
}

export class Screen {
  constructor(session) {
    this.session = session;
  }

  find = (role, name = null, ms = 45_000) => until(`${role} ${name ?? ""}`, () => this.session.run(byRole, role, name), { ms });
  has = (role, name = null) => this.session.run(byRole, role, name).then(Boolean);

  async click(role, name) {
    await this.session.click(await this.find(role, name));
  }

  async type(role, name, text) {
    await this.click(role, name);
    await this.session.press(KEY.control, "a");
    await this.session.type(text === "" ? KEY.delete : text);
  }

  /** Types a filter, waits until it is in the address, and leaves the box for the table. */
  async filter(text) {
    await this.type("combobox", "Filter runs", text);
    await until(`the filter ${text} is applied`, async () => (new URLSearchParams((await this.hash()).split("?")[1] ?? "").get("filter") ?? "") === text);
    await this.session.run(() => document.querySelector('[role="grid"][aria-label="Runs"]').focus());
  }

  hash = () => this.session.run(() => location.hash);
  nRuns = () => this.session.run(() => Number(document.querySelector('[role="grid"][aria-label="Runs"]')?.getAttribute("aria-rowcount") ?? 0) - 1);

  /** The visible rows, as the texts of their cells by column title. */
  rows = () => this.session.run(() => {
    const grid = document.querySelector('[role="grid"][aria-label="Runs"]');
    if (!grid) return [];
    const titles = [...grid.querySelectorAll('[role="columnheader"]')].slice(1).map((node) => node.textContent.replace(/\s+/g, " ").trim());
    return [...grid.querySelectorAll('[role="row"][data-index]')].map((row) => ({
      index: Number(row.dataset.index),
      name: row.querySelector(".name")?.textContent ?? "",
      cells: Object.fromEntries([...row.querySelectorAll('[role="gridcell"]')].slice(1).map((cell, i) => [titles[i], cell.textContent.replace(/\s+/g, " ").trim()])),
      text: row.textContent.replace(/\s+/g, " "),
    })).sort((a, b) => a.index - b.index);
  });

  row = async (name) => (await this.rows()).find((row) => row.name === name);

  /** What a chart says of itself, where it lies, and how much of it is coloured. */
  chart = (metric) => this.session.run((wanted) => {
    const node = document.querySelector(`[data-metric="${wanted}"] [aria-roledescription="chart"]`);
    if (!node) return null;
    const { x, y, width, height } = node.getBoundingClientRect();
    const label = node.getAttribute("aria-label");
    let ink = 0;
    for (const canvas of node.querySelectorAll("canvas")) {
      if (!canvas.width) continue;
      const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      for (let i = 0; i < data.length; i += 4) if (data[i + 3] > 0 && Math.max(data[i], data[i + 1], data[i + 2]) - Math.min(data[i], data[i + 1], data[i + 2]) > 40) ink++;
    }
    const last = label.match(/ to ([\d.,kM]+)(?:, log.*)?$/)?.[1];
    const scale = { k: 1e3, M: 1e6 }[last?.slice(-1)] ?? 1;
    return { label, x, y, width, height, ink, last: last ? Number(last.replace(/[kM,]/g, "")) * scale : null };
  }, metric);

  drawn = (metric, ms = 45_000) => until(`${metric} is drawn`, async () => {
    const chart = await this.chart(metric);
    return chart && chart.last !== null && chart.ink > 100 ? chart : null;
  }, { ms });

  /** axe's verdict, WCAG 2 A and AA, on what is shown now. */
  async axe() {
    await this.session.run(new Function(fs.readFileSync(fromUi.resolve("axe-core/axe.min.js"), "utf8")));
    const violations = await this.session.runAsync(async () => {
      const found = await globalThis.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"] });
      return found.violations.map((v) => `${v.id}: ${v.nodes.slice(0, 3).map((node) => node.html.slice(0, 160)).join(" | ")}`);
    });
    return violations;
  }
}
