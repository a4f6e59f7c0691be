"""MLflow stores of a size that MLflow itself would take hours to write.

The store, its experiment and its first run are MLflow's own: made by its client, so that schema and layout are what
this MLflow makes. The other runs are put beside it as MLflow puts them: files below mlruns/EXPERIMENT/RUN, or rows of
runs, tags, params, metrics and latest_metrics. At the end MLflow reads one run of ours, and must find what was put.
"""

import os
import pathlib
import sqlite3

START_MS = 1_795_000_000_000
TAGS = {"mlflow.user": "ml", "mlflow.source.name": "train.py", "mlflow.source.type": "LOCAL"}
N_PARAMS = 5
# Else MLflow refuses to open a file store, and tells its makers that it was used.
ALLOWED = {"MLFLOW_ALLOW_FILE_STORE": "true", "MLFLOW_DISABLE_TELEMETRY": "true"}


def client(uri):
    os.environ |= ALLOWED
    from mlflow import MlflowClient

    return MlflowClient(uri)


def files_uri(folder):
    return f"file://{folder}/mlruns"


def database_uri(folder):
    return f"sqlite:///{folder}/mlflow.db"


def keys(n):
    return [f"metric_{k:02}" for k in range(n)]


def param(i, k):
    return str(0.001 * (i % 97 + 1)) if k == 0 else str((i * 31 + k) % 64)


def run_id(i):
    """Of the form of a uuid4's digits; one of decimal digits alone YAML would read as a number."""
    return f"f{i * 0x9E3779B97F4A7C15 % 2**60:015x}{i:016x}"


def value(i, k, step):
    """A falling curve with noise, the same wherever it is made; SQL below says the same."""
    return (1 + k) / (1 + 0.05 * step) + (i * 7919 + k * 104_729 + step * 1_299_721) % 1_000_003 / 1e7


def make_files(folder, n_runs, n_keys, n_steps):
    """mlruns/ with `n_runs` runs of `n_keys` metrics, `n_steps` values each."""
    folder = pathlib.Path(folder)
    mlflow = client(files_uri(folder))
    experiment = mlflow.create_experiment("bench")
    pattern = first_run(mlflow, experiment)
    place = folder / "mlruns" / experiment
    meta = (place / pattern / "meta.yaml").read_text()
    for i in range(n_runs):
        put_run(place / run_id(i), meta.replace(pattern, run_id(i)), i, n_keys, n_steps)
    mlflow.delete_run(pattern)
    for one in (place / pattern).rglob("*"):
        one.is_file() and one.unlink()
    for one in sorted((place / pattern).rglob("*"), reverse=True):
        one.rmdir()
    (place / pattern).rmdir()
    check(mlflow, n_runs - 1, n_keys, n_steps)


def put_run(run, meta, i, n_keys, n_steps):
    """One run's folder, from the meta.yaml of a finished one."""
    start = START_MS + 1000 * i
    changed = {"run_name": f"run-{i:05}", "start_time": start, "end_time": start + 100 * n_steps}
    lines = (line.split(": ", 1) for line in meta.splitlines())
    write(run / "meta.yaml", "".join(f"{key}: {changed.get(key, text)}\n" for key, text in lines))
    (run / "artifacts").mkdir()
    for name, text in TAGS.items() | {("mlflow.runName", f"run-{i:05}")}:
        write(run / "tags" / name, text)
    for k in range(N_PARAMS):
        write(run / "params" / f"param_{k}", param(i, k))
    for k, key in enumerate(keys(n_keys)):
        write(run / "metrics" / key, "".join(f"{start + 100 * s} {value(i, k, s)} {s}\n" for s in range(n_steps)))


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def first_run(mlflow, experiment):
    run = mlflow.create_run(experiment, run_name="pattern").info.run_id
    mlflow.log_metric(run, "metric_00", 1.0)
    mlflow.set_terminated(run)
    return run


