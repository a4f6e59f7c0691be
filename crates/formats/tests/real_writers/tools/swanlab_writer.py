"""A run of SwanLab's, offline."""

import swanlab
from told import curve, stage

swanlab.init(project="demo", experiment_name="first", config={"lr": 0.01, "model": {"depth": 3}}, logdir="swanlog", mode="offline")
shown = {"lr": 0.01, "model.depth": 3}
for step, value in curve(6):
    swanlab.log({"train/loss": value}, step=step)
one = {"format": "swanlab", "name": "first", "params": shown}
stage({**one, "series": {"train/loss": curve(6)}, "growing": True})
for step, value in curve(4, first=20):
    swanlab.log({"train/loss": value}, step=step)
swanlab.finish()
stage({**one, "status": "finished", "series": {"train/loss": curve(6) + curve(4, first=20)}})
