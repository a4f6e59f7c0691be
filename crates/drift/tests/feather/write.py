"""The same table as pandas and pyarrow write it, compressed and not: python write.py FOLDER (pyarrow 25, pandas 3)."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import feather

to = Path(sys.argv[1])
n, draw = 900, np.random.default_rng(1)
frame = pd.DataFrame(
    {
        "x": np.where(np.arange(n) % 7 == 3, np.nan, draw.normal(size=n).round(3)),
        "n": np.arange(n, dtype=np.int64) // 3,
        "k": pd.Categorical.from_codes(np.arange(n) % 4, ["a", "b", "c", "ä"]),
        "t": pd.date_range("2026-03-01", periods=n, freq="min"),
        "yes": np.arange(n) % 3 == 0,
        "text": [None if at % 11 == 5 else f"row {at % 40}" for at in range(n)],
        "constant": 1.5,
    }
)
table = pa.Table.from_pandas(frame, preserve_index=False)
table = table.append_column("list", pa.array([[at, at / 2] for at in range(n)], pa.list_(pa.float64())))
frame.to_feather(to / "pandas.feather")
for codec in ["uncompressed", "lz4", "zstd"]:
    feather.write_feather(table, to / f"{codec}.feather", compression=codec, chunksize=300)
for codec in ["lz4", "zstd"]:
    with pa.ipc.new_stream(to / f"{codec}.arrows", table.schema, options=pa.ipc.IpcWriteOptions(compression=codec)) as out:
        out.write_table(table, max_chunksize=300)
