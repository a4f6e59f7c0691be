"""Writes what the wine model met in production, anew: wine/data, wine/inference and wine/labels.parquet.

    venv/bin/python make_monitoring.py      (with requirements.txt, as for make_demo.py; some seconds, the same bytes again)

Simulated: the wines, who sent them, the clock, the laboratories and everything that goes wrong. Each wine is one of
the 178 that scikit-learn ships, moved a little within its cultivar (a smoothed bootstrap). The model, its predictions
and its scores are real: a logistic regression trained on what train.parquet holds, asked about each row that
inference/ holds. README.md tells what goes wrong, and when.
"""

import datetime as dt
import json
import math
import pathlib
import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from sklearn.datasets import load_wine
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

WINE = pathlib.Path(__file__).resolve().parent / "wine"
SEED = 178
UTC = dt.timezone.utc

# The weeks that train.parquet and test.parquet are drawn from; nothing goes wrong in them.
STUDY = dt.datetime(2026, 7, 6, tzinfo=UTC), dt.datetime(2026, 8, 31, tzinfo=UTC)
N_TRAIN, N_TEST = 4000, 2000
# What inference/ holds: five weeks, Monday to Sunday.
SERVED = dt.datetime(2026, 10, 12, tzinfo=UTC), dt.datetime(2026, 11, 16, tzinfo=UTC)
FILE_HOURS = 6
# The laboratory whose probe is changed, and when.
SITE, RECALIBRATED = "asti", dt.datetime(2026, 11, 3, tzinfo=UTC)
SCALE, OFFSET, NO_PROLINE = 1.25, 0.8, 0.08
CANS = dt.datetime(2026, 11, 9, tzinfo=UTC)
# Labels come from a slower assay; those that had not come by then are not in the file.
ASKED = dt.datetime(2026, 11, 16, 6, tzinfo=UTC)

DATA = load_wine()
FEATURES = list(DATA.feature_names)
LABELS = [str(name) for name in DATA.target_names]
# As many digits as the instruments show.
DIGITS = [0 if name in ("magnesium", "proline") else 1 if name == "alcalinity_of_ash" else 2 for name in FEATURES]
COLOR, PROLINE = FEATURES.index("color_intensity"), FEATURES.index("proline")
# What the model is asked with: the four that a laboratory measures at once. The others are measured all the same.
ASKED_WITH = [FEATURES.index(name) for name in ("alcohol", "malic_acid", "color_intensity", "proline")]
# How far a wine is moved, in standard deviations of its cultivar: small growers' wines vary more.
SPREAD = {"large": 0.35, "small": 0.55}


def hours(begin, end):
    return int((end - begin) / dt.timedelta(hours=1))


def rows_an_hour(when):
    """Laboratories work by day, and less at weekends."""
    by_day = 24 + 8 * math.sin((when.hour - 7) * math.pi / 12)
    return by_day * (0.78 if when.weekday() >= 5 else 1.0)


def arrivals(rng, begin, end):
    """Times in milliseconds since 1970, in order."""
    found = []
    for hour in range(hours(begin, end)):
        when = begin + dt.timedelta(hours=hour)
        n = rng.poisson(rows_an_hour(when))
        found.append(int(when.timestamp()) * 1000 + np.sort(rng.integers(0, 3_600_000, n)))
    return np.concatenate(found)


def chosen(rng, names, shares):
    """One name a row; `shares`: rows x names."""
    below = rng.random(len(shares))[:, None] > np.cumsum(shares, axis=1)
    return np.array(names, dtype=object)[np.minimum(below.sum(axis=1), len(names) - 1)]


def where(condition, yes, no):
    return np.where(condition[:, None], np.array(yes), np.array(no))


def measured(rng, label, grower):
    """A smoothed bootstrap: a wine of that cultivar, moved by normal noise of its cultivar's covariance."""
    x = np.empty((len(label), len(FEATURES)))
    for c, name in enumerate(LABELS):
        wines = DATA.data[DATA.target == c]
        mine = np.flatnonzero(label == name)
        noise = rng.multivariate_normal(np.zeros(len(FEATURES)), np.cov(wines.T), len(mine))
        spread = np.array([SPREAD[g] for g in grower[mine]])[:, None]
        x[mine] = wines[rng.integers(0, len(wines), len(mine))] + spread * noise
    return np.maximum(x, DATA.data.min(axis=0) / 2)


