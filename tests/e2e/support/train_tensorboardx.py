"""A real training that tensorboardX logs, a point at a time: train_tensorboardx.py FOLDER STEPS SECONDS [linger].

Prints "STEP step unix-ms" for each, once it is flushed; the time is from before it was handed to tensorboardX.
"""

import sys
import time

import numpy as np
from tensorboardX import SummaryWriter

folder, n_steps, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
rng = np.random.default_rng(0)
x = rng.standard_normal((256, 8))
target = x @ rng.standard_normal(8) + 0.1 * rng.standard_normal(256)
w = np.zeros(8)
writer = SummaryWriter(folder, flush_secs=1)
for step in range(n_steps):
    began = time.monotonic()
    rows = rng.integers(0, 256, 32)
    residual = x[rows] @ w - target[rows]
    w -= 0.02 * x[rows].T @ residual / 32
    loss, at = float(np.mean(residual**2)), time.time() * 1000
    writer.add_scalar("train/loss", loss, step)
    writer.flush()
    print("STEP", step, at, flush=True)
    time.sleep(max(0.0, seconds - (time.monotonic() - began)))
print("DONE", flush=True)
while "linger" in sys.argv:
    time.sleep(1)
writer.close()
