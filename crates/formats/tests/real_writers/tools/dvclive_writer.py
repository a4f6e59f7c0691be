"""DVCLive in a repository of git and DVC, which keeps the run as an experiment."""

import subprocess
import sys

from dvclive import Live
from told import curve, stage

for command in ("git init -q -b main", f"{sys.executable} -m dvc init -q", "git add -A", "git commit -qm init"):
    subprocess.run(command.split(), check=True, stdout=2)

params = {"lr": 0.01, "model": {"depth": 3}, "opt": "adam"}
shown = {"lr": 0.01, "model.depth": 3, "opt": "adam"}
loss, accuracy = curve(6), [(step, 0.5 + step / 17) for step in range(6)]
with Live(save_dvc_exp=True, exp_message="hello", report=None) as live:
    live.log_params(params)
    for step in range(6):
        if step == 3:
            stage({"format": "dvclive", "params": shown, "series": {"train/loss": loss[:3], "acc": accuracy[:3]}})
        live.log_metric("train/loss", loss[step][1])
        live.log_metric("acc", accuracy[step][1], timestamp=True)
        live.next_step()
    live.log_metric("final", 3.5, plot=False)
    name = live._exp_name
whole = {"params": shown, "series": {"train/loss": loss, "acc": accuracy}}
stage({"format": "dvclive", **whole}, {"format": "dvc_experiments", "name": name, "tags": {"message": "hello"}, **whole})
