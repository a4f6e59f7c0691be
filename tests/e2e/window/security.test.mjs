// What the page may not do, tried in the real window (WebDriver's scripts run in the page, with its rights).
import assert from "node:assert/strict";
import http from "node:http";
import { after, before, describe, test } from "node:test";
import { demo } from "../support/places.mjs";
import { pause, until } from "../support/processes.mjs";
import { Screen } from "../support/screen.mjs";
import { closeDisplay, openWindow } from "../support/window.mjs";

let window;
let session;
let screen;
let outside;
const visits = [];

/** A command as a page's script would send it. */
const invoke = (command, args = {}) => session.runAsync((name, sent) => window.__TAURI_INTERNALS__.invoke(name, sent), command, args);

describe("the hardened window", { concurrency: false }, () => {
  before(async () => {
    outside = http.createServer((request, response) => {
      visits.push(request.url);
      response.setHeader("access-control-allow-origin", "*").end("<script>document.title='outside'</script>");
    });
    await new Promise((resolve) => outside.listen(0, "127.0.0.1", resolve));
    window = await openWindow({ args: [demo] });
    ({ session } = window);
    screen = new Screen(session);
    await until("the demo is shown", async () => (await screen.nRuns()) > 10);
  });
  after(async () => {
    await window?.close();
    await closeDisplay();
    outside.close();
  });

  const address = () => `http://127.0.0.1:${outside.address().port}`;
  const still = async () => {
    await pause(400);
    assert.match(await session.url(), /^tauri:\/\/localhost\//);
    assert.ok((await screen.nRuns()) > 10, "the table is still there");
    assert.deepEqual(visits, []);
  };

  test("its own commands work from here, so what fails below fails for its reason", async () => {
    const projects = await invoke("call", { name: "projects", args: {} });
    assert.equal(projects.length, 1);
  });

  test("fetch, XMLHttpRequest, WebSocket and EventSource reach no other host", async () => {
    await assert.rejects(session.runAsync((url) => fetch(url).then((r) => r.status), address()));
    await assert.rejects(session.runAsync((url) => fetch(url, { mode: "no-cors" }).then((r) => r.type), address()));
    const others = await session.runAsync((url) => Promise.all([
      new Promise((resolve) => {
        const request = new XMLHttpRequest();
        request.onload = () => resolve("loaded");
        request.onerror = () => resolve("refused");
        request.open("GET", url);
        request.send();
      }),
      new Promise((resolve) => {
        try {
          const socket = new WebSocket(url.replace("http", "ws"));
          socket.onopen = () => resolve("open");
          socket.onerror = () => resolve("refused");
        } catch {
          resolve("refused");
        }
      }),
      new Promise((resolve) => {
        try {
          const source = new EventSource(url);
          source.onopen = () => resolve("open");
          source.onerror = () => resolve("refused");
        } catch {
          resolve("refused");
        }
      }),
      // Its answer says only that it was queued; the visits tell whether it went.
      Promise.resolve().then(() => navigator.sendBeacon(url, "x")).catch(() => false),
    ]), address());
    assert.deepEqual(others.slice(0, 3), ["refused", "refused", "refused"]);
    await still();
  });

  test("images, frames, styles and scripts of other hosts are not loaded", async () => {
    await session.run((url) => {
      for (const [tag, attribute] of [["img", "src"], ["iframe", "src"], ["script", "src"], ["link", "href"], ["object", "data"], ["video", "src"]]) {
        const node = document.createElement(tag);
        if (tag === "link") node.rel = "stylesheet";
        node[attribute] = `${url}/${tag}`;
        document.body.append(node);
      }
    }, address());
    await still();
  });

  test("eval and new Function are refused", async () => {
    assert.equal(await session.run(() => {
      try {
        return (0, eval)("1 + 1");
      } catch (error) {
        return error.name;
      }
    }), "EvalError");
    assert.equal(await session.run(() => {
      try {
        return new Function("return 2")();
      } catch (error) {
        return error.name;
      }
    }), "EvalError");
  });

  test("an inline script and an inline handler do not run", async () => {
    await session.run(() => {
      const script = document.createElement("script");
      script.textContent = "globalThis.__ran = 'script'";
      document.body.append(script);
      const button = document.createElement("button");
      button.setAttribute("onclick", "globalThis.__ran = 'handler'");
      document.body.append(button);
      button.click();
      button.remove();
    });
    await pause(200);
    assert.equal(await session.run(() => globalThis.__ran ?? null), null);
  });

  test("the window is not led away, and no other window opens", async () => {
    await session.run((url) => void (location.href = url), address());
    await still();
    await session.run((url) => {
      const link = document.createElement("a");
      link.href = url;
      link.target = "_blank";
      document.body.append(link);
      link.click();
      link.remove();
    }, address());
    await session.run((url) => void globalThis.open(url), address());
    await session.run(() => void (location.href = "file:///etc/passwd"));
    await session.run(() => void (location.href = "data:text/html,<h1>x"));
    await still();
    assert.equal((await session.handles()).length, 1);
    await session.run((url) => {
      const form = document.createElement("form");
      form.action = url;
      form.method = "post";
      document.body.append(form);
      form.submit();
      form.remove();
    }, address());
    await still();
  });

  test("commands of plugins and of Tauri itself are refused", async () => {
    const tries = [
      ["plugin:dialog|open", { options: {} }],
      ["plugin:dialog|save", { options: {} }],
      ["plugin:dialog|message", { message: "x" }],
      ["plugin:window-state|save_window_state", { flags: 1 }],
      ["plugin:fs|read_text_file", { path: "/etc/passwd" }],
      ["plugin:shell|execute", { program: "id", args: [] }],
      ["plugin:opener|open_url", { url: "http://127.0.0.1" }],
      ["plugin:http|fetch", { clientConfig: { url: "http://127.0.0.1" } }],
      ["plugin:webview|create_webview_window", { options: { label: "second", url: "index.html" } }],
      ["plugin:window|create", { options: { label: "second" } }],
      ["plugin:window|close", { label: "main" }],
      ["plugin:event|emit", { event: "x", payload: null }],
      ["plugin:event|listen", { event: "x", target: { kind: "Any" }, handler: 1 }],
      ["plugin:path|resolve_directory", { directory: 1 }],
      ["plugin:app|version", {}],
      ["plugin:resources|close", { rid: 0 }],
      ["plugin:menu|new", {}],
      ["plugin:tray|new", {}],
      ["plugin:image|from_path", { path: "/etc/passwd" }],
    ];
    for (const [command, args] of tries) {
      await assert.rejects(invoke(command, args), /not allowed|not found|denied/i, command);
    }
    assert.equal((await session.handles()).length, 1);
  });

  test("a command that is not on the list is an answer, not a fault", async () => {
    await assert.rejects(invoke("call", { name: "read_file", args: { path: "/etc/passwd" } }), /no command/);
    await assert.rejects(invoke("nothing"));
    await assert.rejects(invoke("call", { name: "table", args: { project: -1 } }));
    assert.equal((await invoke("call", { name: "projects", args: {} })).length, 1);
  });

  test("artifacts do not lead out of their run", async () => {
    const [{ id }] = await invoke("call", { name: "projects", args: {} });
    const { ids } = await invoke("call", { name: "table_ids", args: { project: id, filter: "attributes.name = 'gbr-lr0.02-d2'", sort: [], show_deleted: false, show_hidden: true, limit: 1 } });
    const entries = await invoke("call", { name: "artifacts", args: { run: ids[0], path: "" } });
    assert.ok(entries.some((entry) => entry.name === "report.json"));
    for (const path of ["/etc/passwd", "../../../../../../../../etc/passwd", "plots/../../..", "..", "report.json/../../../mlflow.db"]) {
      await assert.rejects(invoke("blob", { name: "artifact", args: { run: ids[0], path, max_bytes: 100 } }), undefined, path);
      await assert.rejects(invoke("call", { name: "artifacts", args: { run: ids[0], path } }), undefined, path);
    }
  });

  test("no file of the machine is reachable by a scheme", async () => {
    for (const url of ["file:///etc/passwd", "asset://localhost/etc/passwd", "tauri://localhost/../../../../etc/passwd", "tauri://localhost/%2e%2e/%2e%2e/etc/passwd"]) {
      const text = await session.runAsync((at) => fetch(at).then((r) => r.text()).catch(() => ""), url).catch(() => "");
      assert.doesNotMatch(text, /root:/, url);
    }
  });

  test("there is no __TAURI__ global, and the policy is strict", async () => {
    assert.equal(await session.run(() => typeof globalThis.__TAURI__), "undefined");
    assert.equal(await session.run(() => typeof globalThis.isTauri === "undefined" || globalThis.isTauri === true), true);
    const policy = await session.runAsync(() => fetch(location.href.split("#")[0]).then((r) => r.headers.get("content-security-policy")).catch(() => null)).catch(() => null);
    const meta = await session.run(() => document.querySelector('meta[http-equiv="Content-Security-Policy"]')?.content ?? null);
    const text = policy ?? meta;
    if (text) assert.doesNotMatch(text, /script-src[^;]*unsafe/);
  });
});
