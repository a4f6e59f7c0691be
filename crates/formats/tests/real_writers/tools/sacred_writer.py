"""Two runs of an experiment of Sacred's, with the file observer: one ends, one fails."""

from sacred import SETTINGS, Experiment
from sacred.observers import FileStorageObserver
from told import curve, stage

SETTINGS.CAPTURE_MODE = "sys"
experiment = Experiment("demo", interactive=True)
experiment.observers.append(FileStorageObserver("runs"))
shown = {"net.depth": 3, "seed": 42}


@experiment.config
def config():
    lr = 0.01
    net = {"depth": 3}
    seed = 42


@experiment.main
def main(_run, lr):
    _run.beat_interval = 0.5
    print("hello")
    for step, value in curve(5):
        _run.log_scalar("train.loss", value, step)
        if step == 2 and lr < 1:
            # What was logged is written with the next heartbeat, which is up to ten seconds off.
            stage({"format": "sacred", "name": "1", "status": "running", "params": {"lr": 0.01, **shown},
                   "series": {"train.loss": curve(3)}, "growing": True})
    if lr > 1:
        raise ValueError("boom")
    return 0.9


experiment.run()
whole = {"format": "sacred", "series": {"train.loss": curve(5)}}
first = {"name": "1", "status": "finished", "params": {"lr": 0.01, **shown}, "tags": {"result": "0.9"}, **whole}
stage(first)
try:
    experiment.run(config_updates={"lr": 2.0})
except ValueError:
    pass
stage(first, {"name": "2", "status": "failed", "params": {"lr": 2.0, **shown}, "tags": {"error": "ValueError: boom"}, **whole})
