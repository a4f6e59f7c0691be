"""Like train_tensorboardx.py, with TensorBoard's own writer, which torch.utils.tensorboard uses too.

train_tensorboard.py FOLDER STEPS SECONDS [linger]. Its flush() waits until the point is in the file; tensorboardX's
does not empty its queue, so that a point may reach the disk only with the next one. "STEP step unix-ms": the time is
from before the point was handed over.
"""

import sys
import time

import numpy as np
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.event_file_writer import EventFileWriter

folder, n_steps, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
rng = np.random.default_rng(0)
x = rng.standard_normal((256, 8))
target = x @ rng.standard_normal(8) + 0.1 * rng.standard_normal(256)
w = np.zeros(8)
writer = EventFileWriter(folder)
for step in range(n_steps):
    began = time.monotonic()
    rows = rng.integers(0, 256, 32)
    residual = x[rows] @ w - target[rows]
    w -= 0.02 * x[rows].T @ residual / 32
    loss, at = float(np.mean(residual**2)), time.time()
    writer.add_event(Event(wall_time=at, step=step, summary=Summary(value=[Summary.Value(tag="train/loss", simple_value=loss)])))
    writer.flush()
    print("STEP", step, at * 1000, flush=True)
    time.sleep(max(0.0, seconds - (time.monotonic() - began)))
print("DONE", flush=True)
while "linger" in sys.argv:
    time.sleep(1)
writer.close()
