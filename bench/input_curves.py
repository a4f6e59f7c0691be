"""Real training curves: a small network trained on scikit-learn's digits, every step logged as it happens.

    input_curves.py FOLDER RUNS STEPS

Nothing of the curves is made up: losses and gradients are those of mini-batches, computed in float32 as trainings do,
wall times are this machine's. So they are not the same to the bit from machine to machine; the seeds fix batches and
first weights. FOLDER/tb has them as tensorboardX writes them (float32 values, a time for each), FOLDER/jsonl as lines of
JSON with the same numbers in full and one time a step.
"""

import json
import os
import pathlib
import sys
import time

# The matrices are small: more threads only wait for each other.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

HIDDEN, BATCH, VALIDATE_EVERY = 64, 64, 50


class Network:
    """Two layers and softmax, by Adam."""

    def __init__(self, rng, n_in, n_out):
        draw = lambda n, m: (rng.standard_normal((n, m)) * np.sqrt(2 / n)).astype(np.float32)
        self.weights = [draw(n_in, HIDDEN), np.zeros(HIDDEN, np.float32), draw(HIDDEN, n_out), np.zeros(n_out, np.float32)]
        self.moments = [(np.zeros_like(w), np.zeros_like(w)) for w in self.weights]
        self.n = 0

    def forward(self, x):
        w1, b1, w2, b2 = self.weights
        hidden = np.maximum(x @ w1 + b1, 0)
        scores = hidden @ w2 + b2
        scores -= scores.max(axis=1, keepdims=True)
        p = np.exp(scores)
        return hidden, p / p.sum(axis=1, keepdims=True)

    def loss(self, x, y):
        _, p = self.forward(x)
        return measure(p, y)

    def step(self, x, y, rate):
        """Loss, accuracy and the gradient's norm of one mini-batch, before its step."""
        hidden, p = self.forward(x)
        found = measure(p, y)
        d = p.copy()
        d[np.arange(len(y)), y] -= 1
        d /= np.float32(len(y))
        back = (d @ self.weights[2].T) * (hidden > 0)
        gradient = [x.T @ back, back.sum(axis=0), hidden.T @ d, d.sum(axis=0)]
        self.n += 1
        for w, g, (m, v) in zip(self.weights, gradient, self.moments):
            m += np.float32(0.1) * (g - m)
            v += np.float32(0.001) * (g * g - v)
            w -= np.float32(rate) * (m / np.float32(1 - 0.9**self.n)) / (np.sqrt(v / np.float32(1 - 0.999**self.n)) + np.float32(1e-8))
        return *found, float(np.sqrt(sum(np.sum(g * g) for g in gradient)))


def measure(p, y):
    return float(-np.log(p[np.arange(len(y)), y] + np.float32(1e-9)).mean()), float((p.argmax(axis=1) == y).mean(dtype=np.float32))


def train(i, n_steps, log):
    from sklearn.datasets import load_digits

    digits = load_digits()
    rng = np.random.default_rng([7, i])
    x, y = (digits.data / 16).astype(np.float32), digits.target
    order = rng.permutation(len(y))
    held, rest = order[:360], order[360:]
    network, peak_rate = Network(rng, x.shape[1], 10), 10 ** rng.uniform(-4, -2.5)
    for step in range(n_steps):
        rate = peak_rate * min(1, (step + 1) / 200) * (1 + np.cos(np.pi * step / n_steps)) / 2
        batch = rng.choice(rest, BATCH)
        # A pixel in ten is missing: so small a set would be learned by heart within a thousand steps.
        images = x[batch] * (rng.random((BATCH, x.shape[1]), dtype=np.float32) > 0.1)
        loss, accuracy, norm = network.step(images, y[batch], rate)
        log(step, {"train/loss": loss, "train/accuracy": accuracy, "train/grad_norm": norm, "optim/lr": float(np.float32(rate))})
        if step % VALIDATE_EVERY == 0:
            loss, accuracy = network.loss(x[held], y[held])
            log(step, {"val/loss": loss, "val/accuracy": accuracy})


def main():
    from tensorboardX import SummaryWriter

    folder, n_runs, n_steps = pathlib.Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    for i in range(n_runs):
        writer = SummaryWriter(str(folder / "tb" / f"run-{i}"), max_queue=1000)
        lines = folder / "jsonl" / f"run-{i}" / "metrics.jsonl"
        lines.parent.mkdir(parents=True)
        with open(lines, "w") as out:

            def log(step, values):
                out.write(json.dumps({"step": step, "time": time.time()} | values) + "\n")
                for tag, value in values.items():
                    writer.add_scalar(tag, value, step)

            train(i, n_steps, log)
        writer.close()


if __name__ == "__main__":
    main()
