"""A real MLflow server on a free port of loopback, until our stdin ends: that is when the tests end, however they do.

Prints its port when it answers. With --auth: the basic-auth app, user "admin", password as given.
"""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

ended = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()

with socket.socket() as s:
    s.bind(("127.0.0.1", 0))
    port = s.getsockname()[1]

with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
    env = os.environ | {
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    more = []
    if sys.argv[1:2] == ["--auth"]:
        with open(f"{folder}/auth.ini", "w") as f:
            f.write(
                "[mlflow]\ndefault_permission = READ\ndatabase_uri = sqlite:///auth.db\nadmin_username = admin\n"
                f"admin_password = {sys.argv[2]}\n"
                "authorization_function = mlflow.server.auth:authenticate_request_basic_auth\n"
            )
        env |= {"MLFLOW_FLASK_SERVER_SECRET_KEY": "only for tests", "MLFLOW_AUTH_CONFIG_PATH": f"{folder}/auth.ini"}
        more = ["--app-name", "basic-auth"]
    log = open(f"{folder}/log", "w+")
    server = subprocess.Popen(
        [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", "sqlite:///mlflow.db"]
        + ["--artifacts-destination", "./artifacts", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
        + more,
        cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
    )
    try:
        while not ended.is_set():
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5)
                print(port, flush=True)
                ended.wait()
            except (urllib.error.URLError, OSError):
                if server.poll() is not None:
                    log.seek(0)
                    sys.exit("the MLflow server ended:\n" + log.read()[-3000:])
                time.sleep(0.2)
    finally:
        # The server and its worker: the session that we have started, and no other.
        try:
            os.killpg(server.pid, signal.SIGTERM)
            server.wait(5)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            pass
        try:
            os.killpg(server.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
