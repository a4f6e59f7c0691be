"""Serves the MLflow model in `files` beside it. Written by Signalbox."""

import json
import os

import mlflow.pyfunc
import numpy
import pandas
import triton_python_backend_utils as pb


class TritonPythonModel:
    def initialize(self, args):
        config = json.loads(args["model_config"])
        self.inputs = [one["name"] for one in config["input"]]
        self.outputs = [(one["name"], one["data_type"], len(one["dims"])) for one in config["output"]]
        self.form = config["parameters"]["signalbox.form"]["string_value"]
        folder = os.path.join(args["model_repository"], args["model_version"], "files")
        self.model = mlflow.pyfunc.load_model(folder)

    def execute(self, requests):
        return [self.answer(request) for request in requests]

    def answer(self, request):
        try:
            given = {name: values(pb.get_input_tensor_by_name(request, name)) for name in self.inputs}
            if self.form == "columns":
                said = self.model.predict(pandas.DataFrame({name: got.reshape(-1) for name, got in given.items()}))
            elif self.form == "array":
                said = self.model.predict(given[self.inputs[0]])
            else:
                said = self.model.predict(given)
            parts = [said] if len(self.outputs) == 1 and not hasattr(said, "keys") else [said[one[0]] for one in self.outputs]
            return pb.InferenceResponse([tensor(*one, part) for one, part in zip(self.outputs, parts)])
        except Exception as e:
            return pb.InferenceResponse(error=pb.TritonError(f"{type(e).__name__}: {e}"))


def values(tensor):
    got = tensor.as_numpy()
    if got.dtype == object:
        return numpy.array([one.decode() for one in got.reshape(-1)], dtype=object).reshape(got.shape)
    return got


def tensor(name, kind, rank, part):
    part = numpy.asarray(part)
    if rank == 2 and part.ndim == 1:
        part = part.reshape(-1, 1)
    if kind == "TYPE_STRING":
        part = numpy.array([str(one).encode() for one in part.reshape(-1)], dtype=object).reshape(part.shape)
    else:
        part = part.astype(pb.triton_string_to_numpy(kind))
    return pb.Tensor(name, part)
