// Debian's Postgres on loopback, of its own folder. It refuses to run as root: then it is the user postgres, or nobody.
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { temporaryFolder } from "./places.mjs";
import { start, stop, until } from "./processes.mjs";
import { freePort } from "./window.mjs";

const isRoot = process.geteuid() === 0;

/** Where initdb and postgres are; Debian has them beside the PATH. */
function programs() {
  const debian = fs.existsSync("/usr/lib/postgresql") ? fs.readdirSync("/usr/lib/postgresql").sort().reverse().map((version) => `/usr/lib/postgresql/${version}/bin`) : [];
  const found = [...debian, ...(process.env.PATH ?? "").split(":")].find((folder) => fs.existsSync(path.join(folder, "initdb")));
  if (!found) throw new Error("these tests need Postgres's initdb and postgres (Debian: postgresql)");
  return found;
}

function owner() {
  try {
    execFileSync("id", ["postgres"], { stdio: "ignore" });
    return ["postgres", "postgres"];
  } catch {
    return ["nobody", "nogroup"];
  }
}

const asUser = (program, args) => (isRoot ? ["setpriv", ["--reuid", owner()[0], "--regid", owner()[1], "--clear-groups", "--", program, ...args]] : [program, args]);

export const PASSWORD = "open sesame";

/** A server with the user ada, who has a password. `sql` runs statements as she. */
export async function postgres() {
  const [folder, bin] = [temporaryFolder("postgres"), programs()];
  const [data, secret] = [path.join(folder, "data"), path.join(folder, "password")];
  fs.writeFileSync(secret, PASSWORD);
  fs.chmodSync(folder, 0o755);
  if (isRoot) execFileSync("chown", ["-R", owner().join(":"), folder]);
  execFileSync(...asUser(path.join(bin, "initdb"), ["-U", "ada", "-A", "scram-sha-256", "-E", "UTF8", "--no-locale", "--no-sync", "--pwfile", secret, "-D", data]), { stdio: "pipe", cwd: "/" });
  const port = await freePort();
  const [command, args] = asUser(path.join(bin, "postgres"), ["-D", data, "-p", String(port), "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "fsync=off", "-c", "log_connections=on"]);
  const server = start(command, args, { cwd: "/" });
  const url = `postgres://ada@127.0.0.1:${port}/postgres`;
  const sql = (statements) => execFileSync(path.join(bin, "psql"), ["-qX", "-v", "ON_ERROR_STOP=1", url], { input: statements, env: { ...process.env, PGPASSWORD: PASSWORD }, cwd: "/", encoding: "utf8", stdio: "pipe" });
  await until("Postgres answers", () => { sql("SELECT 1"); return true; });
  return { url, sql, log: server.lines, close: () => stop(server) };
}
