"""Logs a model to the server at argv[1] as a training would; prints its run and its id."""

import sys

import mlflow

mlflow.set_tracking_uri(sys.argv[1])


class Echo(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        return model_input


with mlflow.start_run() as run:
    logged = mlflow.pyfunc.log_model(name="model", python_model=Echo(), pip_requirements=["mlflow"])
with mlflow.start_run() as bare:
    mlflow.log_text("x: 1", "old model/MLmodel")
    mlflow.log_text("nothing", "notes/a.txt")
with mlflow.start_run() as empty:
    pass
print(run.info.run_id, logged.model_id, bare.info.run_id, empty.info.run_id, flush=True)
