"""A sweep of linear and neural classifiers on scikit-learn's wine, tracked by an MLflow file store.

One parent run, one child per setting; the best of each family is logged as a model, and the better one registered.
"""

import itertools
import os
import pathlib

os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
os.environ["GIT_PYTHON_REFRESH"] = "quiet"
import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import mlflow
import numpy as np
from sklearn.datasets import load_wine
from sklearn.linear_model import SGDClassifier
from sklearn.metrics import ConfusionMatrixDisplay, classification_report, log_loss
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HERE = pathlib.Path(__file__).resolve().parent
EPOCHS = 60
data = load_wine(as_frame=True)
frame = data.frame
x_train, x_val, y_train, y_val = train_test_split(
    frame.drop(columns="target"), frame["target"], test_size=0.3, random_state=4, stratify=frame["target"]
)
scaler = StandardScaler().fit(x_train)
dataset = mlflow.data.from_pandas(frame, name="wine", targets="target")


def model_for(family, rate, alpha):
    if family == "sgd":
        return SGDClassifier(loss="log_loss", alpha=alpha, learning_rate="constant", eta0=rate, random_state=0)
    return MLPClassifier(hidden_layer_sizes=(16,), alpha=alpha, learning_rate_init=rate, batch_size=16, random_state=0)


def train(family, rate, alpha):
    model = model_for(family, rate, alpha)
    rng = np.random.default_rng(0)
    xs, ys = scaler.transform(x_train), y_train.to_numpy()
    xv = scaler.transform(x_val)
    for epoch in range(EPOCHS):
        order = rng.permutation(len(ys))
        model.partial_fit(xs[order], ys[order], classes=[0, 1, 2])
        mlflow.log_metrics(
            {
                "train_loss": log_loss(ys, model.predict_proba(xs), labels=[0, 1, 2]),
                "val_loss": log_loss(y_val, model.predict_proba(xv), labels=[0, 1, 2]),
                "train_acc": model.score(xs, ys),
                "val_acc": model.score(xv, y_val),
            },
            step=epoch,
        )
    return model, model.score(xv, y_val), log_loss(y_val, model.predict_proba(xv), labels=[0, 1, 2])


def log_artifacts(model):
    predicted = model.predict(scaler.transform(x_val))
    mlflow.log_dict(classification_report(y_val, predicted, output_dict=True, zero_division=0), "report.json")
    table = x_val.assign(target=y_val, predicted=predicted)[["alcohol", "proline", "target", "predicted"]]
    mlflow.log_text(table.to_csv(index_label="row"), "predictions.csv")
    figure, axis = plt.subplots(figsize=(3.2, 2.8), dpi=80)
    ConfusionMatrixDisplay.from_predictions(y_val, predicted, ax=axis, colorbar=False)
    mlflow.log_figure(figure, "plots/confusion_matrix.png")
    plt.close(figure)


def main():
    mlflow.set_tracking_uri((HERE / "mlruns").as_uri())
    mlflow.set_experiment("wine-cultivars")
    best = {}
    with mlflow.start_run(run_name="sweep-1", description="Linear against a small network, 12 settings.") as parent:
        mlflow.set_tags({"team": "tabular", "stage": "search"})
        mlflow.log_params({"families": "sgd, mlp", "epochs": EPOCHS})
        grid = list(itertools.product(["sgd"], [0.001, 0.01, 0.1], [1e-4, 1e-2])) + list(
            itertools.product(["mlp"], [0.001, 0.003, 0.03], [1e-4, 1e-1])
        )
        for family, rate, alpha in grid:
            with mlflow.start_run(run_name=f"{family}-lr{rate:g}-a{alpha:g}", nested=True) as run:
                mlflow.set_tags({"team": "tabular", "family": family})
                mlflow.log_params({"family": family, "lr": rate, "alpha": alpha, "epochs": EPOCHS, "scaler": "standard"})
                mlflow.log_input(dataset, context="training")
                model, accuracy, loss = train(family, rate, alpha)
                log_artifacts(model)
                if family not in best or loss < best[family][0]:
                    best[family] = (loss, accuracy, run.info.run_id, model)
        loss, accuracy, _, _ = min(best.values(), key=lambda found: found[0])
        mlflow.log_metrics({"best_val_loss": loss, "best_val_acc": accuracy})
    # The best of the other family goes first, for whoever wants to compare the two where they serve.
    info = None
    for name, (loss, accuracy, run_id, model) in zip(["final-runner-up", "final"], sorted(best.values(), key=lambda found: -found[0])):
        with mlflow.start_run(run_name=name, tags={"team": "tabular", "stage": "release", "from_run": run_id}):
            mlflow.log_params({"from": parent.info.run_name, "features": x_train.shape[1]})
            mlflow.log_input(dataset, context="training")
            mlflow.log_metrics({"val_loss": loss, "val_acc": accuracy})
            pipeline = make_pipeline(scaler, model)
            info = mlflow.sklearn.log_model(
                pipeline,
                name="model",
                pip_requirements=["scikit-learn"],
                serialization_format="cloudpickle",
                input_example=x_val.head(4),
                signature=mlflow.models.infer_signature(x_val, pipeline.predict(x_val)),
            )
    version = mlflow.register_model(info.model_uri, "wine-cultivar")
    mlflow.MlflowClient().set_registered_model_alias("wine-cultivar", "champion", version.version)


if __name__ == "__main__":
    main()
