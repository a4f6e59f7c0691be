"""Seeds of the fuzz targets whose input is a folder: `fuzz_seeds.py TARGET DIR` packs what the real tools wrote
(tests/samples) into inputs, as fuzz/fuzz_targets/shared/folder.rs takes them apart, and writes the words in them to
DIR.dict, for libFuzzer to put elsewhere."""
import hashlib
import os
import re
import sqlite3
import sys
import tempfile
import zlib

SAMPLES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tests/samples")
# Budget (in 64 bytes), two cuts (of 255), whether each call has a reader of its own, how old the files are.
CHOICES = [bytes([200, 90, 160, 0, 0]), bytes([0, 30, 250, 1, 1]), bytes([20, 0, 128, 1, 2])]


def read(path):
    with open(os.path.join(SAMPLES, path), "rb") as file:
        return file.read()


def folder(path, to, wanted=lambda name: True):
    """The files below a folder of the samples, as they lie below `to`."""
    top, files = os.path.join(SAMPLES, path), {}
    for dir, _, names in sorted(os.walk(top)):
        for name in sorted(names):
            rel = os.path.relpath(os.path.join(dir, name), top)
            if "tfevents" not in name and wanted(rel):
                files[f"{to}/{rel}"] = read(os.path.join(path, rel))
    return files


def repository(path):
    """A git repository with its loose objects unpacked."""
    files = folder(f"{path}/dot_git", ".git", lambda name: name != "config")
    is_loose = lambda name: name.startswith(".git/objects/") and "/pack/" not in name and "/info/" not in name
    return {name: zlib.decompress(data) if is_loose(name) else data for name, data in files.items()}


def database(path):
    """A database in pages that are as small as SQLite allows: else most of its bytes are empty space."""
    with tempfile.TemporaryDirectory() as dir:
        copy = os.path.join(dir, "copy.db")
        with open(copy, "wb") as file:
            file.write(read(path))
        db = sqlite3.connect(copy, isolation_level=None)
        db.execute("PRAGMA journal_mode = delete")
        db.execute("PRAGMA page_size = 512")
        db.execute("VACUUM")
        db.close()
        with open(copy, "rb") as file:
            return file.read()


def mlflow_runs():
    for store in ["mlflow_file/mlruns", "edge/mlruns_damaged"]:
        top = os.path.join(SAMPLES, store)
        for experiment in sorted(os.listdir(top)):
            for run in sorted(os.listdir(os.path.join(top, experiment))):
                if len(run) == 32:
                    files = folder(f"{store}/{experiment}/{run}", "mlruns/0/40b508a0e85a4d008518a68b99e843d0")
                    meta = f"{store}/{experiment}/meta.yaml"
                    yield {"mlruns/0/meta.yaml": read(meta), **files}
    # No sample has a registry; this is what MLflow 2 writes (FileStore, `store/model_registry/file_store.py`).
    version = b"creation_timestamp: 1700000000000\ncurrent_stage: Production\nname: net\nrun_id: abc\nsource: /a/b\nstatus: READY\n"
    yield {
        "mlruns/models/net/meta.yaml": b"name: net\ncreation_timestamp: 1700000000000\n",
        "mlruns/models/net/version-1/meta.yaml": version + b"version: 1\n",
        "mlruns/models/net/version-2/meta.yaml": version + b"version: 2\n",
        "mlruns/models/net/aliases/champion": b"2",
    }


def seeds(target):
    logs = ["xgboost", "lightgbm", "catboost", "keras_verbose1", "keras_verbose2", "nanogpt_like", "tqdm"]
    no_art = lambda name: not name.startswith("checkpoint") or name.endswith("state.json")
    match target:
        case "console":
            return [{"train.log": read(f"generic_logs/{name}.log")} for name in logs]
        case "hf_trainer":
            return [folder("hf_trainer/out", "out", no_art), folder("edge/hf_partial", "out")]
        case "ray_tune":
            return [folder("ray_tune/exp1", "exp", lambda name: not name.endswith(".csv"))]
        case "hydra":
            runs = ["multirun/2026-11-21/08-14-29", "outputs/2026-11-21/08-14-28", "outputs/2026-11-21/08-14-30"]
            return [folder(f"hydra/{run}", "run", lambda name: name.endswith(".yaml")) for run in runs]
        case "sacred":
            return [folder(f"sacred/runs/{run}", "runs/7", lambda name: name.endswith(".json")) for run in "123"]
        case "catboost":
            return [folder("catboost/catboost_info", "catboost_info")]
        case "dvclive":
            return [folder("dvclive/repo/dvclive", "dvclive"), folder("dvclive/norepo/mylogs", "dvclive")]
        case "dvc_experiments":
            return [repository("dvclive/repo"), repository("dvclive/packed")]
        case "guild":
            runs = sorted(os.listdir(os.path.join(SAMPLES, "guild/.guild/runs")))
            return [folder(f"guild/.guild/runs/{run}", "run") for run in runs]
        case "optuna_journal":
            return [{"journal.log": read("optuna/journal.log")}]
        case "sqlite":
            names = ["mlflow_sqlite/mlflow.db", "optuna/study.db", "trackio/trackio/demo.db"]
            places = ["mlflow.db", "study.db", "trackio/demo.db"]
            aim = folder("aim/.aim", ".aim", lambda name: name.startswith("check_ins"))
            aim[".aim/run_metadata.sqlite"] = database("aim/.aim/run_metadata.sqlite")
            return [{place: database(name)} for name, place in zip(names, places)] + [aim]
        case "mlflow_file":
            return list(mlflow_runs())
    return []


def packed(files):
    escaped = lambda data: data.replace(b"\xff", b"\xff\xff")
    return b"".join(b"\xff" + name.encode() + b"\n" + escaped(data) for name, data in files.items())


def words(files):
    """The files' marks, and what looks like a key."""
    found = {b"\xff" + name.encode() + b"\n" for name in files}
    for data in files.values():
        found.update(re.findall(rb'"[\w/.-]{1,40}"|\b[a-z_]{3,20}:', data[:50_000])[:300])
    return found


target, to = sys.argv[1:]
dictionary = sorted({word for files in seeds(target) for word in words(files)})
with open(f"{to}.dict", "w") as file:
    for word in dictionary:
        file.write('"' + "".join(chr(b) if chr(b).isalnum() and b < 128 else f"\\x{b:02x}" for b in word) + '"\n')
for files in seeds(target):
    halves = {name: data[: len(data) // 2] for name, data in files.items()}
    inputs = [choices + packed(files) for choices in CHOICES]
    if target != "sqlite":
        # Twice the same path: half of each file first, and the whole of it then.
        inputs.append(CHOICES[0] + packed(halves) + packed(files))
    for data in inputs:
        with open(os.path.join(to, "seed-" + hashlib.sha1(data).hexdigest()[:12]), "wb") as file:
            file.write(data)
