"""A real training that MLflow tracks: train_mlflow.py FOLDER sqlite|file NAME STEPS SECONDS. Prints STEP and DONE."""

import os
import sys
import time

os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
os.environ["GIT_PYTHON_REFRESH"] = "quiet"
import mlflow
import numpy as np

folder, kind, name, n_steps, seconds = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), float(sys.argv[5])
os.chdir(folder)
mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db" if kind == "sqlite" else f"file://{folder}/mlruns")
mlflow.set_experiment("live")
rng = np.random.default_rng(0)
x = rng.standard_normal((256, 8))
target = x @ rng.standard_normal(8) + 0.1 * rng.standard_normal(256)
w = np.zeros(8)
with mlflow.start_run(run_name=name):
    mlflow.log_params({"lr": 0.02, "batch": 32})
    for step in range(n_steps):
        rows = rng.integers(0, 256, 32)
        residual = x[rows] @ w - target[rows]
        w -= 0.02 * x[rows].T @ residual / 32
        mlflow.log_metric("loss", float(np.mean(residual**2)), step=step)
        print("STEP", step, time.time() * 1000, flush=True)
        time.sleep(seconds)
print("DONE", flush=True)
