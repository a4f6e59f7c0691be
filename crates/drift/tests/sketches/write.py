"""Sketches by Apache's own library (PyPI `datasketches`, C++), as the engines write them: python write.py FOLDER."""

import sys
from pathlib import Path

import datasketches as ds

to = Path(sys.argv[1])


def hll(name, values):
    sketch = ds.hll_sketch(12, ds.tgt_hll_type.HLL_8)
    for value in values:
        sketch.update(value)
    (to / name).write_bytes(sketch.serialize_updatable())
    print(name, sketch.get_estimate())


hll("whole_20000.hll", range(20_000))
hll("numbers_5000.hll", (at / 8 for at in range(5_000)))
hll("texts_3.hll", ["a", "ä", "本"])
kll = ds.kll_doubles_sketch(200)
for at in range(100_000):
    kll.update(float(at * 7919 % 100_000))
(to / "numbers_100000.kll").write_bytes(kll.serialize())
print(kll.n, kll.get_quantile(0.5))
