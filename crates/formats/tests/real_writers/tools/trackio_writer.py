"""Two runs of Trackio's, its folder in the project."""

import trackio
from told import curve, stage

trackio.init(project="demo", name="first", config={"lr": 0.01, "model": {"depth": 3}}, auto_log_gpu=False)
odd = [float("nan"), float("inf"), float("-inf")]
for _, value in curve(6):
    trackio.log({"train/loss": value})
first = {"format": "trackio", "name": "first", "params": {"lr": 0.01, "model.depth": 3}}
stage({**first, "series": {"train/loss": curve(6)}})
for value in odd:
    trackio.log({"odd": value})
trackio.finish()
whole = {**first, "series": {"train/loss": curve(6), "odd": list(enumerate(odd, 6))}}
stage(whole)
trackio.init(project="demo", name="second", group="g", config={"lr": 0.1}, auto_log_gpu=False)
trackio.log({"train/loss": 5.0}, step=3)
trackio.finish()
stage(whole, {"format": "trackio", "name": "second", "params": {"lr": 0.1}, "series": {"train/loss": [(3, 5.0)]}, "tags": {"trackio.group": "g"}})
