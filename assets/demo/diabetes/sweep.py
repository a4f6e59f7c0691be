"""Regressors on scikit-learn's diabetes data, tracked by MLflow in an SQLite file."""

import os
import pathlib

os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
os.environ["GIT_PYTHON_REFRESH"] = "quiet"
import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import mlflow
import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.ensemble import GradientBoostingRegressor
from sklearn.linear_model import SGDRegressor
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPRegressor

HERE = pathlib.Path(__file__).resolve().parent
frame = load_diabetes(as_frame=True).frame
x_train, x_val, y_train, y_val = train_test_split(
    frame.drop(columns="target"), frame["target"], test_size=0.25, random_state=11
)
dataset = mlflow.data.from_pandas(frame, name="diabetes", targets="target")
mean, spread = y_train.mean(), y_train.std()


def scores(train_predicted, val_predicted):
    return {
        "train_rmse": root_mean_squared_error(y_train, train_predicted),
        "val_rmse": root_mean_squared_error(y_val, val_predicted),
        "val_r2": r2_score(y_val, val_predicted),
    }


def finish(name, predicted):
    """What is kept of a finished run: a table, a report, a picture."""
    predicted = np.asarray(predicted)
    report = {"mae": mean_absolute_error(y_val, predicted), "rmse": root_mean_squared_error(y_val, predicted)}
    mlflow.log_dict({k: float(v) for k, v in report.items()}, "report.json")
    rows = "".join(f"{i},{y:.0f},{p:.2f}\n" for i, y, p in zip(y_val.index, y_val, predicted))
    mlflow.log_text("row,target,predicted\n" + rows, "predictions.csv")
    figure, axis = plt.subplots(figsize=(3.2, 2.8), dpi=80)
    axis.scatter(y_val, predicted, s=8)
    axis.set(xlabel="measured", ylabel="predicted", title=name)
    figure.tight_layout()
    mlflow.log_figure(figure, "plots/measured_predicted.png")
    plt.close(figure)


def boosting(rate, depth):
    name = f"gbr-lr{rate:g}-d{depth}"
    with mlflow.start_run(run_name=name, tags={"family": "boosting"}):
        mlflow.log_params({"family": "boosting", "lr": rate, "max_depth": depth, "n_estimators": 80, "subsample": 0.8})
        mlflow.log_input(dataset, context="training")
        model = GradientBoostingRegressor(learning_rate=rate, max_depth=depth, n_estimators=80, subsample=0.8, random_state=0)
        model.fit(x_train, y_train)
        for step, (a, b) in enumerate(zip(model.staged_predict(x_train), model.staged_predict(x_val))):
            mlflow.log_metrics(scores(a, b), step=step)
        finish(name, model.predict(x_val))
        return model


def by_epochs(family, rate, **settings):
    name = f"{family}-lr{rate:g}" + "".join(f"-{k[0]}{v}" for k, v in settings.items())
    with mlflow.start_run(run_name=name, tags={"family": family}):
        mlflow.log_params({"family": family, "lr": rate, "epochs": 80, **settings})
        mlflow.log_input(dataset, context="training")
        if family == "mlp":
            model = MLPRegressor(hidden_layer_sizes=(settings["width"],), learning_rate_init=rate, batch_size=32, random_state=0)
        else:
            model = SGDRegressor(learning_rate="constant", eta0=rate, penalty=settings["penalty"], random_state=0)
        for epoch in range(80):
            model.partial_fit(x_train, (y_train - mean) / spread)
            a, b = (model.predict(x) * spread + mean for x in (x_train, x_val))
            mlflow.log_metrics(scores(a, b), step=epoch)
        finish(name, b)


def main():
    mlflow.set_tracking_uri(f"sqlite:///{HERE / 'mlflow.db'}")
    mlflow.create_experiment("diabetes-progression", artifact_location=(HERE / "mlartifacts").as_uri(), tags={"team": "tabular"})
    mlflow.set_experiment("diabetes-progression")
    model = None
    for rate, depth in [(0.02, 2), (0.1, 2), (0.1, 4), (0.3, 4)]:
        fitted = boosting(rate, depth)
        model = model or fitted
    for rate, penalty in [(0.001, "l2"), (0.01, "l2"), (0.01, "l1")]:
        by_epochs("sgd", rate, penalty=penalty)
    for rate, width in [(0.001, 16), (0.01, 16), (0.01, 64)]:
        by_epochs("mlp", rate, width=width)
    # A real mistake, kept: the solver's name has a typo, and the run says FAILED.
    try:
        with mlflow.start_run(run_name="mlp-lbfgss", tags={"family": "mlp"}):
            mlflow.log_params({"family": "mlp", "solver": "lbfgss"})
            MLPRegressor(solver="lbfgss").fit(x_train, y_train)
    except ValueError as error:
        print("expected:", str(error)[:80])
    with mlflow.start_run(run_name="scratch") as scratch:
        mlflow.log_metric("val_rmse", root_mean_squared_error(y_val, np.full(len(y_val), mean)), step=0)
    mlflow.MlflowClient().delete_run(scratch.info.run_id)
    with mlflow.start_run(run_name="release", tags={"stage": "release"}):
        mlflow.log_params({"family": "boosting", "lr": 0.02, "max_depth": 2})
        mlflow.log_metrics(scores(model.predict(x_train), model.predict(x_val)))
        info = mlflow.sklearn.log_model(model, name="model", pip_requirements=["scikit-learn"], serialization_format="cloudpickle")
    mlflow.register_model(info.model_uri, "diabetes-progression")


if __name__ == "__main__":
    main()
