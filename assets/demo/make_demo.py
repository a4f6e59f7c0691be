"""Writes the demo's runs anew: every curve here comes from a real training by the scripts beside it.

    python -m venv venv && venv/bin/pip install -r requirements.txt
    venv/bin/python make_demo.py [PART…]    (about six minutes, as root on Linux)

The trainings run in /home/ml/demo on a host called "laptop", so that the records carry no path or name of
the machine that wrote them. What they wrote is then copied here, beside the scripts.
"""

import os
import pathlib
import shutil
import signal
import sqlite3
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
HOME = pathlib.Path("/home/ml")
PLACE = HOME / "demo"
# What each part writes.
PARTS = {
    "digits": ["digits/runs", "digits/keras", "digits/lightning_logs"],
    "watched": ["digits/watched"],
    "wine": ["wine/mlruns"],
    "diabetes": ["diabetes/mlflow.db", "diabetes/mlartifacts", "diabetes/ridge.jsonl"],
}

DIGITS = [
    ["--name", "baseline"],
    ["--name", "baseline-seed1", "--seed", "1"],
    ["--name", "baseline-seed2", "--seed", "2"],
    ["--name", "sgd-lr0.2", "--lr", "0.2"],
    ["--name", "sgd-lr0.2-cosine", "--lr", "0.2", "--schedule", "cosine"],
    ["--name", "sgd-lr0.005", "--lr", "0.005"],
    ["--name", "momentum", "--optimizer", "momentum", "--lr", "0.02"],
    ["--name", "momentum-wide", "--optimizer", "momentum", "--lr", "0.02", "--hidden", "256", "--decay", "1e-4"],
    ["--name", "momentum-deep", "--optimizer", "momentum", "--lr", "0.02", "--layers", "3", "--schedule", "warmup"],
    ["--name", "adam", "--optimizer", "adam", "--lr", "1e-3"],
    ["--name", "adam-wide-b128", "--optimizer", "adam", "--lr", "2e-3", "--hidden", "256", "--batch", "128", "--log-every", "4"],
    ["--name", "adam-deep-cosine", "--optimizer", "adam", "--lr", "1e-3", "--layers", "3", "--schedule", "cosine"],
    # A step that grows too bold while it warms up: the loss reaches infinity, then nothing is a number any more.
    ["--name", "sgd-lr1.2-diverged", "--lr", "1.2", "--schedule", "warmup", "--layers", "3", "--hidden", "128"]
    + ["--batch", "16", "--epochs", "60", "--log-every", "5"],
]


def in_place(script, *args, **kwargs):
    env = {"HOME": str(HOME), "USER": "ml", "LOGNAME": "ml", "PATH": os.environ["PATH"], "LANG": "C.UTF-8", "CUDA_VISIBLE_DEVICES": ""}
    env |= {k: v for k, v in os.environ.items() if k.startswith("SSL_")} | {"OMP_NUM_THREADS": "1", "MPLCONFIGDIR": str(HOME / ".mpl")}
    script = PLACE / script
    return subprocess.Popen([sys.executable, "-W", "ignore", script.name, *args], cwd=script.parent, env=env, **kwargs)


def run(script, *args):
    print("running", script, *args, flush=True)
    if in_place(script, *args).wait():
        raise SystemExit(f"{script} failed")


def kill_after(args, val_points):
    """Starts a digits run and ends it with SIGKILL once its checkpoint of that epoch and some more points are on disk."""
    print("running, to be killed,", *args, flush=True)
    child = in_place("digits/train.py", *args)
    checkpoint = PLACE / "digits/checkpoints" / f"{args[1]}.npz"
    import numpy as np

    while True:
        time.sleep(0.05)
        if child.poll() is not None:
            raise SystemExit(f"{args[1]} ended before it could be killed")
        try:
            with np.load(checkpoint) as saved:
                if int(saved["epoch"]) >= val_points:
                    break
        except (OSError, ValueError, KeyError, EOFError, __import__("zipfile").BadZipFile):
            continue
    time.sleep(3)
    child.send_signal(signal.SIGKILL)
    child.wait()


def digits():
    for args in DIGITS:
        run("digits/train.py", *args)
    slow = ["--layers", "3", "--hidden", "512", "--batch", "16", "--optimizer", "momentum", "--lr", "0.01", "--log-every", "20"]
    kill_after(["--name", "momentum-512-killed", *slow, "--epochs", "200"], 40)
    resumed = ["--name", "momentum-512-resumed", *slow, "--epochs", "80", "--seed", "5", "--schedule", "cosine"]
    kill_after(resumed, 40)
    run("digits/train.py", *resumed, "--resume")
    run("digits/train_keras.py")
    run("digits/train_lightning.py")


def watched():
    (PLACE / "digits/watched").mkdir()
    with open(PLACE / "digits/watched/train.log", "w") as log:
        if in_place("digits/train_watched.py", stdout=log).wait():
            raise SystemExit("digits/train_watched.py failed")


def shrink_database(path):
    """MLflow's 65 tables, most of them empty, take a page each: small pages make the file small."""
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA page_size=512")
        db.execute("VACUUM")


def main():
    if os.environ.get("SIGNALBOX_DEMO_HOST") != "laptop":
        os.environ["SIGNALBOX_DEMO_HOST"] = "laptop"
        inside = 'hostname laptop && exec "$@"'
        os.execvp("unshare", ["unshare", "--uts", "sh", "-c", inside, "sh", sys.executable, __file__, *sys.argv[1:]])
    which = sys.argv[1:] or list(PARTS)
    written = [name for part in which for name in PARTS[part]]
    for name in written:
        remove(PLACE / name)
        folder = name.split("/")[0]
        (PLACE / folder).mkdir(parents=True, exist_ok=True)
        for script in (HERE / folder).glob("*.py"):
            shutil.copy(script, PLACE / folder)
    if "digits" in which:
        digits()
    if "watched" in which:
        watched()
    if "wine" in which:
        run("wine/sweep.py")
    if "diabetes" in which:
        run("diabetes/sweep.py")
        run("diabetes/ridge_by_hand.py")
        shrink_database(PLACE / "diabetes/mlflow.db")
    for name in written:
        source, target = PLACE / name, HERE / name
        remove(target)
        if source.is_dir():
            shutil.copytree(source, target)
        else:
            shutil.copy(source, target)


def remove(path):
    shutil.rmtree(path, ignore_errors=True)
    path.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
