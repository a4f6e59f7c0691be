"""An MLflow program under remote control: one command a line on stdin, one JSON answer a line on stdout."""
import json
import os
import sys
import time

os.environ.update(MLFLOW_ALLOW_FILE_STORE="true", MLFLOW_DISABLE_TELEMETRY="true", DO_NOT_TRACK="1", GIT_PYTHON_REFRESH="quiet")
import mlflow  # noqa: E402  (the environment comes first)
import numpy  # noqa: E402
from mlflow.tracking import MlflowClient  # noqa: E402

mlflow.set_tracking_uri(sys.argv[1])
mlflow.set_experiment("live")
client = MlflowClient()
step = 0
for line in sys.stdin:
    command, *args = line.split()
    answer = {}
    if command == "start":
        answer["run"] = mlflow.start_run(run_name=args[0], nested=True).info.run_id
        mlflow.log_params({"lr": 0.1, "opt/name": "adam"})
    elif command == "log":
        seconds = []
        for _ in range(int(args[0])):
            began = time.perf_counter()
            mlflow.log_metric("train/loss", 1.0 / (step + 1), step=step)
            seconds.append(time.perf_counter() - began)
            step += 1
        answer = {"max": max(seconds), "mean": sum(seconds) / len(seconds)}
    elif command == "odd":
        for value in ("nan", "inf", "-inf"):
            mlflow.log_metric("odd", float(value), step=step)
    elif command == "image":
        picture = numpy.full((8, 8, 3), int(args[1]), dtype=numpy.uint8)
        mlflow.log_image(picture, key=args[0], step=int(args[1]), synchronous=True)
    elif command == "tag":
        mlflow.set_tag(args[0], args[1])
    elif command == "untag":
        mlflow.delete_tag(args[0])
    elif command == "end":
        mlflow.end_run(args[0])
    elif command == "delete":
        client.delete_run(args[0])
    elif command == "model":
        client.create_registered_model(args[0])
        version = client.create_model_version(args[0], "runs:/x/model", args[1])
        client.set_registered_model_alias(args[0], "champion", version.version)
    print(json.dumps(answer), flush=True)
