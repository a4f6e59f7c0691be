"""What XGBoost and LightGBM print of a training, in logs as a shell would keep them."""

import subprocess
import sys
from pathlib import Path

from told import stage

XGBOOST = """
import numpy as np, xgboost as xgb, json
X = np.random.RandomState(0).rand(200, 3); y = X.sum(1)
told = {}
d, e = xgb.DMatrix(X[:150], y[:150]), xgb.DMatrix(X[150:], y[150:])
xgb.train({"eta": 0.3, "verbosity": 0}, d, 20, evals=[(d, "train"), (e, "eval")], evals_result=told)
json.dump(told, open("xgboost.json", "w"))
"""
LIGHTGBM = """
import numpy as np, lightgbm as lgb, json
X = np.random.RandomState(0).rand(200, 3); y = X.sum(1)
told = {}
d = lgb.Dataset(X[:150], y[:150]); e = lgb.Dataset(X[150:], y[150:], reference=d)
lgb.train({"objective": "l2", "verbosity": -1}, d, 20, valid_sets=[e], callbacks=[lgb.log_evaluation(1), lgb.record_evaluation(told)])
json.dump(told, open("lightgbm.json", "w"))
"""


def run(tool, code, first):
    import json

    with open(f"{tool}.log", "w") as log:
        subprocess.run([sys.executable, "-c", code], check=True, stdout=log, stderr=log)
    told = json.loads(Path(f"{tool}.json").read_text())
    Path(f"{tool}.json").unlink()
    join = "-" if tool == "xgboost" else "/"
    series = {f"{part}{join}{name}": list(enumerate(values, first)) for part, by in told.items() for name, values in by.items()}
    # As many digits as are printed.
    stage({"format": "console", "name": f"{tool}.log", "series": series, "digits": 4})


run("xgboost", XGBOOST, 0)
run("lightgbm", LIGHTGBM, 1)
