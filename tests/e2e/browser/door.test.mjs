// What `signalbox serve` lets in, asked over real sockets.
import assert from "node:assert/strict";
import http from "node:http";
import { after, before, test } from "node:test";
import { serve } from "../support/serve.mjs";

let server;
before(async () => (server = await serve()));
after(() => server?.stop());

/** A request with the headers just as given (fetch would not let Host through). */
function ask(path, headers = {}, method = "GET", body) {
  const { port } = new URL(server.origin);
  return new Promise((resolve, reject) => {
    const request = http.request({ host: "127.0.0.1", port, path, method, headers, setHost: !("host" in headers) }, (response) => {
      let text = "";
      response.on("data", (chunk) => (text += chunk)).on("end", () => resolve({ status: response.statusCode, headers: response.headers, text }));
    });
    request.on("error", reject).end(body);
  });
}

const bearer = () => ({ authorization: `Bearer ${server.token}`, "content-type": "application/json" });

test("without the token nothing is told", async () => {
  for (const path of ["/", "/index.html", "/api/call/projects", "/api/events", "/?token=0", `/?token=${server.token.slice(0, -1)}`]) {
    const answer = await ask(path, {}, path.startsWith("/api/call") ? "POST" : "GET");
    assert.equal(answer.status, 401, path);
    assert.doesNotMatch(answer.text, /<html|projects/i);
  }
});

test("the token opens the page, and leaves the address bar", async () => {
  const answer = await ask(`/?token=${server.token}`);
  assert.equal(answer.status, 303);
  assert.equal(answer.headers.location, "/");
  const [cookie] = answer.headers["set-cookie"];
  assert.match(cookie, /HttpOnly/);
  assert.match(cookie, /SameSite=Strict/);
  const page = await ask("/", { cookie: cookie.split(";")[0] });
  assert.equal(page.status, 200);
  assert.match(page.headers["content-security-policy"], /default-src 'none'/);
  assert.doesNotMatch(page.headers["content-security-policy"], /script-src[^;]*unsafe/);
});

test("another Host or Origin is refused, token or not", async () => {
  for (const headers of [{ host: "evil.example" }, { host: `evil.example:${new URL(server.origin).port}` }, { origin: "http://evil.example" }, { origin: "null" }, { origin: "http://127.0.0.1:1" }]) {
    const answer = await ask("/api/call/projects", { ...bearer(), ...headers }, "POST", "{}");
    assert.equal(answer.status, 403, JSON.stringify(headers));
  }
  assert.equal((await ask("/api/call/projects", bearer(), "POST", "{}")).status, 200);
});

test("no path of the request leads to a file", async () => {
  for (const path of ["/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/assets/../../../etc/passwd", "//etc/passwd"]) {
    const answer = await ask(path, bearer());
    assert.notEqual(answer.status, 200, path);
    assert.doesNotMatch(answer.text, /root:/);
  }
});

test("an artifact outside of its run is refused", async () => {
  const project = await server.call("open_demo", {});
  let runs = [];
  for (let i = 0; i < 200 && runs.length < 1; i++) {
    runs = (await server.call("table_ids", { project: project.id, filter: "attributes.name = 'final'", sort: [], show_deleted: false, show_hidden: true, limit: 5 })).ids;
    if (!runs.length) await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.ok(runs.length);
  for (const path of ["../../../../../../etc/passwd", "/etc/passwd", "..", "plots/../../../meta.yaml"]) {
    const answer = await ask("/api/blob/artifact", bearer(), "POST", JSON.stringify({ run: runs[0], path, max_bytes: 1000 }));
    assert.notEqual(answer.status, 200, path);
    assert.doesNotMatch(answer.text, /root:|artifact_uri/);
  }
});

test("it listens on loopback only", async () => {
  const { networkInterfaces } = await import("node:os");
  const others = Object.values(networkInterfaces()).flat().filter((one) => !one.internal && one.family === "IPv4");
  for (const { address } of others) {
    await assert.rejects(fetch(`http://${address}:${new URL(server.origin).port}/`, { signal: AbortSignal.timeout(2000) }));
  }
});
