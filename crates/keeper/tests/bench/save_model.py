"""`save_model.py FOLDER SEED`: saves a small regression with its input example; prints its answers to the example."""

import json
import sys

import mlflow.sklearn
import numpy
from sklearn.linear_model import LinearRegression

folder, seed = sys.argv[1], int(sys.argv[2])
rows = numpy.random.default_rng(seed).normal(size=(50, 3))
model = LinearRegression().fit(rows, rows @ [1.0, 2.0, seed])
mlflow.sklearn.save_model(model, folder, input_example=rows[:2], pip_requirements=["scikit-learn"])
print(json.dumps({"predictions": model.predict(rows[:2]).tolist()}))
