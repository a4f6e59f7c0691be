"""A run of W&B's, offline: while it lives, and ended."""

import wandb
from told import curve, stage

run = wandb.init(project="demo", name="first", config={"lr": 0.01, "model": {"depth": 3}}, tags=["a"])
odd = [float("nan"), float("inf"), float("-inf")]
for step, value in curve(6):
    run.log({"train/loss": value, "nested": {"a": step}})
one = {"format": "wandb", "name": "first"}
nested = [(step, step) for step in range(6)]
# Its core writes some seconds behind.
stage({**one, "series": {"train/loss": curve(6), "nested.a": nested}, "growing": True})
for value in odd:
    run.log({"odd": value})
run.log({"train/loss": 0.5}, step=2**40)
run.config.update({"late": 5})
run.finish()
loss = curve(6) + [(2**40, 0.5)]
series = {"train/loss": loss, "nested.a": nested, "odd": list(enumerate(odd, 6))}
stage({**one, "status": "finished", "params": {"lr": 0.01, "model.depth": 3, "late": 5}, "series": series})
