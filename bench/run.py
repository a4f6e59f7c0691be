"""`make bench`: our figures beside the peers', on the same generated input, in one run on one machine.

    run.py --bin TARGET/release --work FOLDER --out results.json [--only ingest,mlflow,query,window,idle,promotion,drift] [--quick]

Every measurement is taken with the input in the page cache, three times, the programs in turn; the best of each
counts, for ours and the peers' alike. Of drift, whose peers take minutes, drift.py tells what is different.
"""

import argparse
import json
import os
import pathlib
import platform
import shutil
import subprocess
import sys
import time

import drift
import input_mlflow
import peers

HERE = pathlib.Path(__file__).resolve().parent
REPEAT = 3


class Results:
    def __init__(self, out):
        self.out, self.rows = out, []

    def add(self, name, value, unit, peer=None, peer_value=None, goal=None, met=None):
        higher_is_better = unit in ("MB/s", "points/s")
        ratio = None
        if peer_value:
            ratio = value / peer_value if higher_is_better else peer_value / value
        row = {"name": name, "value": sig(value), "unit": unit, "peer": peer, "peer_value": sig(peer_value)}
        row |= {"ratio": sig(ratio), "goal": goal, "met": met}
        self.rows.append(row)
        print("  " + line(row), flush=True)
        self.out.parent.mkdir(parents=True, exist_ok=True)
        self.out.write_text(json.dumps(self.rows, indent=1) + "\n")


def sig(x, digits=4):
    return None if x is None else float(f"{x:.{digits}g}")


def line(row):
    text = f"{row['name']:<44} {row['value']:>12,.6g} {row['unit']:<9}"
    if row["peer"]:
        text += f" {row['ratio']:>7.2f}× {row['peer']} ({row['peer_value']:,.6g})"
    if row["goal"]:
        text += f"  goal {row['goal']}: {'met' if row['met'] else 'NOT MET'}"
    return text


def step(text):
    print(text, flush=True)


def best_of(programs):
    """Runs each program REPEAT times in turn; the best seconds of each, by name."""
    best = {}
    for _ in range(REPEAT):
        for name, program in programs.items():
            best[name] = min(best.get(name, float("inf")), program())
    return best


def timed(command, **env):
    began = time.monotonic()
    subprocess.run([str(c) for c in command], check=True, stdout=subprocess.DEVNULL, env=os.environ | env)
    return time.monotonic() - began


