"""MLflow stores of a size that MLflow itself would take an hour to write.

The store, its experiment and its runs (params, tags) are written by MLflow. The points are put where MLflow puts
them: lines in metrics/<key>, or rows in metrics and latest_metrics.
"""

import math
import os
import pathlib
import sqlite3


def make(kind, folder, n_runs, n_steps, n_metrics):
    """Returns the store's size in bytes."""
    os.environ |= {"MLFLOW_ALLOW_FILE_STORE": "true", "MLFLOW_DISABLE_TELEMETRY": "true"}
    from mlflow import MlflowClient

    folder = pathlib.Path(folder)
    folder.mkdir(parents=True)
    client = MlflowClient(f"sqlite:///{folder}/mlflow.db" if kind == "sqlite" else f"file://{folder}/mlruns")
    experiment = client.create_experiment("bench", artifact_location=f"file://{folder}/artifacts")
    runs = []
    for i in range(n_runs):
        run = client.create_run(experiment, run_name=f"run-{i:03}")
        client.log_param(run.info.run_id, "lr", 0.001 * (i + 1))
        runs.append(run.info.run_id)
    keys = [f"metric_{k}" for k in range(n_metrics)]
    if kind == "file":
        put_lines(folder / "mlruns" / experiment, runs, keys, n_steps)
    else:
        put_rows(folder / "mlflow.db", runs, keys, n_steps)
    for run in runs:
        client.set_terminated(run)
    return sum(p.stat().st_size for p in folder.rglob("*") if p.is_file())


def points(i, k, n_steps):
    start = 1_795_000_000_000 + i
    return ((start + 100 * step, math.sin(step * 1e-3 + k + i) / (1 + step * 1e-4), step) for step in range(n_steps))


def put_lines(experiment, runs, keys, n_steps):
    for i, run in enumerate(runs):
        folder = experiment / run / "metrics"
        folder.mkdir(exist_ok=True)
        for k, key in enumerate(keys):
            (folder / key).write_text("".join(f"{t} {v} {s}\n" for t, v, s in points(i, k, n_steps)))


def put_rows(path, runs, keys, n_steps):
    with sqlite3.connect(path) as db:
        for i, run in enumerate(runs):
            for k, key in enumerate(keys):
                rows = [(key, v, t, run, s) for t, v, s in points(i, k, n_steps)]
                db.executemany("INSERT INTO metrics (key, value, timestamp, run_uuid, step, is_nan) VALUES (?, ?, ?, ?, ?, 0)", rows)
                key, v, t, run, s = rows[-1]
                db.execute("INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES (?, ?, ?, ?, 0, ?)", (key, v, t, s, run))
