"""A model server for tests: `model_server.py FOLDER PORT`. FOLDER holds `model.json`:
{"says": NUMBER, "mode": MODE}; the answer to every request is {"predictions": [NUMBER]}.

Modes: "" | "slow start" (a second) | "dies at load" | "dies when asked" | "slow answer" (as many seconds as the header
x-sleep says) | "fails" (500) | "never ready".
"""

import json
import os
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

folder, port = sys.argv[1], int(sys.argv[2])
with open(os.path.join(folder, "model.json")) as file:
    model = json.load(file)
mode = model.get("mode", "")
print("loading", folder, flush=True)
if mode == "slow start":
    time.sleep(1)
if mode == "dies at load":
    sys.exit("ModuleNotFoundError: No module named 'sklearn'")


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def say(self, status, body):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):
        self.say(503 if mode == "never ready" else 200, {})

    def do_POST(self):
        n_bytes = 0
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            while n := int(self.rfile.readline(), 16):
                n_bytes += len(self.rfile.read(n))
                self.rfile.readline()
            self.rfile.readline()
        else:
            n_bytes = len(self.rfile.read(int(self.headers.get("Content-Length", 0))))
        if mode == "dies when asked":
            os._exit(7)
        if mode == "slow answer":
            time.sleep(float(self.headers.get("x-sleep", 0)))
        if mode == "fails":
            return self.say(500, {"error": "no"})
        self.say(200, {"predictions": [model["says"]], "bytes": n_bytes})

    def log_message(self, *args):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256


Server(("127.0.0.1", port), Handler).serve_forever()
