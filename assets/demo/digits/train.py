"""A small multilayer perceptron on scikit-learn's digits, in plain numpy, logged by tensorboardX.

    python train.py --name adam-256 --optimizer adam --lr 1e-3 --hidden 256
"""

import argparse
import json
import pathlib

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from tensorboardX import SummaryWriter
from tensorboardX.summary import hparams

HERE = pathlib.Path(__file__).resolve().parent


class Net:
    """Dense layers with ReLU between them and a softmax at the end, in float32."""

    def __init__(self, sizes, rng):
        self.weights = [
            (rng.standard_normal((a, b)) * np.sqrt(2 / a)).astype(np.float32) for a, b in zip(sizes, sizes[1:])
        ]
        self.biases = [np.zeros(b, np.float32) for b in sizes[1:]]

    def forward(self, x):
        outputs = [x]
        for i, (w, b) in enumerate(zip(self.weights, self.biases)):
            x = x @ w + b
            if i + 1 < len(self.weights):
                x = np.maximum(x, 0)
            outputs.append(x)
        return outputs

    def loss(self, x, labels):
        logits = self.forward(x)[-1]
        p = softmax(logits)
        rows = np.arange(len(labels))
        return float(-np.log(p[rows, labels]).mean()), float((logits.argmax(1) == labels).mean())

    def gradients(self, x, labels, decay):
        outputs = self.forward(x)
        p = softmax(outputs[-1])
        rows = np.arange(len(labels))
        loss = float(-np.log(p[rows, labels]).mean())
        accuracy = float((outputs[-1].argmax(1) == labels).mean())
        p[rows, labels] -= 1
        delta = p / len(labels)
        grads_w, grads_b = [], []
        for i in reversed(range(len(self.weights))):
            grads_w.insert(0, outputs[i].T @ delta + decay * self.weights[i])
            grads_b.insert(0, delta.sum(0))
            if i:
                delta = (delta @ self.weights[i].T) * (outputs[i] > 0)
        return loss, accuracy, grads_w + grads_b


def softmax(logits):
    e = np.exp(logits - logits.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


class Optimizer:
    """SGD, SGD with momentum, or Adam."""

    def __init__(self, kind, params):
        self.kind, self.t = kind, 0
        self.m = [np.zeros_like(p) for p in params]
        self.v = [np.zeros_like(p) for p in params]

    def step(self, params, grads, lr):
        self.t += 1
        for p, g, m, v in zip(params, grads, self.m, self.v):
            if self.kind == "sgd":
                p -= lr * g
            elif self.kind == "momentum":
                m[:] = 0.9 * m + g
                p -= lr * m
            else:
                m[:] = 0.9 * m + 0.1 * g
                v[:] = 0.999 * v + 0.001 * g * g
                p -= lr * (m / (1 - 0.9**self.t)) / (np.sqrt(v / (1 - 0.999**self.t)) + 1e-8)


def learning_rate(args, step, total):
    if args.schedule == "cosine":
        return args.lr * 0.5 * (1 + np.cos(np.pi * step / total))
    if args.schedule == "warmup":
        return args.lr * min(1.0, (step + 1) / (0.1 * total))
    return args.lr


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--name", required=True)
    parser.add_argument("--lr", type=float, default=0.05)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--hidden", type=int, default=64)
    parser.add_argument("--layers", type=int, default=1)
    parser.add_argument("--optimizer", choices=["sgd", "momentum", "adam"], default="sgd")
    parser.add_argument("--schedule", choices=["constant", "cosine", "warmup"], default="constant")
    parser.add_argument("--decay", type=float, default=0.0)
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--log-every", type=int, default=10, help="steps between two training points")
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint")
    args = parser.parse_args()

    data = load_digits()
    x = (data.data / 16.0).astype(np.float32)
    x_train, x_val, y_train, y_val = train_test_split(x, data.target, test_size=0.2, random_state=7, stratify=data.target)
    rng = np.random.default_rng(args.seed)
    net = Net([64] + [args.hidden] * args.layers + [10], rng)
    params = net.weights + net.biases
    optimizer = Optimizer(args.optimizer, params)
    steps_per_epoch = len(x_train) // args.batch
    total = steps_per_epoch * args.epochs

    folder = HERE / "runs" / args.name
    checkpoint = HERE / "checkpoints" / f"{args.name}.npz"
    first_epoch = 0
    if args.resume:
        saved = np.load(checkpoint)
        first_epoch = int(saved["epoch"])
        optimizer.t = int(saved["t"])
        for i, p in enumerate(params):
            p[:] = saved[f"p{i}"]
            optimizer.m[i][:] = saved[f"m{i}"]
            optimizer.v[i][:] = saved[f"v{i}"]
    # With a purge step TensorBoard, too, takes the points after the checkpoint off the first part's line.
    writer = SummaryWriter(
        str(folder),
        purge_step=first_epoch * steps_per_epoch if args.resume else None,
        filename_suffix=".resumed" if args.resume else "",
        flush_secs=1,
    )
    settings = {k: v for k, v in vars(args).items() if k not in ("name", "resume", "log_every")}
    writer.add_text("config", "```json\n" + json.dumps(settings, indent=2) + "\n```", 0)

    best = 0.0
    for epoch in range(first_epoch, args.epochs):
        order = rng.permutation(len(x_train))
        for i in range(steps_per_epoch):
            step = epoch * steps_per_epoch + i
            rows = order[i * args.batch : (i + 1) * args.batch]
            lr = learning_rate(args, step, total)
            loss, accuracy, grads = net.gradients(x_train[rows], y_train[rows], args.decay)
            optimizer.step(params, grads, lr)
            if step % args.log_every == 0:
                writer.add_scalar("train/loss", loss, step)
                writer.add_scalar("train/acc", accuracy, step)
                writer.add_scalar("optim/grad_norm", float(np.sqrt(sum(float((g * g).sum()) for g in grads))), step)
                writer.add_scalar("optim/lr", lr, step)
        loss, accuracy = net.loss(x_val, y_val)
        best = max(best, accuracy)
        step = (epoch + 1) * steps_per_epoch
        writer.add_scalar("val/loss", loss, step)
        writer.add_scalar("val/acc", accuracy, step)
        writer.add_scalar("val/best_acc", best, step)
        if (epoch + 1) % 20 == 0:
            checkpoint.parent.mkdir(exist_ok=True)
            state = {f"p{k}": p for k, p in enumerate(params)}
            state |= {f"m{k}": m for k, m in enumerate(optimizer.m)} | {f"v{k}": v for k, v in enumerate(optimizer.v)}
            np.savez(checkpoint, epoch=epoch + 1, t=optimizer.t, **state)
    # In the run's own file (add_hparams would open a second folder below it).
    for summary in hparams(settings, {"val/acc": accuracy, "val/loss": loss}):
        writer.file_writer.add_summary(summary)
    writer.close()


if __name__ == "__main__":
    main()
