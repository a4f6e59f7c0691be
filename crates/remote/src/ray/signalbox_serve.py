"""Serves one version of an MLflow model on Ray Serve, as Signalbox asks for it.

Signalbox writes this file into a folder that all nodes of the cluster see and names it in PYTHONPATH. What a replica
says of itself it has found out itself: it digests the artifact before it loads it, and does not start if that is
another one than was asked for. Answers are MLflow's own (`mlflow models serve`), as its own code makes them.
"""

import asyncio
import hashlib
import json
import os

from ray import serve
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

# Written by Signalbox into the application's runtime_env: service, registry, model, version, digest, op.
VARIABLE = "SIGNALBOX_VERSION"


def file_digest(path: str) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    with open(path, "rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
            size += len(piece)
    return digest.hexdigest(), size


def tree_digest(root: str) -> str:
    """SHA-256 of a text with a line per file, in the order of the paths' bytes: digest, length, path."""
    files = []
    if os.path.isfile(root):
        files.append((os.path.basename(root), root))
    for folder, _, names in os.walk(root):
        below = os.path.relpath(folder, root).replace(os.sep, "/")
        for name in names:
            files.append((name if below == "." else f"{below}/{name}", os.path.join(folder, name)))
    listing = hashlib.sha256()
    for below, path in sorted(files, key=lambda file: file[0].encode()):
        digest, size = file_digest(path)
        listing.update(f"{digest} {size} {below}\n".encode())
    return f"sha256:{listing.hexdigest()}"


# Few tries: what cannot be loaded once cannot be loaded twenty times, Ray's own number.
@serve.deployment(name="Model", max_constructor_retry_count=2)
class Model:
    def __init__(self, path: str):
        self.identity = json.loads(os.environ[VARIABLE])
        wanted, found = self.identity.get("digest"), tree_digest(path)
        if wanted is not None and wanted != found:
            raise RuntimeError(f"{path} holds {found}, not {wanted}")
        self.identity["digest"] = found

        import mlflow.pyfunc

        self.model = mlflow.pyfunc.load_model(path)
        self.schema = self.model.metadata.get_input_schema()

    async def __call__(self, request: Request) -> Response:
        headers = {"x-signalbox-version": self.identity["version"], "x-signalbox-digest": self.identity["digest"]}
        if request.method == "GET":
            if not request.url.path.endswith("/signalbox"):
                return JSONResponse({"error": "send a POST"}, 405, headers)
            return JSONResponse(self.identity, headers=headers)
        body = await request.body()
        kind = request.headers.get("content-type", "application/json")
        status, text, mime = await asyncio.to_thread(self.answer, body, kind)
        return Response(text, status, headers, mime)

    def answer(self, body: bytes, kind: str) -> tuple[int, str, str]:
        from mlflow.exceptions import MlflowException
        from mlflow.pyfunc.scoring_server import invocations

        try:
            said = invocations(body, kind, self.model, self.schema)
            return said.status, said.response, said.mimetype
        except MlflowException as error:
            return error.get_http_status_code(), error.serialize_as_json(), "application/json"


def build(args: dict) -> serve.Application:
    return Model.bind(args["path"])
