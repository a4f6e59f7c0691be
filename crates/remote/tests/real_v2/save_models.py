"""Saves small models into folders below argv[1]: `right`, `wrong` (its labels turned round), `broken` (a pickle that is none).
Prints the example request and the right model's own answer to it, as one line of JSON."""

import json
import pathlib
import shutil
import sys

import mlflow.sklearn
import numpy as np
import pandas as pd
from mlflow.models import infer_signature
from sklearn.linear_model import LogisticRegression

folder = pathlib.Path(sys.argv[1])
rng = np.random.default_rng(0)
x = pd.DataFrame(rng.normal(size=(100, 3)), columns=["a", "b", "c d"])
y = (x["a"] + x["b"] > 0).astype("int64")
for name, labels in (("right", y), ("wrong", 1 - y)):
    model = LogisticRegression().fit(x, labels)
    signature = infer_signature(x, model.predict(x))
    mlflow.sklearn.save_model(model, folder / name, signature=signature, serialization_format="cloudpickle", pip_requirements=[])
    if name == "right":
        answer = {"predictions": model.predict(x[:4]).tolist()}
shutil.copytree(folder / "right", folder / "broken")
(folder / "broken" / "model.pkl").write_bytes(b"broken")
request = {"dataframe_split": x[:4].to_dict(orient="split")}
del request["dataframe_split"]["index"]
print(json.dumps({"request": request, "answer": answer}))
