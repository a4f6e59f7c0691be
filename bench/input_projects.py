"""Projects of many files: one whose runs have ended long ago, and one of ten formats among everything else."""

import os
import pathlib
import time

import input_formats
import input_mlflow
from input_mlflow import write
from inputs import generate

N_FORMATS = len(input_formats.TOOLS) + 1
# What else lies about in such a folder, in folders of a hundred files each: how many of a hundred are such.
CLUTTER = {
    "data/images/class-{:04}/{:03}.png": 55,
    "data/labels/part-{:04}/{:03}.txt": 20,
    "data/notes/part-{:04}/{:03}.json": 12,
    "src/vendor/pkg{:04}/m{:03}.py": 13,
}
TEXT = {".png": "\x00PNG", ".txt": "0 0.51 0.43 0.2 0.12\n", ".json": '{"image": "000.png", "boxes": [[1, 2, 3, 4]]}', ".py": "x = 1\n", ".pt": "PK"}


def unchanged(bin, folder, n_runs):
    """Half of the runs are event files, half MLflow's; eight files each: `n_runs` × 8 in all."""
    generate(bin, folder / "tb", n_runs // 2, 100, "train/loss", "val/loss")
    for run in sorted((folder / "tb").iterdir()):
        for name in ("requirements.txt", "git.diff", "source.py", "config.yaml"):
            write(run / name, f"# {name} of {run.name}\n")
        for step in (10, 50, 100):
            write(run / "checkpoints" / f"step-{step}.pt", TEXT[".pt"])
    for i in range(n_runs - n_runs // 2):
        one_of_mlflow(folder / "mlflow", i)
    age(folder)


def one_of_mlflow(folder, i):
    """meta.yaml, two metrics, two params, three tags."""
    store = folder / "mlruns" / "1"
    if i == 0:
        write(store / "meta.yaml", f"artifact_location: file://{store}\nexperiment_id: '1'\nlifecycle_stage: active\nname: old\n")
    run = store / input_mlflow.run_id(i)
    input_mlflow.put_run(run, input_formats.mlflow_meta(folder / "mlruns", i), i, 2, 50)
    for k in range(2, input_mlflow.N_PARAMS):
        (run / "params" / f"param_{k}").unlink()
    (run / "tags" / "mlflow.source.type").unlink()


def mixed(bin, folder, n_runs, n_files):
    """`n_files` files, among them `n_runs` runs, as many of each of ten formats; half of the runs have ten checkpoints."""
    each = n_runs // N_FORMATS
    generate(bin, folder / "tb", n_runs - each * (N_FORMATS - 1), 50, "train/loss", "val/loss")
    for i in range(each):
        for k, tool in enumerate(input_formats.TOOLS):
            tool(folder, i + k * each if tool is not input_formats.mlflow else i)
    for run in folder.glob("*-[0-9]*"):
        for step in range(10):
            write(run / "checkpoints" / f"step-{step:04}.pt", TEXT[".pt"])
    n_left = n_files - count(folder)
    for name, share in CLUTTER.items():
        clutter(folder, name, n_left * share // 100)
    clutter(folder, "data/rest/part-{:04}/{:03}.png", n_files - count(folder))
    age(folder)


def clutter(folder, name, n):
    text = TEXT[pathlib.Path(name).suffix]
    for i in range(n):
        path = folder / name.format(i // 100, i % 100)
        if i % 100 == 0:
            path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def count(folder):
    return sum(len(files) for _, _, files in os.walk(folder))


def age(folder):
    """A week old, so that no run looks as if it still went on."""
    week_ago = time.time() - 7 * 86_400
    for place, _, files in os.walk(folder):
        for name in files:
            os.utime(os.path.join(place, name), (week_ago, week_ago))
