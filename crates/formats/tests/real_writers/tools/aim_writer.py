"""Aim's repository: its list of runs is read, its metrics are not."""

import aim
from told import stage

aim.Repo.from_path(".", init=True)
run = aim.Run(repo=".", experiment="first", system_tracking_interval=None, log_system_params=False, capture_terminal_logs=False)
run.name = "one"
run.description = "words"
run.add_tag("best")
run.track(0.5, name="loss", step=0)
one = {"format": "aim", "key": run.hash, "name": "one", "tags": {"tags": "best", "description": "words"}}
stage(one)
run.close()
stage(one)