class Bench:
    def __init__(self, args):
        self.bin, self.work, self.quick = args.bin, args.work, args.quick
        self.results = Results(args.out)
        self.cli = self.bin / "signalbox"

    def generate(self, name, n_runs, n_steps, *tags):
        folder = self.work / name
        made = subprocess.run(
            [self.bin / "bench-generate", folder, str(n_runs), str(n_steps), *tags], check=True, capture_output=True, text=True
        )
        return folder, int(made.stdout)

    def ours(self, folder):
        """`signalbox runs` reads the folder to its end into a new store, and exits."""
        return timed([self.cli, "runs", folder, "--json"], XDG_DATA_HOME=str(self.work / "data"))

    def ingest(self):
        n_runs, n_steps = (10, 5_000) if self.quick else (50, 20_000)
        n_points = n_runs * n_steps * 6
        step(f"event files: generating {n_points:,} points in {n_runs} runs")
        folder, n_bytes = self.generate("events", n_runs, n_steps)
        step(f"  {n_bytes / 1e6:.0f} MB")
        server = peers.DataServer()
        seconds = best_of(
            {
                "ours": lambda: self.ours(folder),
                "server": lambda: server.load(folder, n_runs, n_steps - 1),
                "server, all": lambda: server.load(folder, n_runs, n_steps - 1, "--checksum", "--samples-per-plugin=scalars=all"),
            }
        )
        mine, label = seconds["ours"], f"{n_points // 1_000_000 or n_points / 1e6:g}M"
        default = f"TensorBoard Rust data server {server.version}, defaults (1000 points a tag kept, no checksums)"
        full = f"the same server keeping every point, with checksums as we do"
        quick_goal = n_bytes / mine >= n_bytes / seconds["server"]
        self.results.add(f"ingest_tfevents/{label}", n_bytes / mine / 1e6, "MB/s", default, n_bytes / seconds["server"] / 1e6, "≥ 1× peer", quick_goal)
        self.results.add(f"ingest_tfevents/{label}", n_points / mine, "points/s", default, n_points / seconds["server"], "≥ 1× peer", quick_goal)
        self.results.add(f"ingest_tfevents_exact/{label}", n_bytes / mine / 1e6, "MB/s", full, n_bytes / seconds["server, all"] / 1e6)
        shutil.rmtree(folder)
        # The Python readers take minutes for what we read in a second: a smaller input, ours on it too.
        n_runs, n_points = n_runs // 10, n_points // 10
        label = f"{n_points / 1e6:g}M"
        step(f"  TensorBoard's Python readers, and ours, on {n_points:,} points in {n_runs} runs")
        folder, n_bytes = self.generate("events", n_runs, n_steps)
        mine = best_of({"ours": lambda: self.ours(folder)})["ours"]
        for name, reader in (("EventFileLoader", peers.event_file_loader), ("EventAccumulator", peers.event_accumulator)):
            took, n = reader(folder)
            assert n == n_points, f"{name} saw {n} of {n_points} points"
            self.results.add(f"ingest_tfevents/{label}", n_bytes / mine / 1e6, "MB/s", f"TensorBoard Python {name}", n_bytes / took / 1e6)
        shutil.rmtree(folder)

    def mlflow(self):
        n_runs, n_steps, metrics = (10, 1_000, 4) if self.quick else (50, 5_000, 4)
        n_points, label = n_runs * n_steps * metrics, f"{n_runs * n_steps * metrics / 1e6:g}M"
        for kind in ("file", "sqlite"):
            step(f"MLflow {kind} store: generating {n_points:,} points in {n_runs} runs")
            folder = self.work / f"mlflow-{kind}"
            n_bytes = input_mlflow.make(kind, folder, n_runs, n_steps, metrics)
            took, n = peers.mlflow_client(kind, folder)
            assert n == n_points, f"MlflowClient saw {n} of {n_points} points"
            mine = best_of({"ours": lambda: self.ours(folder)})["ours"]
            peer = "MLflow's Python client (search_runs, get_metric_history)"
            self.results.add(f"ingest_mlflow_{kind}/{label}", n_points / mine, "points/s", peer, n_points / took)
            self.results.add(f"ingest_mlflow_{kind}/{label}", n_bytes / mine / 1e6, "MB/s", peer, n_bytes / took / 1e6)
            shutil.rmtree(folder)

    def query(self):
        n_steps = 100_000 if self.quick else 1_000_000
        step(f"query: one run of {n_steps:,} points")
        folder, _ = self.generate("million", 1, n_steps, "train/loss")
        shown = subprocess.run([self.bin / "bench-query", folder, str(n_steps)], check=True, capture_output=True, text=True)
        for row in json.loads(shown.stdout):
            goal = "< 5 ms" if row["name"].startswith("query") else None
            self.results.add(f"{row['name']}/{n_steps / 1e6:g}M", row["ms"], "ms", goal=goal, met=row["ms"] < 5 if goal else None)
        shown = self.node("serve_query.mjs", str(folder))
        for row in shown:
            self.results.add(f"{row['name']}/{n_steps / 1e6:g}M", row["ms"], "ms", goal="< 5 ms", met=row["ms"] < 5)
        shutil.rmtree(folder)

    def window(self):
        step("the real window: warm starts, and a writer whose points it shows")
        for row in self.node("window.mjs", "--quick" if self.quick else ""):
            goal = {"first_paint/warm": ("< 700 ms", 700), "write_to_screen/p95": ("< 300 ms", 300)}.get(row["name"])
            met = row["value"] < goal[1] if goal else None
            self.results.add(row["name"], row["value"], row["unit"], goal=goal and goal[0], met=met)

    def idle(self):
        n_runs = 100 if self.quick else 1000
        step(f"idle with {n_runs:,} runs open")
        folder, _ = self.generate("many", n_runs, 200)
        for row in self.node("idle.mjs", str(folder), str(n_runs), "5" if self.quick else "30"):
            goal = ("< 1 %", row["value"] < 1) if row["unit"] == "% CPU" else (None, None)
            self.results.add(f"{row['name']}/{n_runs}_runs", row["value"], row["unit"], goal=goal[0], met=goal[1])
        shutil.rmtree(folder)

    def promotion(self):
        step("promotions: from the click to proven, on real servers")
        # One after the other, so that the figures of one are kept when the next cannot be run.
        heavy = [["ray"]] if os.environ.get("SIGNALBOX_PYTHON_RAY") else []
        for targets in [["local"], ["mlserver", "triton"], *heavy]:
            for row in self.node("promotion.mjs", *targets, "--quick" if self.quick else ""):
                self.results.add(row["name"], row["value"], row["unit"], row.get("peer"), row.get("peer_value"))

    def drift(self):
        step("drift: what a comparison and a profile cost")
        drift.Drift(self.work, self.quick, self.cli, self.results).measure()

    def node(self, script, *args):
        env = os.environ | {"SIGNALBOX_BIN": str(self.bin), "SIGNALBOX_PYTHON": sys.executable}
        done = subprocess.run(["node", str(HERE / script), *args], env=env, stdout=subprocess.PIPE, text=True)
        if done.returncode:
            raise SystemExit(f"bench/{script} failed with exit code {done.returncode}")
        return json.loads(done.stdout.splitlines()[-1])


def machine():
    info = pathlib.Path("/proc/cpuinfo").read_text()
    model = next((l.split(":", 1)[1].strip() for l in info.splitlines() if l.startswith("model name")), platform.machine())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    rustc = subprocess.run(["rustc", "--version"], capture_output=True, text=True).stdout.split()[1:2]
    parts = [model, f"{os.cpu_count()} cores", f"{memory:.0f} GiB", f"Linux {platform.release().split('-')[0]}"]
    return ", ".join(parts + [f"rustc {''.join(rustc)}", f"Python {platform.python_version()}", time.strftime("%Y-%m-%d")])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", type=pathlib.Path, required=True)
    parser.add_argument("--work", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--only", default="ingest,mlflow,query,window,idle,promotion,drift")
    parser.add_argument("--quick", action="store_true", help="small inputs, to try the benches themselves")
    args = parser.parse_args()
    shutil.rmtree(args.work, ignore_errors=True)
    args.work.mkdir(parents=True)
    bench = Bench(args)
    try:
        for name in args.only.split(","):
            getattr(bench, name)()
    finally:
        shutil.rmtree(args.work, ignore_errors=True)
    print(f"\non {machine()}")
    for row in bench.results.rows:
        print(line(row))
    missed = [row["name"] for row in bench.results.rows if row["met"] is False]
    print(f"{args.out}: {len(bench.results.rows)} figures, {len(missed)} goals missed" + "".join(f"\n  {name}" for name in missed))


if __name__ == "__main__":
    main()
