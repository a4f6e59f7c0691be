"""MLflow's stores: ours beside `mlflow.search_runs` and `get_metric_history`; and what a writer waits for while we read."""

import sqlite3
import threading
import time

import input_mlflow
import peers
from results import PEAK_MIB, best_of, measured, millions, node, step

TIMES = 20
# MLflow's histories are fetched run by run, and each takes as long as another: so many runs tell the rate.
HISTORIES = 100
LOCK_MS = 50


def measure(bench):
    quick = bench.quick
    store(bench, "mlflow_file", *((100, 40, 20) if quick else (5_000, 40, 20)), input_mlflow.make_files, input_mlflow.files_uri)
    shape = (200, 10, 100) if quick else (10_000, 10, 100)
    folder = store(bench, "mlflow_db", *shape, input_mlflow.make_database, input_mlflow.database_uri)
    waits(bench, folder, f"{shape[0]}_runs")


def store(bench, name, n_runs, n_keys, n_steps, make, uri):
    n_points = n_runs * n_keys * n_steps
    step(f"{name}: {n_runs:,} runs, {n_points:,} points")
    shape = (n_runs, n_keys, n_steps)
    folder = bench.inputs.made(f"{name}-{'x'.join(map(str, shape))}", [input_mlflow], lambda folder: make(folder, *shape))
    costs = []

    def ours():
        costs.append(measured([bench.cli, "runs", folder], bench.scratch))
        return costs[-1]["wall"]

    mine = best_of({"ours": ours})["ours"]
    results, label = bench.results, f"{n_runs}x{n_keys}"
    table = best_of({"peer": lambda: peers.search_runs(uri(folder), n_runs)}, 1 if n_runs > 1000 else 3)["peer"]
    took, n = peers.metric_histories(uri(folder), min(HISTORIES, n_runs), input_mlflow.keys(n_keys))
    assert n == min(HISTORIES, n_runs) * n_keys * n_steps, f"MLflow's histories held {n} points"
    # We read everything once, table and histories; each of MLflow's calls is beside the whole of it.
    results.times(f"{name}/{label}", mine, "s", "mlflow.search_runs alone (no histories)", table, TIMES)
    histories = f"MLflow's get_metric_history, {min(HISTORIES, n_runs)} runs ({millions(n)} points)"
    results.times(f"{name}/{label}/{millions(n_points)}", n_points / mine, "points/s", histories, n / took, TIMES)
    home = bench.work / f"home-{name}"
    node("opened.mjs", home, folder, n_runs)
    again = {row["name"]: row["value"] for row in node("opened.mjs", home, folder, n_runs)}
    results.add(f"{name}_again/{label}", again["right"] / 1e3, "s", "mlflow.search_runs, which keeps nothing", table)
    results.below(f"{name}_peak/{label}", max(c["mib"] for c in costs), "MiB", PEAK_MIB)
    return folder


def waits(bench, folder, label):
    """The longest of a writer's waits for a lock: alone, and while we read the database from its beginning."""
    alone = Writer(folder / "mlflow.db")
    time.sleep(2 if bench.quick else 10)
    before = alone.end()
    writer = Writer(folder / "mlflow.db")
    cost = measured([bench.cli, "runs", folder], bench.scratch)
    during = writer.end()
    step(f"  {len(during)} transactions in {cost['wall']:.1f} s beside us, {len(before)} alone")
    peer = f"the same writer alone ({len(before)} transactions)"
    bench.results.below(f"mlflow_db_longest_wait/{label}", max(during) * 1e3, "ms", LOCK_MS, peer, max(before) * 1e3)


class Writer:
    """Small committed transactions one after the other, by a connection of its own as MLflow has one, until `end`.

    Its own waiting for the disk is off: what remains is waiting for locks. It asks for a lock again at once, where
    SQLite's own way to wait would sleep up to 100 ms for one that was free long ago.
    """

    def __init__(self, path):
        self.path, self.ending, self.waits, self.trouble = path, threading.Event(), [], None
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def end(self):
        self.ending.set()
        self.thread.join()
        if self.trouble:
            raise self.trouble
        return self.waits

    def run(self):
        try:
            self.write(sqlite3.connect(self.path, timeout=0, isolation_level=None))
        except sqlite3.Error as e:
            self.trouble = e

    def write(self, db):
        db.execute("PRAGMA synchronous = OFF")
        run = db.execute("SELECT run_uuid FROM runs LIMIT 1").fetchone()[0]
        insert = "INSERT INTO metrics (key, value, timestamp, run_uuid, step, is_nan) VALUES ('bench_wait', 0.5, ?, ?, ?, 0)"
        i = 0
        while not self.ending.wait(0.005):
            i += 1
            began = time.monotonic()
            asked(db, "BEGIN IMMEDIATE")
            asked(db, insert, (i, run, i))
            asked(db, "COMMIT")
            self.waits.append(time.monotonic() - began)
        asked(db, "DELETE FROM metrics WHERE key = 'bench_wait'")
        db.close()


def asked(db, *statement):
    while True:
        try:
            return db.execute(*statement)
        except sqlite3.OperationalError as e:
            if "locked" not in str(e):
                raise
            time.sleep(0.0005)
