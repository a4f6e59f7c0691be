"""The same net, watched closely: what it gets wrong, what its weights look like, how they spread. Logged twice, by
tensorboardX and as a CSV by hand; what it prints goes to train.log.

    python train_watched.py > watched/train.log
"""

import csv
import pathlib

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from tensorboardX import SummaryWriter

from train import Net, Optimizer

HERE = pathlib.Path(__file__).resolve().parent
EPOCHS, BATCH, LR, HIDDEN = 40, 32, 0.02, 32
LOOK_EVERY = 4


def montage(tiles, columns, zoom=4, gap=1):
    """Grey tiles of one size, each from its least (0) to its greatest (1) value: an array (height, width)."""
    n, height, width = tiles.shape
    rows = -(-n // columns)
    sheet = np.ones((rows * (height + gap) + gap, columns * (width + gap) + gap), np.float32)
    for i, tile in enumerate(tiles):
        low, high = tile.min(), tile.max()
        top, left = gap + i // columns * (height + gap), gap + i % columns * (width + gap)
        sheet[top : top + height, left : left + width] = (tile - low) / max(high - low, 1e-9)
    return sheet.repeat(zoom, 0).repeat(zoom, 1)


def confusion(truth, guess):
    """Counts by (true digit, guessed digit), brighter where more; the right ones are left dark to show the others."""
    counts = np.zeros((10, 10), np.float32)
    np.add.at(counts, (truth, guess), 1)
    np.fill_diagonal(counts, 0)
    return (counts / max(counts.max(), 1)).repeat(16, 0).repeat(16, 1)


def main():
    data = load_digits()
    x = (data.data / 16.0).astype(np.float32)
    x_train, x_val, y_train, y_val = train_test_split(x, data.target, test_size=0.2, random_state=7, stratify=data.target)
    rng = np.random.default_rng(3)
    net = Net([64, HIDDEN, 10], rng)
    params = net.weights + net.biases
    optimizer = Optimizer("momentum", params)
    steps_per_epoch = len(x_train) // BATCH
    folder = HERE / "watched"
    folder.mkdir(exist_ok=True)
    writer = SummaryWriter(str(folder / "tb"), flush_secs=1)
    print(f"{len(x_train)} digits to learn from, {len(x_val)} to be judged by", flush=True)

    with open(folder / "history.csv", "w", newline="") as file:
        history = csv.writer(file)
        history.writerow(["step", "val/loss", "val/acc"])
        for epoch in range(EPOCHS):
            order = rng.permutation(len(x_train))
            for i in range(steps_per_epoch):
                rows = order[i * BATCH : (i + 1) * BATCH]
                loss, accuracy, grads = net.gradients(x_train[rows], y_train[rows], 1e-4)
                optimizer.step(params, grads, LR)
                step = epoch * steps_per_epoch + i
                if step % 10 == 0:
                    writer.add_scalar("train/loss", loss, step)
                    writer.add_scalar("train/acc", accuracy, step)
            step = (epoch + 1) * steps_per_epoch
            loss, accuracy = net.loss(x_val, y_val)
            writer.add_scalar("val/loss", loss, step)
            writer.add_scalar("val/acc", accuracy, step)
            history.writerow([step, loss, accuracy])
            file.flush()
            print(f"epoch {epoch + 1:2d}: {accuracy:.1%} of the held back digits are right, loss {loss:.4f}", flush=True)
            if epoch % LOOK_EVERY == 0 or epoch + 1 == EPOCHS:
                look(writer, net, x_val, y_val, step)
    writer.close()


def look(writer, net, x, labels, step):
    outputs = net.forward(x)
    guess = outputs[-1].argmax(1)
    wrong = np.flatnonzero(guess != labels)
    writer.add_image("val/mistakes", montage(x[wrong[:32]].reshape(-1, 8, 8), 8), step, dataformats="HW")
    writer.add_image("val/confusion", confusion(labels, guess), step, dataformats="HW")
    writer.add_image("weights/first_layer", montage(net.weights[0].T.reshape(-1, 8, 8), 8), step, dataformats="HW")
    for name, values in [("weights/0", net.weights[0]), ("weights/1", net.weights[1]), ("activations/hidden", outputs[1])]:
        writer.add_histogram(name, values.ravel(), step)
    lines = [f"- a {labels[i]} is taken for a {guess[i]}" for i in wrong[:12]]
    writer.add_text("val/mistakes", f"{len(wrong)} of {len(labels)} are wrong:\n" + "\n".join(lines), step)


if __name__ == "__main__":
    main()
