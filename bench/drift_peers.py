"""One peer, one job, as a process of its own: it is measured from outside, so its start and its imports count too.

    drift_peers.py NAME COLUMNS FILE…      prints one JSON object: the engine's name and version, and for a profile what it found

Each is given what it does best here, found by trying: DuckDB's `histogram` with edges, Polars' `hist` in one lazy scan.
"""

import json
import os
import sys
import warnings

THREADS = str(os.cpu_count())
os.environ |= {"POLARS_MAX_THREADS": THREADS, "NML_DISABLE_USAGE_LOGGING": "1", "DO_NOT_TRACK": "1"}
warnings.filterwarnings("ignore")
WIDEST = 1e300


def pandas_pair(ref, cur):
    import pandas as pd

    ref, cur = pd.read_parquet(ref), pd.read_parquet(cur)
    return ref, cur, [c for c in ref if c[0] in "fi"], [c for c in ref if c[0] == "c"]


def evidently_preset(_, ref, cur):
    import evidently
    from evidently import DataDefinition, Dataset, Report
    from evidently.presets import DataDriftPreset

    ref, cur, numbers, categories = pandas_pair(ref, cur)
    what = DataDefinition(numerical_columns=numbers, categorical_columns=categories)
    sides = [Dataset.from_pandas(side, data_definition=what) for side in (cur, ref)]
    found = Report([DataDriftPreset()]).run(*sides).dict()["metrics"]
    return f"Evidently {evidently.__version__} DataDriftPreset", found[0]["value"]


def nannyml(ref, cur, numbers, categories, what):
    import nannyml as nml

    ref, cur, _, _ = pandas_pair(ref, cur)
    calculator = nml.UnivariateDriftCalculator(
        column_names=list(ref.columns), chunk_number=10, continuous_methods=numbers, categorical_methods=categories
    )
    found = calculator.fit(ref).calculate(cur).to_df()
    return f"NannyML {nml.__version__}, {what}", len(found)


def nannyml_js(_, ref, cur):
    return nannyml(ref, cur, ["jensen_shannon"], ["jensen_shannon"], "Jensen–Shannon alone, 10 chunks")


def nannyml_4(_, ref, cur):
    numbers = ["jensen_shannon", "kolmogorov_smirnov", "wasserstein", "hellinger"]
    return nannyml(ref, cur, numbers, ["jensen_shannon", "chi2", "l_infinity", "hellinger"], "4 methods, 10 chunks")


def whylogs(_, ref, cur):
    import whylogs as why
    from whylogs.viz.drift.column_drift_algorithms import calculate_drift_scores

    ref, cur, _, _ = pandas_pair(ref, cur)
    views = [why.log(side).view() for side in (cur, ref)]
    found = calculate_drift_scores(target_view=views[0], reference_view=views[1])
    return f"whylogs {why.__version__}, sketches of both sides", len(found)


def duckdb_ask(sql):
    import duckdb

    db = duckdb.connect()
    db.execute(f"SET threads = {THREADS}")
    return f"DuckDB {duckdb.__version__}", db.execute(sql).fetchall() if sql else []


def duckdb_start(*_):
    return duckdb_ask("")


def split(columns):
    """Numbers with the inner edges of their bins, and categories."""
    return {c: at for c, at in columns.items() if at is not None}, [c for c, at in columns.items() if at is None]


def duckdb_sums(columns, path):
    sums = [f"sum({c})" if at else f"count({c})" for c, at in columns.items()]
    return duckdb_ask(f"SELECT {', '.join(sums)} FROM '{path}'")[0], None


def duckdb_aggregates(numbers, categories):
    asked = ["count(*)"]
    for c, at in numbers.items():
        asked += [f"count({c})", f"avg({c})", f"stddev_pop({c})", f"min({c})", f"max({c})"]
        asked.append(f"map_values(histogram({c}::DOUBLE, {at + [WIDEST]}))")
    return ", ".join(asked + [f"histogram({c})" for c in categories])


