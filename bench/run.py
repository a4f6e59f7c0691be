"""`make bench`: our figures beside the peers', on the same generated input, in one run on one machine.

    run.py --bin TARGET/release --work FOLDER --out results.json [--only ingest,mlflow,…] [--quick]

Every measurement is taken with the input in the page cache. What takes seconds is taken three times, the programs in
turn, and the best of each counts, for ours and the peers' alike; what takes minutes is taken once. Each part says so.
"""

import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys

import drift
import ingest
import input_mlflow
import inputs
import projects
import tracking
from results import Results, line, machine, node, step

PARTS = ["ingest", "mlflow", "query", "zoom", "size", "reopen", "mixed", "window", "idle", "promotion", "drift"]


class Bench:
    def __init__(self, args):
        self.bin, self.work, self.quick = args.bin, args.work, args.quick
        self.results = Results(args.out)
        self.cli, self.scratch = self.bin / "signalbox", self.work / "scratch"
        self.inputs = inputs.Inputs(self.work, self.bin)

    def ingest(self):
        ingest.measure(self)

    def mlflow(self):
        tracking.measure(self)

    def size(self):
        projects.size(self)

    def reopen(self):
        projects.reopen(self)

    def mixed(self):
        projects.mixed(self)

    def query(self):
        n_steps = 100_000 if self.quick else 1_000_000
        step(f"query: one run of {n_steps:,} points")
        folder, _ = self.inputs.events("million", 1, n_steps, "train/loss")
        shown = subprocess.run([self.bin / "bench-query", folder, str(n_steps)], check=True, capture_output=True, text=True)
        for row in json.loads(shown.stdout):
            goal = "< 5 ms" if row["name"].startswith("query") else None
            self.results.add(f"{row['name']}/{n_steps / 1e6:g}M", row["ms"], "ms", goal=goal, met=row["ms"] < 5 if goal else None)
        for row in node("serve_query.mjs", folder):
            self.results.add(f"{row['name']}/{n_steps / 1e6:g}M", row["ms"], "ms", goal="< 5 ms", met=row["ms"] < 5)

    def zoom(self):
        n_series, n_points = (20, 100_000) if self.quick else (200, 1_000_000)
        label = f"{n_series}x{n_points / 1e6:g}M"
        step(f"zoom: {n_series} series of {n_points:,} points each, made in a store")
        folder = self.work / "zoom"
        command = [self.bin / "bench-zoom", folder, str(n_series), str(n_points)]
        for row in json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout):
            peer = row.get("raw_ms") and "reading the raw points from flat files, 24 bytes each"
            if row["name"].endswith("worst"):
                self.results.below(f"{row['name']}/{label}", row["ms"], "ms", 30, peer, row.get("raw_ms"))
            else:
                self.results.add(f"{row['name']}/{label}", row["ms"], "ms", peer, row.get("raw_ms"))
        shutil.rmtree(folder)

    def window(self):
        step("the real window: warm starts, and a writer whose points it shows")
        for row in node("window.mjs", "--quick" if self.quick else ""):
            goal = {"first_paint/warm": ("< 700 ms", 700), "write_to_screen/p95": ("< 300 ms", 300)}.get(row["name"])
            met = row["value"] < goal[1] if goal else None
            self.results.add(row["name"], row["value"], row["unit"], goal=goal and goal[0], met=met)

    def idle(self):
        n_runs = 100 if self.quick else 1000
        step(f"idle with {n_runs:,} runs open")
        folder, _ = self.inputs.events("many", n_runs, 200)
        self.idle_window(folder, n_runs, 5 if self.quick else 30, f"{n_runs}_runs")

    def idle_window(self, folder, n_runs, seconds, label):
        for row in node("idle.mjs", folder, n_runs, seconds):
            goal = ("< 1 %", row["value"] < 1) if row["unit"] == "% CPU" else (None, None)
            self.results.add(f"{row['name']}/{label}", row["value"], row["unit"], goal=goal[0], met=goal[1])

    def promotion(self):
        step("promotions: from the click to proven, on real servers")
        # One after the other, so that the figures of one are kept when the next cannot be run.
        heavy = [["ray"]] if os.environ.get("SIGNALBOX_PYTHON_RAY") else []
        for targets in [["local"], ["mlserver", "triton"], *heavy]:
            for row in node("promotion.mjs", *targets, "--quick" if self.quick else ""):
                self.results.add(row["name"], row["value"], row["unit"], row.get("peer"), row.get("peer_value"))

    def drift(self):
        step("drift: what a comparison and a profile cost")
        drift.Drift(self.work, self.quick, self.cli, self.results).measure()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", type=pathlib.Path, required=True)
    parser.add_argument("--work", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--only", default=",".join(PARTS), help="some of " + ",".join(PARTS))
    parser.add_argument("--quick", action="store_true", help="small inputs, to try the benches themselves")
    args = parser.parse_args()
    parts = args.only.split(",")
    if unknown := set(parts) - set(PARTS):
        parser.error(f"there is no {', '.join(unknown)}; there are {', '.join(PARTS)}")
    args.bin, args.work = args.bin.resolve(), args.work.resolve()
    os.environ |= {"SIGNALBOX_BIN": str(args.bin), "SIGNALBOX_PYTHON": sys.executable}
    os.environ |= input_mlflow.ALLOWED
    shutil.rmtree(args.work, ignore_errors=True)
    args.work.mkdir(parents=True)
    bench = Bench(args)
    try:
        for name in parts:
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
