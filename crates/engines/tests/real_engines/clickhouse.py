"""ClickHouse's HTTP interface over chDB, as much of it as a reader uses: SQL in the body, settings in the query.

usage: clickhouse.py PORT FOLDER FILE.parquet DAYS.parquet, which become the tables app.`odd \\" na``me` and app.days
"""

import http.server
import sys
import urllib.parse

from chdb import session

PORT, FOLDER, FILE, DAYS = int(sys.argv[1]), *sys.argv[2:]
# Those that the program sends and that belong to HTTP rather than to a query.
NOT_SETTINGS = {"database", "default_format", "wait_end_of_query", "cancel_http_readonly_queries_on_client_close"}

db = session.Session(FOLDER)
db.query("CREATE DATABASE app")
db.query(
    "CREATE TABLE app.`odd \\\\\" na\\`me` ENGINE = MergeTree ORDER BY tuple() AS "
    f"SELECT * FROM file('{FILE}', Parquet) SETTINGS session_timezone='UTC'"
)
for name, time in ("days", "at"), ("day_starts", "toTimeZone(toDateTime64(at, 0, 'UTC'), 'Asia/Tokyo')"):
    db.query(
        f"CREATE TABLE app.{name} ENGINE = MergeTree ORDER BY tuple() AS SELECT * REPLACE ({time} AS at) "
        f"FROM file('{DAYS}', Parquet) SETTINGS session_timezone='UTC'"
    )


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(self.path).query))
        sql = self.rfile.read(int(self.headers["Content-Length"])).decode()
        wrong = None
        if self.headers.get("X-ClickHouse-User") != "ada" or self.headers.get("X-ClickHouse-Key") != "s3cret'\"":
            wrong = "Code: 516. DB::Exception: Authentication failed"
        elif query.get("readonly") != "1" or query.get("database") != "app":
            wrong = "Code: 164. DB::Exception: not read only, or another database"
        try:
            if wrong is None:
                db.query("USE app")
                settings = ", ".join(f"{k} = '{v}'" for k, v in query.items() if k not in NOT_SETTINGS)
                body = db.query(f"{sql} SETTINGS {settings}", query["default_format"]).bytes()
        except Exception as e:
            wrong = str(e)
        status, body = (200, body) if wrong is None else (500, wrong.encode())
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


try:
    http.server.HTTPServer(("127.0.0.1", PORT), Handler).serve_forever()
except KeyboardInterrupt:
    # So the test ends it.
    db.close()