def duckdb_profile(columns, path):
    numbers, categories = split(columns)
    name, [row] = duckdb_ask(f"SELECT {duckdb_aggregates(numbers, categories)} FROM '{path}'")
    n, row, found = row[0], list(row[1:]), {}
    for c in numbers:
        (count, mean, sd, low, high, bins), row = row[:6], row[6:]
        found[c] = {"n": count, "nulls": n - count, "mean": mean, "sd": sd, "min": low, "max": high, "bins": list(bins)}
    return name, found | {c: dict(counts) for c, counts in zip(categories, row)}


def duckdb_year(columns, folder):
    asked = duckdb_aggregates(*split(columns))
    name, rows = duckdb_ask(f"SELECT filename, {asked} FROM read_parquet('{folder}/*/*.parquet', filename = true) GROUP BY filename")
    return name, len(rows)


def polars_name():
    import polars as pl

    return f"Polars {pl.__version__}"


def polars_start(*_):
    return polars_name(), None


def polars_sums(columns, path):
    import polars as pl

    asked = [pl.col(c).sum() if at else pl.col(c).count() for c, at in columns.items()]
    pl.scan_parquet(path).select(asked).collect(engine="streaming")
    return polars_name(), None


def polars_moments(numbers):
    import polars as pl

    asked = [pl.len().alias("n")]
    for c in numbers:
        x = pl.col(c)
        asked += [x.count().alias(f"{c} n"), x.mean().alias(f"{c} mean"), x.std(ddof=0).alias(f"{c} sd")]
        asked += [x.min().alias(f"{c} min"), x.max().alias(f"{c} max")]
    return asked


def polars_bins(c, at):
    import polars as pl

    return pl.col(c).cast(pl.Float64).hist(bins=[-WIDEST, *at, WIDEST]).implode().alias(f"{c} bins")


def polars_profile(columns, path):
    import polars as pl

    numbers, categories = split(columns)
    asked = polars_moments(numbers) + [polars_bins(c, at) for c, at in numbers.items()]
    asked += [pl.col(c).value_counts().implode().alias(c) for c in categories]
    got = pl.scan_parquet(path).select(asked).collect().row(0, named=True)
    found = {}
    for c in numbers:
        found[c] = {key: got[f"{c} {key}"] for key in ("n", "mean", "sd", "min", "max", "bins")} | {"nulls": got["n"] - got[f"{c} n"]}
    return polars_name(), found | {c: {pair[c]: pair["count"] for pair in got[c]} for c in categories}


def polars_year(columns, folder):
    """A histogram within a group is slow in Polars: the bin of each value is looked up, and pairs of file and bin counted."""
    import polars as pl

    scan = pl.scan_parquet(f"{folder}/*/*.parquet", include_file_paths="file", hive_partitioning=False)
    numbers, categories = split(columns)
    asked = [scan.group_by("file").agg(polars_moments(numbers))]
    for c, at in numbers.items():
        bin_of = pl.lit(pl.Series(at)).search_sorted(pl.col(c).cast(pl.Float64)).alias("bin")
        asked.append(scan.select("file", bin_of).group_by("file", "bin").len())
    asked += [scan.group_by("file", c).len() for c in categories]
    return polars_name(), len(pl.collect_all(asked, engine="streaming")[0])


def pyarrow_start(*_):
    import pyarrow as pa
    import pyarrow.parquet  # noqa: F401

    return f"PyArrow {pa.__version__}", None


def pyarrow_sums(columns, path):
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    for batch in pq.ParquetFile(path).iter_batches(batch_size=131_072, use_threads=True):
        for c in batch.schema.names:
            pc.sum(batch[c]) if columns[c] else pc.count(batch[c])
    return pyarrow_start()


def main():
    name, columns, *files = sys.argv[1:]
    with open(columns) as file:
        engine, found = globals()[name](json.load(file), *files)
    print(json.dumps({"engine": engine, "found": found}))


if __name__ == "__main__":
    main()
