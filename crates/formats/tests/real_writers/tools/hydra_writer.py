"""An application of Hydra's: one run and a sweep."""

import subprocess
import sys
from pathlib import Path

from told import stage

Path("conf/model").mkdir(parents=True)
Path("conf/config.yaml").write_text("defaults:\n  - model: small\n  - _self_\nlr: 0.01\nout: ${lr}\n")
Path("conf/model/small.yaml").write_text("depth: 2\n")
Path("conf/model/big.yaml").write_text("depth: 9\n")
Path("app.py").write_text('''
import hydra
@hydra.main(version_base=None, config_path="conf", config_name="config")
def main(cfg):
    return cfg.lr
main()
''')


def run(*arguments):
    subprocess.run([sys.executable, "app.py", *arguments], check=True, stdout=2)


def found(key, overrides, depth, lr):
    tags = {"hydra.job": "app", "hydra.overrides": overrides}
    return {"format": "hydra", **key, "params": {"lr": lr, "model.depth": depth}, "tags": tags}


run("lr=0.05")
stage(found({"name": "lr=0.05"}, "lr=0.05", 2, 0.05))
run("-m", "lr=0.1,0.2", "model=small,big")
sweep = [(0.1, "small", 2), (0.1, "big", 9), (0.2, "small", 2), (0.2, "big", 9)]
stage(*(found({"key": str(i)}, f"lr={lr} model={model}", depth, lr) for i, (lr, model, depth) in enumerate(sweep)))