def draw(rng, ts):
    """One wine for each time: its measurements before anything goes wrong, and what else is known of it."""
    weekend = (ts // 86_400_000 + 3) % 7 >= 5
    n = len(ts)
    site = chosen(rng, ["alba", "asti", "cuneo"], where(weekend, [0.47, 0.28, 0.25], [0.42, 0.33, 0.25]))
    grower = chosen(rng, ["small", "large"], where(site == SITE, [0.62, 0.38], [0.36, 0.64]))
    bottling = chosen(rng, ["glass", "bag_in_box", "keg"], where(grower == "small", [0.86, 0.10, 0.04], [0.62, 0.27, 0.11]))
    label = chosen(rng, LABELS, where(grower == "small", [0.37, 0.36, 0.27], [0.31, 0.43, 0.26]))
    x = measured(rng, label, grower)
    x[rng.random(n) < 0.004, PROLINE] = np.nan
    x[rng.random(n) < 0.006, FEATURES.index("ash")] = np.nan
    return {"site": site, "grower": grower, "bottling": bottling, "label": label}, x


def go_wrong(rng, ts, known, x):
    """What happens in production: in place."""
    changed = (known["site"] == SITE) & (ts >= RECALIBRATED.timestamp() * 1000)
    x[changed, COLOR] = SCALE * x[changed, COLOR] + OFFSET
    x[changed & (rng.random(len(ts)) < NO_PROLINE), PROLINE] = np.nan
    late = (ts - CANS.timestamp() * 1000) / 86_400_000
    known["bottling"][(late >= 0) & (rng.random(len(ts)) < np.minimum(0.02 + 0.015 * late, 0.09))] = "can"


def table(ts, known, x, before, after):
    columns = {"request_id": pa.array(before), "ts": pa.array(ts, pa.timestamp("ms", tz="UTC"))}
    columns |= {name: pa.array(known[name].tolist()) for name in ("site", "grower", "bottling")}
    for i, name in enumerate(FEATURES):
        columns[name] = pa.array(x[:, i], mask=np.isnan(x[:, i]))
    return pa.table(columns | after)


def answers(model, x):
    scores = model.predict_proba(x[:, ASKED_WITH])
    columns = {"prediction": pa.array([LABELS[i] for i in scores.argmax(axis=1)])}
    return columns | {f"proba_{name}": pa.array(np.round(scores[:, c], 4).astype("float32")) for c, name in enumerate(LABELS)}


def rounded(x):
    return np.column_stack([np.round(x[:, i], digits) for i, digits in enumerate(DIGITS)])


def write(what, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(what, path, compression="zstd", store_schema=False)


def study(rng):
    """train.parquet and test.parquet; returns the model."""
    ts = arrivals(rng, *STUDY)
    ts = ts[np.sort(rng.choice(len(ts), N_TRAIN + N_TEST, replace=False))]
    known, x = draw(rng, ts)
    x, ids = rounded(x), np.array([f"s{i:05}" for i in range(len(ts))])
    test = np.zeros(len(ts), dtype=bool)
    test[rng.choice(len(ts), N_TEST, replace=False)] = True
    split = np.where(test, "test", np.where(rng.random(len(ts)) < 0.2, "validation", "train"))
    model = make_pipeline(SimpleImputer(strategy="median"), StandardScaler(), LogisticRegression(max_iter=1000))
    fitted = split == "train"
    model.fit(x[fitted][:, ASKED_WITH], known["label"][fitted])
    assert list(model.classes_) == LABELS
    # On standardized inputs the size of a coefficient is how much the model turns on its column.
    turns_on = np.abs(model[-1].coef_).mean(axis=0)
    weights = {FEATURES[i]: round(float(weight), 4) for i, weight in zip(ASKED_WITH, turns_on)}
    path = WINE / "data" / "importance.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(weights, indent=1) + "\n")
    for name, mine in (("train", ~test), ("test", test)):
        some = {key: values[mine] for key, values in known.items()}
        after = {"label": pa.array(some["label"].tolist()), "split": pa.array(split[mine].tolist())}
        if name == "test":
            after |= answers(model, x[mine])
        write(table(ts[mine], some, x[mine], ids[mine], after), WINE / "data" / f"{name}.parquet")
    return model


def serve(rng, model):
    """inference/ and labels.parquet."""
    ts = arrivals(rng, *SERVED)
    known, x = draw(rng, ts)
    go_wrong(rng, ts, known, x)
    x, ids = rounded(x), np.array([f"w{i:06}" for i in range(len(ts))])
    whole = table(ts, known, x, ids, answers(model, x))
    for n in range(hours(*SERVED) // FILE_HOURS):
        begin = SERVED[0] + dt.timedelta(hours=n * FILE_HOURS)
        first, end = np.searchsorted(ts, [int(t.timestamp()) * 1000 for t in (begin, begin + dt.timedelta(hours=FILE_HOURS))])
        write(whole.slice(first, end - first), WINE / "inference" / f"date={begin:%Y-%m-%d}" / f"hour={begin:%H}.parquet")
    # The assay takes two days and more; a few wines are never sent to it.
    days = 2 + rng.lognormal(math.log(3), 0.5, len(ts))
    at = ts + (days * 86_400_000).astype("int64")
    come = np.flatnonzero((at < ASKED.timestamp() * 1000) & (rng.random(len(ts)) < 0.97))
    come = come[np.argsort(at[come], kind="stable")]
    columns = {"request_id": pa.array(ids[come]), "label": pa.array(known["label"][come].tolist())}
    write(pa.table(columns | {"labelled_at": pa.array(at[come], pa.timestamp("ms", tz="UTC"))}), WINE / "labels.parquet")


def main():
    for folder in ("data", "inference"):
        shutil.rmtree(WINE / folder, ignore_errors=True)
    study_rng, serve_rng = (np.random.default_rng([SEED, part]) for part in (0, 1))
    serve(serve_rng, study(study_rng))


if __name__ == "__main__":
    main()
