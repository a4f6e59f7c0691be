"""Two runs of Guild's."""

import os
import subprocess
import sys
from pathlib import Path

from told import stage

Path("train.py").write_text("lr = 0.1\nprint('loss: %f' % lr)\nif lr > 1:\n    raise SystemExit(3)\n")
Path(".guild").mkdir()
guild = Path(sys.executable).with_name("guild")
environment = dict(os.environ, GUILD_HOME=str(Path(".guild").absolute()))


def run(lr):
    subprocess.run([guild, "run", "train.py", f"lr={lr}", "-y", "--label", f"run {lr}"], env=environment, stdout=2)


run(0.5)
first = {"format": "guild", "name": "run 0.5", "status": "finished", "params": {"lr": 0.5}}
stage(first)
run(2.0)
stage(first, {"format": "guild", "name": "run 2.0", "status": "failed", "params": {"lr": 2.0}})
