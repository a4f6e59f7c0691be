// Stands before a real server and writes down every request that goes through: when, what for, and how long it took.
import http from "node:http";

/** Long digests and ids are told apart by nobody who reads a table. */
const plain = (url) => url.split("?")[0].replace(/[0-9a-f]{12,}/g, "{digest}");

/** `to` is a port on loopback. `calls` grows; `url` is where to ask instead. */
export async function countingProxy(to) {
  const calls = [];
  const server = http.createServer((asked, answer) => {
    const call = { at: performance.now(), what: `${asked.method} ${plain(asked.url)}`, ms: null };
    calls.push(call);
    const onward = http.request({ host: "127.0.0.1", port: to, method: asked.method, path: asked.url, headers: asked.headers, agent: false });
    onward.on("response", (got) => {
      answer.writeHead(got.statusCode, got.headers);
      got.on("end", () => (call.ms = performance.now() - call.at)).pipe(answer);
    });
    // Whoever asked sees a broken connection, as without us.
    onward.on("error", () => answer.destroy());
    asked.on("error", () => onward.destroy());
    asked.pipe(onward);
  });
  await new Promise((resolve, reject) => server.on("error", reject).listen(0, "127.0.0.1", resolve));
  const close = () => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  };
  return { calls, url: `http://127.0.0.1:${server.address().port}`, close };
}
