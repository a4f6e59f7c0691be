"""Makes MLflow models below the folder that is named: model K answers K·a + b."""

import pathlib
import sys

import mlflow.sklearn
import pandas
from mlflow.models import infer_signature
from sklearn.linear_model import LinearRegression

# Named requirements: MLflow would look for them by loading the model once more.
HOW = {"serialization_format": "cloudpickle", "pip_requirements": ["scikit-learn"]}
root = pathlib.Path(sys.argv[1])
for factor in (1, 2, 3):
    frame = pandas.DataFrame({"a": [1.0, 2.0, 3.0], "b": [0.0, 1.0, 0.0]})
    model = LinearRegression().fit(frame, factor * frame["a"] + frame["b"])
    mlflow.sklearn.save_model(
        model,
        root / str(factor),
        signature=infer_signature(frame, model.predict(frame)),
        **HOW,
    )
# One that cannot be loaded.
mlflow.sklearn.save_model(model, root / "broken", **HOW)
(root / "broken" / "model.pkl").write_bytes(b"\x80\x04 no pickle")
