// `signalbox serve` on a free loopback port, with a home of its own, and its commands over HTTP.
import { cli, demo, ownHome, temporaryFolder } from "./places.mjs";
import { kill, lineOf, start, stop } from "./processes.mjs";

export async function serve({ folders = [], home = temporaryFolder("home"), env = {} } = {}) {
  const child = start(cli, ["serve", "--port", "0", ...folders], { env: { ...ownHome(home), SIGNALBOX_DEMO: demo, ...env } });
  const [address] = await lineOf(child, /http:\/\/127\.0\.0\.1:\d+\/\?token=\w+/);
  const url = new URL(address);
  const token = url.searchParams.get("token");
  const ask = async (path, body) => {
    const response = await fetch(new URL(path, url.origin), {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
      body: JSON.stringify(body ?? {}),
    });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return response;
  };
  return {
    child,
    home,
    address,
    origin: url.origin,
    token,
    call: async (name, args) => (await ask(`/api/call/${name}`, args)).json(),
    frame: async (args) => Buffer.from(await (await ask("/api/frame", args)).arrayBuffer()),
    stop: () => stop(child),
    kill: () => kill(child),
  };
}

/** A frame's series: run, x, y (the contract's binary layout). */
export function readFrame(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.toString("latin1", 0, 4) !== "SBF1") throw new Error("not a frame");
  const nSeries = view.getUint32(8, true);
  const series = [];
  let at = 32;
  for (let i = 0; i < nSeries; i++) {
    const [run, n, nRaw, nMarks, totalLo, totalHi] = [0, 4, 8, 12, 16, 20].map((o) => view.getUint32(at + o, true));
    at += 32;
    const column = (length) => {
      const values = Array.from({ length }, (_, k) => view.getFloat64(at + 8 * k, true));
      at += 8 * length;
      return values;
    };
    series.push({ run, total: totalLo + totalHi * 2 ** 32, x: column(n), y: column(n), rawX: column(nRaw), rawY: column(nRaw), markX: column(nMarks), markKind: column(nMarks) });
  }
  return series;
}
