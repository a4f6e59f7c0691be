"""Logs a model to the server at argv[1] as a training would; prints its run and its id."""

import sys

import mlflow

mlflow.set_tracking_uri(sys.argv[1])


class Echo(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        return model_input


with mlflow.start_run() as run:
    # MLflow 2 knows no logged models: there a model is an artifact of its run.
    how = {"name": "model"} if hasattr(mlflow, "initialize_logged_model") else {"artifact_path": "model"}
    logged = mlflow.pyfunc.log_model(**how, python_model=Echo(), pip_requirements=["mlflow"])
with mlflow.start_run() as bare:
    mlflow.log_text("x: 1", "old model/MLmodel")
    mlflow.log_text("nothing", "notes/a.txt")
with mlflow.start_run() as empty:
    pass
print(run.info.run_id, getattr(logged, "model_id", None), bare.info.run_id, empty.info.run_id, flush=True)
