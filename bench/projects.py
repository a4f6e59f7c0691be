"""Projects opened by `signalbox serve`: again with nothing changed; ten formats among 200,000 files; the store's size."""

import json
import sqlite3
import subprocess
import sys

import input_curves
import input_formats
import input_mlflow
import input_projects
from inputs import bytes_below, warm
from results import PEAK_MIB, REPEAT, measured, millions, node, step

IDLE_PERCENT = 1
RAW_BYTES = 24
MAKERS = [input_projects, input_formats, input_mlflow]


def opened(home, folder, n_runs, idle_seconds=0):
    return {row["name"]: row["value"] for row in node("opened.mjs", home, folder, n_runs, idle_seconds)}


def reopen(bench):
    n_runs = 200 if bench.quick else 5_000
    n_files = n_runs * 8
    step(f"reopening a project of {n_runs:,} unchanged runs, {n_files:,} files")
    make = lambda folder: input_projects.unchanged(bench.bin, folder, n_runs)
    folder = bench.inputs.made(f"unchanged-{n_runs}", MAKERS, make)
    warm(folder)
    home, label = bench.work / "home-reopen", f"{n_runs}_runs/{n_files}_files"
    first = opened(home, folder, n_runs)
    again = min((opened(home, folder, n_runs) for _ in range(REPEAT)), key=lambda found: found["right"])
    bench.results.add(f"open_first/{label}", first["right"], "ms")
    bench.results.below(f"open_first_peak/{label}", first["peak"], "MiB", PEAK_MIB)
    bench.results.add(f"reopen_rows/{label}", again["table"], "ms")
    bench.results.below(f"reopen_right/{label}", again["right"], "ms", 1000)


def mixed(bench):
    n_runs, n_files, idle = (100, 4_000, 5) if bench.quick else (3_000, 200_000, 60)
    step(f"ten formats mixed: {n_runs:,} runs among {n_files:,} files")
    make = lambda folder: input_projects.mixed(bench.bin, folder, n_runs, n_files)
    folder = bench.inputs.made(f"mixed-{n_runs}", MAKERS, make)
    warm(folder)
    home, label = bench.work / "home-mixed", f"{n_runs}_runs/{n_files}_files"
    first, again = opened(home, folder, n_runs, idle), opened(home, folder, n_runs)
    bench.results.add(f"mixed_open/{label}", first["right"], "ms")
    bench.results.add(f"mixed_open_cpu/{label}", first["cpu"], "CPU s")
    bench.results.below(f"mixed_peak/{label}", first["peak"], "MiB", PEAK_MIB)
    bench.results.add(f"mixed_reopen/{label}", again["right"], "ms")
    bench.results.below(f"mixed_idle/serve/{label}", first["idle"], "% CPU", IDLE_PERCENT)
    # The same with the window's own processes, the page and its engine.
    bench.idle_window(folder, n_runs, idle, f"mixed_{n_runs}_runs")


def size(bench):
    n_runs, n_steps = (2, 2_000) if bench.quick else (8, 20_000)
    step(f"the store's size: {n_runs} trainings of {n_steps:,} steps")
    make = lambda folder: subprocess.run([sys.executable, "-W", "ignore", input_curves.__file__, folder, str(n_runs), str(n_steps)], check=True)
    folder = bench.inputs.made(f"curves-{n_runs}x{n_steps}", [input_curves], make)
    for kind in ("tb", "jsonl"):
        home = bench.work / f"home-{kind}"
        opened(home, folder / kind, n_runs)
        n_bytes, n_points = store_bytes(home), points(bench, folder / kind)
        label = f"{kind}/{millions(n_points)}"
        bench.results.below(f"size_per_point/{label}", n_bytes / n_points, "bytes", 6, "raw: step, time and value", RAW_BYTES)
        bench.results.add(f"size_per_point/{label}", n_bytes / n_points, "bytes", "the source's bytes", bytes_below(folder / kind) / n_points)


def store_bytes(home):
    """The store's file, with what its log held in it."""
    path = home / "data" / "signalbox" / "signalbox.db"
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return path.stat().st_size


def points(bench, folder):
    """As `signalbox runs` counts them."""
    measured([bench.cli, "runs", folder, "--json"], bench.scratch)
    found = json.loads((bench.scratch / "stdout").read_text())
    return sum(metric["n"] for run in found["runs"] for metric in run["metrics"].values())
