"""Prints the version of MLflow."""

from importlib.metadata import version

print(version("mlflow"))