def make_database(folder, n_runs, n_keys, n_steps):
    """mlflow.db with `n_runs` runs of `n_keys` metrics, `n_steps` rows each."""
    folder = pathlib.Path(folder)
    mlflow = client(database_uri(folder))
    experiment = mlflow.create_experiment("bench", artifact_location=f"file://{folder}/artifacts")
    pattern = first_run(mlflow, experiment)
    with sqlite3.connect(folder / "mlflow.db", isolation_level=None) as db:
        db.execute("PRAGMA synchronous = OFF")
        db.execute("PRAGMA cache_size = -400000")
        db.execute("BEGIN")
        put_runs(db, pattern, n_runs)
        for i in range(n_runs):
            tags = TAGS | {"mlflow.runName": f"run-{i:05}"}
            db.executemany("INSERT INTO tags (run_uuid, key, value) VALUES (?, ?, ?)", [(run_id(i), *tag) for tag in tags.items()])
            params = [(run_id(i), f"param_{k}", param(i, k)) for k in range(N_PARAMS)]
            db.executemany("INSERT INTO params (run_uuid, key, value) VALUES (?, ?, ?)", params)
        put_metrics(db, n_runs, n_keys, n_steps)
        db.execute("COMMIT")
        for table in ("metrics", "latest_metrics", "tags", "params", "runs"):
            db.execute(f"DELETE FROM {table} WHERE run_uuid = ?", (pattern,))
    check(mlflow, n_runs - 1, n_keys, n_steps)


def put_runs(db, pattern, n_runs):
    """Copies of MLflow's own row, with id, name, times and artifacts of their own."""
    row = db.execute("SELECT * FROM runs WHERE run_uuid = ?", (pattern,))
    names = [column[0] for column in row.description]
    row = dict(zip(names, row.fetchone()))
    insert = f"INSERT INTO runs ({', '.join(names)}) VALUES ({', '.join(':' + name for name in names)})"
    for i in range(n_runs):
        own = {"run_uuid": run_id(i), "name": f"run-{i:05}", "start_time": START_MS + 1000 * i, "end_time": START_MS + 1000 * i + 999}
        db.execute(insert, row | own | {"artifact_uri": row["artifact_uri"].replace(pattern, run_id(i))})


def put_metrics(db, n_runs, n_keys, n_steps):
    """Run by run, and step by step within one, as trainings write."""
    db.execute("CREATE TEMP TABLE made (i INTEGER PRIMARY KEY, id TEXT)")
    db.executemany("INSERT INTO made VALUES (?, ?)", ((i, run_id(i)) for i in range(n_runs)))
    number = lambda n: f"(WITH RECURSIVE n(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM n WHERE n < {n - 1}) SELECT n FROM n)"
    noise = "((made.i * 7919 + key.n * 104729 + step.n * 1299721) % 1000003) / 1e7"
    columns = f"printf('metric_%02d', key.n), (1.0 + key.n) / (1.0 + 0.05 * step.n) + {noise}, {START_MS} + 1000 * made.i + 9 * step.n"
    of = "FROM made CROSS JOIN {steps} AS step CROSS JOIN {keys} AS key"
    names = "key, value, timestamp, run_uuid, step, is_nan"
    every = of.format(steps=number(n_steps), keys=number(n_keys))
    db.execute(f"INSERT INTO metrics ({names}) SELECT {columns}, made.id, step.n, 0 {every}")
    last = of.format(steps=f"(SELECT {n_steps - 1} AS n)", keys=number(n_keys))
    db.execute(f"INSERT INTO latest_metrics ({names}) SELECT {columns}, made.id, step.n, 0 {last}")


def check(mlflow, i, n_keys, n_steps):
    """MLflow's own reader finds in a run of ours what was put there."""
    run = mlflow.get_run(run_id(i))
    assert run.info.run_name == f"run-{i:05}" and run.info.status == "FINISHED", run.info
    assert run.data.params["param_0"] == param(i, 0) and run.data.tags["mlflow.user"] == "ml", run.data
    assert sorted(run.data.metrics) == keys(n_keys), run.data.metrics
    for k in (0, n_keys - 1):
        history = mlflow.get_metric_history(run_id(i), keys(n_keys)[k])
        found = sorted((point.step, point.value) for point in history)
        assert [step for step, _ in found] == list(range(n_steps)), found[:3]
        assert all(abs(v - value(i, k, s)) < 1e-9 for s, v in found), found[:3]
