"""Ray Tune: two trials, of which one fails."""

import os
import tempfile

os.environ.update(RAY_USAGE_STATS_ENABLED="0", RAY_AIR_NEW_OUTPUT="0", RAY_TRAIN_V2_ENABLED="0")

import ray
from ray import tune
from told import stage

ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False, _temp_dir=tempfile.mkdtemp(prefix="ray"), object_store_memory=100_000_000)


def train(config):
    for step in range(4):
        tune.report({"loss": config["lr"] * (4 - step), "nested": {"a": step}})
    if config["lr"] > 0.15:
        raise ValueError("boom")


space = {"lr": tune.grid_search([0.1, 0.2]), "opt": "adam"}
results = tune.Tuner(train, param_space=space, run_config=tune.RunConfig(name="exp", storage_path=os.getcwd(), verbose=0)).fit()
found = []
for result in results:
    lr = result.config["lr"]
    series = {"loss": [(step + 1, lr * (4 - step)) for step in range(4)], "nested/a": [(step + 1, step) for step in range(4)]}
    status = "failed" if lr > 0.15 else "finished"
    key = f"trial:{os.path.basename(result.path)}"
    found.append({"format": "ray_tune", "key": key, "status": status, "params": {"lr": lr, "opt": "adam"}, "series": series})
stage(*found)
ray.shutdown()
