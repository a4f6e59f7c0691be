"""Small runs as ten tools leave them, after the samples that the tools themselves wrote (tests/samples).

Each function writes run number `i` into a folder of its own below `folder`; `SCALARS` steps of two metrics or so.
"""

import datetime
import json

import input_mlflow
from input_mlflow import START_MS, value, write

SCALARS = 50
START = START_MS // 1000


def iso(i, step):
    return (datetime.datetime.fromtimestamp(START + i * 60 + step, datetime.UTC)).strftime("%Y-%m-%dT%H:%M:%S.%f")


def rows(i, *columns):
    return [[step, *(value(i, k, step) for k in range(len(columns)))] for step in range(SCALARS)]


def table(i, columns, separator=","):
    lines = [separator.join(columns)] + [separator.join(map(str, row)) for row in rows(i, *columns[1:])]
    return "\n".join(lines) + "\n"


def mlflow(folder, i):
    store = folder / "mlruns"
    about = {"artifact_location": f"file://{store}/1", "experiment_id": "'1'", "lifecycle_stage": "active", "name": "mixed"}
    write(store / "1" / "meta.yaml", "".join(f"{key}: {text}\n" for key, text in about.items()))
    input_mlflow.put_run(store / "1" / input_mlflow.run_id(i), mlflow_meta(store, i), i, 2, SCALARS)


def mlflow_meta(store, i):
    own = {"artifact_uri": f"file://{store}/1/{input_mlflow.run_id(i)}/artifacts", "end_time": 0, "entry_point_name": "''"}
    own |= {"experiment_id": "'1'", "lifecycle_stage": "active", "run_id": input_mlflow.run_id(i), "run_name": "x", "source_name": "''"}
    own |= {"source_type": 4, "source_version": "''", "start_time": 0, "status": 3, "tags": "[]", "user_id": "ml"}
    return "".join(f"{key}: {text}\n" for key, text in own.items())


def lightning(folder, i):
    run = folder / f"lightning-{i:03}" / "lightning_logs" / "version_0"
    write(run / "metrics.csv", "epoch,step,train_loss,val_loss\n" + "".join(f"{s // 10},{s},{a},{b}\n" for s, a, b in rows(i, "a", "b")))
    write(run / "hparams.yaml", f"hidden: {i % 64}\nlr: {0.001 * (i % 97 + 1)}\n")


def ultralytics(folder, i):
    run = folder / "yolo" / "runs" / "detect" / f"train{i}"
    names = ["epoch", "time", "train/box_loss", "metrics/mAP50(B)", "lr/pg0"]
    write(run / "results.csv", table(i, names))
    write(run / "args.yaml", f"task: detect\nmode: train\nmodel: yolov8n.yaml\nepochs: {SCALARS}\nbatch: {i % 16 + 1}\nname: train{i}\n")


def keras(folder, i):
    write(folder / f"keras-{i:03}" / "training.log", table(i, ["epoch", "loss", "mae", "val_loss", "val_mae"]))


def hf_trainer(folder, i):
    history = [{"epoch": s / 10, "grad_norm": a, "learning_rate": b / 1e4, "loss": a + b, "step": s + 1} for s, a, b in rows(i, "a", "b")]
    state = {"best_metric": None, "epoch": SCALARS / 10, "global_step": SCALARS, "max_steps": SCALARS, "num_train_epochs": 5}
    state |= {"is_local_process_zero": True, "is_world_process_zero": True, "log_history": history}
    checkpoint = folder / f"hf-{i:03}" / f"checkpoint-{SCALARS}"
    write(checkpoint / "trainer_state.json", json.dumps(state, indent=2))
    write(checkpoint / "config.json", json.dumps({"architectures": ["BertForSequenceClassification"], "hidden_size": 64}))


def sacred(folder, i):
    run = folder / "sacred" / str(i + 1)
    steps = list(range(SCALARS))
    metrics = {
        name: {"steps": steps, "timestamps": [iso(i, s) for s in steps], "values": [value(i, k, s) for s in steps]}
        for k, name in enumerate(["train.loss", "acc"])
    }
    about = {"command": "main", "experiment": {"base_dir": "/home/ml", "mainfile": "train.py", "name": "mixed", "sources": []}}
    about |= {"start_time": iso(i, 0), "stop_time": iso(i, SCALARS), "heartbeat": iso(i, SCALARS), "status": "COMPLETED"}
    about |= {"host": {"hostname": "vm"}, "meta": {"command": "main", "options": {}}, "resources": [], "artifacts": [], "result": None}
    write(run / "run.json", json.dumps(about, indent=2))
    write(run / "config.json", json.dumps({"lr": 0.001 * (i % 97 + 1), "seed": i}))
    write(run / "metrics.json", json.dumps(metrics))
    write(run / "cout.txt", "started\ndone\n")


def dvclive(folder, i):
    run = folder / f"dvc-{i:03}" / "dvclive"
    last = {"step": SCALARS - 1}
    for k, name in enumerate(["loss", "acc"]):
        write(run / "plots" / "metrics" / f"{name}.tsv", f"step\t{name}\n" + "".join(f"{s}\t{value(i, k, s)}\n" for s in range(SCALARS)))
        last[name] = value(i, k, SCALARS - 1)
    write(run / "metrics.json", json.dumps(last, indent=4))
    write(run / "params.yaml", f"lr: {0.001 * (i % 97 + 1)}\n")


def ray_tune(folder, i):
    """Nine trials and their experiment, which is a row of its own."""
    if i % 10 == 9:
        return
    experiment, trial = f"{i // 10:05x}", f"{i // 10:05x}_{i % 10:05}"
    place = folder / "ray" / f"exp-{experiment}"
    run = place / f"f_{trial}_{i % 10}_lr=0.1_2026-11-18_08-14-45"
    config = {"lr": 0.001 * (i % 97 + 1), "opt": "adam"}
    lines = [
        {"loss": a, "acc": b, "timestamp": START + i * 60 + s, "checkpoint_dir_name": None, "done": s == SCALARS - 1}
        | {"training_iteration": s + 1, "trial_id": trial, "date": "2026-11-18_08-14-53", "time_this_iter_s": 1.0}
        | {"time_total_s": s + 1.0, "pid": 4_000_000, "hostname": "elsewhere", "node_ip": "192.0.2.2", "config": config}
        | {"time_since_restore": s + 1.0, "iterations_since_restore": s + 1}
        for s, a, b in rows(i, "a", "b")
    ]
    write(run / "result.json", "".join(json.dumps(line) + "\n" for line in lines))
    write(run / "params.json", json.dumps(config))


def jsonl(folder, i):
    lines = [{"step": s, "time": START + i * 60.0 + s, "train": {"loss": a}, "val_loss": b} for s, a, b in rows(i, "a", "b")]
    write(folder / f"plain-{i:03}" / "metrics.jsonl", "".join(json.dumps(line) + "\n" for line in lines))


# The tenth is TensorBoard's, whose event files bench-generate writes.
TOOLS = [mlflow, lightning, ultralytics, keras, hf_trainer, sacred, dvclive, ray_tune, jsonl]
