// The real model servers that the bench of promotions goes to, each with an empty repository.
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import net from "node:net";
import path from "node:path";
import { temporaryFolder } from "../tests/e2e/support/places.mjs";
import { start, stop, until } from "../tests/e2e/support/processes.mjs";
import { countingProxy } from "./counting_proxy.mjs";

export async function freePorts(n) {
  const open = await Promise.all(Array.from({ length: n }, () => new Promise((resolve) => {
    const server = net.createServer().listen(0, "127.0.0.1", () => resolve(server));
  })));
  const ports = open.map((server) => server.address().port);
  await Promise.all(open.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

const answers = (url) => async () => (await fetch(url)).ok;

/** Waits for it; what it said is in the error if it ends instead. */
async function ready(child, name, url) {
  await until(`${name} answers`, async () => child.isOver || (await answers(url)()), { ms: 180_000, every: 100 });
  if (child.isOver) throw new Error(`${name} ended:\n${child.lines.slice(-20).join("\n")}`);
}

/** `policy` is the target's part of signalbox.toml. */
async function behindProxies(child, fields, ports) {
  const proxies = await Promise.all(Object.values(ports).map((port) => countingProxy(port)));
  const urls = Object.keys(ports).map((name, i) => `${name} = "${proxies[i].url}"`);
  return {
    policy: [...fields, ...urls].join("\n"),
    calls: () => proxies.flatMap((proxy) => proxy.calls),
    async close() {
      await Promise.all(proxies.map((proxy) => proxy.close()));
      await stop(child);
    },
  };
}

export async function mlserver(python) {
  const repository = temporaryFolder("mlserver");
  const [http, grpc, metrics] = await freePorts(3);
  const settings = { host: "127.0.0.1", http_port: http, grpc_port: grpc, metrics_port: metrics, parallel_workers: 0 };
  fs.writeFileSync(path.join(repository, "settings.json"), JSON.stringify(settings));
  const child = start(path.join(path.dirname(python), "mlserver"), ["start", "."], { cwd: repository, env: { MLFLOW_DISABLE_TELEMETRY: "true" } });
  await ready(child, "MLServer", `http://127.0.0.1:${http}/v2/health/ready`);
  return behindProxies(child, ['kind = "v2"', `repository = "${repository}"`], { url: http, metrics });
}

export async function triton(python) {
  const repository = temporaryFolder("triton");
  const [http, grpc, metrics] = await freePorts(3);
  const told = "import sysconfig, sys; v = sys.version_info; print(sysconfig.get_config_var('LIBDIR')); print(sysconfig.get_path('purelib')); print(f'{v.major}.{v.minor}')";
  const [lib, site, version] = execFileSync(python, ["-c", told], { encoding: "utf8" }).trim().split("\n");
  const home = path.join(site, "pytriton/tritonserver");
  const stub = path.join(home, "backends/python/triton_python_backend_stub");
  // As nvidia-pytriton does when it starts the server itself: the stub must be this Python's.
  if (!fs.existsSync(stub)) {
    const coming = `${stub}.${process.pid}`;
    fs.copyFileSync(path.join(home, `python_backend_stubs/${version}/triton_python_backend_stub`), coming);
    fs.renameSync(coming, stub);
  }
  const flags = [
    `--model-repository=${repository}`, `--backend-directory=${home}/backends`, `--cache-directory=${home}/caches`,
    "--model-control-mode=explicit", "--disable-auto-complete-config",
    "--http-address=127.0.0.1", "--grpc-address=127.0.0.1", "--metrics-address=127.0.0.1",
    `--http-port=${http}`, `--grpc-port=${grpc}`, `--metrics-port=${metrics}`,
  ];
  const env = { LD_LIBRARY_PATH: lib, PYTHONPATH: site, PATH: `${path.dirname(python)}:${process.env.PATH}`, MLFLOW_DISABLE_TELEMETRY: "true" };
  const child = start(path.join(home, "bin/tritonserver"), flags, { env });
  await ready(child, "Triton", `http://127.0.0.1:${http}/v2/health/ready`);
  return behindProxies(child, ['kind = "v2"', `repository = "${repository}"`], { url: http });
}

/** `mlflow models serve`, started as one does by hand: the time until it answers. */
export async function served(python, model) {
  const [port] = await freePorts(1);
  const began = performance.now();
  const flags = ["-m", "mlflow", "models", "serve", "-m", model, "--env-manager", "local", "-h", "127.0.0.1", "-p", port, "--workers", "1"];
  // MLflow starts uvicorn by its name.
  const env = { PATH: `${path.dirname(python)}:${process.env.PATH}`, MLFLOW_DISABLE_TELEMETRY: "true" };
  const child = start(python, flags.map(String), { env });
  await until("it answers", async () => child.isOver || (await answers(`http://127.0.0.1:${port}/ping`)()), { ms: 180_000, every: 20 });
  if (child.isOver) throw new Error(`mlflow models serve ended:\n${child.lines.slice(-20).join("\n")}`);
  const ms = performance.now() - began;
  await stop(child);
  return ms;
}

/** Only in a network namespace of its own: Ray listens on all addresses, at ports that are always the same. */
export async function ray(python) {
  // Ray's sockets have long names, and a socket's name must be short.
  const folder = fs.mkdtempSync("/tmp/r");
  process.on("exit", () => fs.rmSync(folder, { recursive: true, force: true, maxRetries: 3 }));
  const share = temporaryFolder("ray-share");
  const flags = [
    "start", "--head", "--block", "--node-ip-address=127.0.0.1", "--dashboard-host=127.0.0.1", "--include-dashboard=true",
    "--port=6379", "--min-worker-port=30000", "--max-worker-port=30200", "--dashboard-port=8265",
    "--num-cpus=4", "--object-store-memory=100000000", "--disable-usage-stats", `--temp-dir=${folder}/t`,
  ];
  // Its own home: a token that lies in another would be asked for.
  const env = { HOME: folder, RAY_AUTH_MODE: "disabled", PYTHONDONTWRITEBYTECODE: "1" };
  const child = start(python, ["-c", "from ray.scripts.scripts import main; main()", ...flags], { env });
  await ready(child, "Ray", "http://127.0.0.1:8265/api/serve/applications/");
  const application = 'application = { deployments = [{ name = "Model", num_replicas = 1, ray_actor_options = { num_cpus = 0 } }] }';
  return behindProxies(child, ['kind = "ray_serve"', `share = { here = "${share}" }`, application], { url: 8265, serve: 8000 });
}
