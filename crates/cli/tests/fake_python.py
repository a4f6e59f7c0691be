#!/usr/bin/env python3
"""Stands for a project's Python in tests of the command line: knows `-m mlflow models predict` and `… serve`, starts at
once, and answers a number that is its model's own. What a real MLflow does is tested where it runs."""

import json
import os
import sys
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

words = sys.argv[1:]
after = lambda word: words[words.index(word, 3) + 1]
folder = after("-m")
with open(os.path.join(folder, "MLmodel"), "rb") as file:
    answer = {"predictions": [zlib.crc32(file.read())]}

if words[:4] == ["-m", "mlflow", "models", "predict"]:
    with open(after("-o"), "w") as file:
        json.dump(answer, file)
    sys.exit()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def say(self):
        data = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = say

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.say()

    def log_message(self, *args):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256


Server(("127.0.0.1", int(after("-p"))), Handler).serve_forever()
