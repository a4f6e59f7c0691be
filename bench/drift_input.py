"""The tables that drift is measured on, seeded: the same to the value wherever they are made.

    drift_input.py FOLDER NAME ROWS         NAME.ref.parquet, NAME.cur.parquet and NAME.columns.json
    drift_input.py FOLDER year FILES        year/date=…/hour=….parquet, year.ref.parquet, coming.parquet (the hour
                                            after) and year.columns.json

m1x20 has 14 float, 2 integer and 4 string columns, the strings of 5 to 5,000 levels; m10x10 has 7, 1 and 2. Two in a
hundred values of every third float column are null. `cur` is drawn from distributions moved a little. As pyarrow
writes by default: snappy, row groups of 131,072 rows, dictionaries for strings; none for floats, which would fall back.
`columns.json` names every column: a number with the 63 inner edges of 64 bins of about equally many rows (fewer
for a number of few values), a category with null.
"""

import datetime as dt
import json
import pathlib
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

GROUP = 131_072
SHAPES = {"m1x20": (14, 2, [5, 20, 200, 5000]), "m10x10": (7, 1, [5, 50]), "year": (6, 1, [5, 50])}
YEAR_ROWS = 600


def floats(rng, i, n, moved):
    draws = [
        lambda: rng.normal(moved, 1, n),
        lambda: rng.lognormal(moved, 0.8, n),
        lambda: rng.standard_t(4, n) + moved,
        lambda: rng.random(n) + moved,
        lambda: rng.exponential(1 + moved, n),
        lambda: np.where(rng.random(n) < 0.5 + moved / 2, rng.normal(-2, 1, n), rng.normal(2, 1, n)),
        lambda: rng.gamma(2 + moved, 1, n),
    ]
    x = draws[i % 7]()
    return pa.array(x, mask=rng.random(n) < 0.02) if i % 3 == 0 else pa.array(x)


def strings(rng, n_levels, n, moved):
    share = 1 / np.arange(1, n_levels + 1) ** 0.8
    if moved:
        share = share * (1 + 0.3 * np.sin(np.arange(n_levels)))
    codes = rng.choice(n_levels, n, p=share / share.sum()).astype("int32")
    levels = pa.array([f"lvl_{j:05}" for j in range(n_levels)])
    return pa.DictionaryArray.from_arrays(pa.array(codes), levels).cast(pa.string())


def rows(seed, shape, n, moved):
    rng = np.random.default_rng(seed)
    n_floats, n_ints, levels = shape
    columns = {f"f{i:02}": floats(rng, i, n, moved if i % 2 else 0.0) for i in range(n_floats)}
    for i in range(n_ints):
        columns[f"i{i}"] = pa.array(rng.integers(0, 100_000, n) if i else rng.poisson(23 if moved else 20, n))
    return pa.table(columns | {f"c{i}": strings(rng, k, n, moved) for i, k in enumerate(levels)})


def dictionaries(table):
    return [name for name in table.schema.names if name.startswith("c")]


def write_columns(table, path):
    found = {}
    for name in table.schema.names:
        if name[0] not in "fi":
            found |= {name: None} if name[0] == "c" else {}
            continue
        q = np.quantile(table[name].drop_null().to_numpy(), np.arange(1, 64) / 64)
        # Between two whole numbers: which side of an edge is closed differs between engines.
        found[name] = [float(edge) for edge in (np.unique(np.floor(q)) + 0.5 if name[0] == "i" else q)]
    path.write_text(json.dumps(found))


def make_pair(folder, name, n_rows):
    for side, moved in (("ref", 0.0), ("cur", 0.1)):
        writer = None
        for group, begin in enumerate(range(0, n_rows, GROUP)):
            table = rows([list(SHAPES).index(name), side == "cur", group], SHAPES[name], min(GROUP, n_rows - begin), moved)
            if writer is None:
                writer = pq.ParquetWriter(folder / f"{name}.{side}.parquet", table.schema, use_dictionary=dictionaries(table))
                if side == "ref":
                    write_columns(table, folder / f"{name}.columns.json")
            writer.write_table(table, row_group_size=GROUP)
        writer.close()


def make_year(folder, n_files):
    for hour in range(n_files + 1):
        when = dt.datetime(2025, 1, 1) + dt.timedelta(hours=hour)
        table = rows([2, 0, hour], SHAPES["year"], YEAR_ROWS, 0.15 if hour > n_files * 2 // 3 else 0.0)
        at = np.datetime64(when, "us") + np.sort(np.random.default_rng([2, 1, hour]).integers(0, 3_600_000_000, YEAR_ROWS))
        table = table.append_column("ts", pa.array(at, pa.timestamp("us", tz="UTC")))
        path = folder / "year" / f"date={when:%Y-%m-%d}" / f"hour={when:%H}.parquet"
        if hour == n_files:
            path = folder / "coming.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(table, path, use_dictionary=dictionaries(table))
    reference = rows([2, 0, 0], SHAPES["year"], GROUP, 0.0)
    pq.write_table(reference, folder / "year.ref.parquet", use_dictionary=dictionaries(reference))
    write_columns(reference, folder / "year.columns.json")


def main():
    folder, name, n = pathlib.Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    folder.mkdir(parents=True, exist_ok=True)
    if name == "year":
        make_year(folder, n)
    else:
        make_pair(folder, name, n)


if __name__ == "__main__":
    main()
