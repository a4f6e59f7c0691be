// The WebDriver commands that the window tests use, over plain fetch (W3C WebDriver; WebKitWebDriver answers).
const ELEMENT = "element-6066-11e4-a52e-4f735466cecf";

export class DriverError extends Error {
  constructor(kind, message) {
    super(`${kind}: ${message}`);
    this.kind = kind;
  }
}

export class Session {
  #base;

  constructor(base) {
    this.#base = base;
  }

  static async open(driverUrl, { binary, args = [] }) {
    const options = { "webkitgtk:browserOptions": { binary, args } };
    const { sessionId } = await send("POST", `${driverUrl}/session`, { capabilities: { alwaysMatch: options } });
    const session = new Session(`${driverUrl}/session/${sessionId}`);
    await session.post("/timeouts", { script: 30_000, pageLoad: 30_000, implicit: 0 });
    return session;
  }

  get = (path) => send("GET", this.#base + path);
  post = (path, body = {}) => send("POST", this.#base + path, body);
  close = () => send("DELETE", this.#base);

  url = () => this.get("/url");
  title = () => this.get("/title");
  go = (url) => this.post("/url", { url });
  reload = () => this.post("/refresh");
  screenshot = async () => Buffer.from(await this.get("/screenshot"), "base64");
  handles = () => this.get("/window/handles");
  resize = (width, height) => this.post("/window/rect", { width, height });

  /** Runs a function in the page; arguments and result cross as JSON. */
  run(script, ...args) {
    return this.post("/execute/sync", { script: `return (${script}).apply(null, arguments)`, args });
  }

  /** The same for a function that returns a promise. A rejection comes back as an error. */
  async runAsync(script, ...args) {
    const wrapped = `const done = arguments[arguments.length - 1]; const args = Array.from(arguments).slice(0, -1);
      Promise.resolve().then(() => (${script}).apply(null, args)).then((value) => done({ value }), (e) => done({ error: e && typeof e === "object" ? (e.message ?? JSON.stringify(e)) : String(e) }))`;
    const answer = await this.post("/execute/async", { script: wrapped, args });
    if ("error" in answer) throw new Error(answer.error);
    return answer.value;
  }

  async click(element) {
    await this.post(`/element/${element[ELEMENT]}/click`);
  }

  /** Types as a keyboard would, into whatever has the focus. */
  async type(text) {
    const actions = [...text].flatMap((value) => [{ type: "keyDown", value }, { type: "keyUp", value }]);
    await this.post("/actions", { actions: [{ type: "key", id: "keys", actions }] });
  }

  /** Presses a chord: `press(KEY.control, "k")`. */
  async press(...keys) {
    const down = keys.map((value) => ({ type: "keyDown", value }));
    const up = keys.toReversed().map((value) => ({ type: "keyUp", value }));
    await this.post("/actions", { actions: [{ type: "key", id: "keys", actions: [...down, ...up] }] });
  }

  /** Presses the pointer at one place of the viewport and lets it go at another. */
  async drag(from, to) {
    const move = (point, duration) => ({ type: "pointerMove", origin: "viewport", x: Math.round(point.x), y: Math.round(point.y), duration });
    const middle = { x: (from.x + to.x) / 2, y: (from.y + to.y) / 2 };
    const actions = [move(from, 0), { type: "pointerDown", button: 0 }, move(middle, 60), move(to, 60), { type: "pointerUp", button: 0 }];
    await this.post("/actions", { actions: [{ type: "pointer", id: "mouse", parameters: { pointerType: "mouse" }, actions }] });
  }

  async doubleClick(point) {
    const at = { type: "pointerMove", origin: "viewport", x: Math.round(point.x), y: Math.round(point.y), duration: 0 };
    const press = [{ type: "pointerDown", button: 0 }, { type: "pointerUp", button: 0 }];
    await this.post("/actions", { actions: [{ type: "pointer", id: "mouse", parameters: { pointerType: "mouse" }, actions: [at, ...press, ...press] }] });
  }
}

/** WebDriver's code points for keys without a letter. */
export const KEY = { control: "\uE009", shift: "\uE008", alt: "\uE00A", enter: "\uE007", escape: "\uE00C", tab: "\uE004", down: "\uE015", up: "\uE013", left: "\uE012", right: "\uE014", space: " ", delete: "\uE017", backspace: "\uE003" };

async function send(method, url, body) {
  const response = await fetch(url, { method, body: body === undefined ? undefined : JSON.stringify(body), headers: { "content-type": "application/json" } });
  const { value } = await response.json();
  if (!response.ok) throw new DriverError(value?.error ?? response.status, value?.message ?? "");
  return value;
}
