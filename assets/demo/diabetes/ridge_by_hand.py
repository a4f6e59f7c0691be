"""Ridge regression by gradient descent, logged the way people do when there is no logger: JSON Lines."""

import json
import pathlib
import time

import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.model_selection import train_test_split

HERE = pathlib.Path(__file__).resolve().parent
x, y = load_diabetes(return_X_y=True, scaled=False)
x_train, x_val, y_train, y_val = train_test_split(x, y, test_size=0.25, random_state=11)
mean, spread = x_train.mean(0), x_train.std(0)
x_train, x_val = (x_train - mean) / spread, (x_val - mean) / spread
bias = y_train.mean()

with open(HERE / "ridge.jsonl", "w", buffering=1) as log:
    w = np.zeros(x.shape[1])
    for step in range(200):
        residual = x_train @ w + bias - y_train
        gradient = x_train.T @ residual / len(residual) + 0.05 * w
        w -= 0.05 * gradient
        row = {"step": step, "time": round(time.time(), 3), "train": {"rmse": float(np.sqrt(np.mean(residual**2)))}}
        row["val"] = {"rmse": float(np.sqrt(np.mean((x_val @ w + bias - y_val) ** 2)))}
        row["grad_norm"] = float(np.linalg.norm(gradient))
        log.write(json.dumps(row) + "\n")
