"""Writes sklearn.json beside itself: small inputs and what scikit-learn, scipy and numpy say of them.

Run again after a change: `python sklearn_golden.py`. Seeded; scikit-learn 1.9.1, scipy 1.17.1, numpy 2.4.6.
"""
import json
import warnings
from pathlib import Path

import numpy as np
import scipy
import sklearn
from scipy.stats import binomtest, norm
from scipy.stats.contingency import relative_risk
from sklearn import metrics as m
from sklearn.calibration import calibration_curve
from sklearn.isotonic import IsotonicRegression
from sklearn.model_selection import StratifiedKFold, StratifiedShuffleSplit

warnings.filterwarnings("ignore")
rng = np.random.RandomState(20251121)


def plain(value):
    """JSON has no NaN and no infinity: they stand as texts."""
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [plain(inner) for inner in value]
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, (int, np.integer)):
        return int(value)
    if isinstance(value, (float, np.floating)):
        value = float(value)
        if np.isnan(value):
            return "NaN"
        return value if np.isfinite(value) else ("Infinity" if value > 0 else "-Infinity")
    return value


def said(metric, *args, **kwargs):
    try:
        return metric(*args, **kwargs)
    except ValueError as refusal:
        return {"error": str(refusal)[:80]}


ZERO = {"zero": 0, "one": 1, "undefined": np.nan}


def classified(y, p, positive=None):
    found = {"y": y, "p": p, "accuracy": m.accuracy_score(y, p), "mcc": m.matthews_corrcoef(y, p)}
    found["balanced_accuracy"] = m.balanced_accuracy_score(y, p)
    for zero, fill in ZERO.items():
        averages = ["macro", "weighted", "micro"] + (["binary"] if positive else [])
        for average in averages:
            for name, metric in [("precision", m.precision_score), ("recall", m.recall_score), ("f1", m.f1_score)]:
                more = {"pos_label": positive} if average == "binary" else {}
                if average == "binary":
                    # scikit-learn refuses a positive class that is in neither list.
                    more["labels"] = None
                found[f"{name}_{average}_{zero}"] = said(metric, y, p, average=average, zero_division=fill, **more)
    if positive:
        found["positive"] = positive
        negatives = [name for name in sorted(set(y) | set(p)) if name != positive]
        if len(negatives) <= 1:
            mine = np.array(y) != positive
            called = np.array(p) != positive
            found["specificity"] = m.recall_score(mine, called, zero_division=np.nan)
    return found


def names(codes, words):
    return [words[code] for code in codes]


def confusions():
    truth = rng.randint(0, 2, 200)
    guess = np.where(rng.rand(200) < 0.75, truth, 1 - truth)
    three = rng.choice(3, 300, p=[0.7, 0.2, 0.1])
    guessed = np.where(rng.rand(300) < 0.6, three, rng.randint(0, 3, 300))
    no_yes = ["no", "yes"]
    return {
        "binary": classified(names(truth, no_yes), names(guess, no_yes), "yes"),
        "no_positive_called": classified(names(truth, no_yes), ["no"] * 200, "yes"),
        "no_positive_there": classified(["no"] * 200, names(guess, no_yes), "yes"),
        "all_wrong": classified(names(truth, no_yes), names(1 - truth, no_yes), "yes"),
        "one_class_only": classified(["no"] * 5, ["no"] * 5),
        "only_positives": classified(["yes"] * 5, ["yes"] * 4 + ["no"], "yes"),
        "three": classified(names(three, "abc"), names(guessed, "abc")),
        "a_class_never_called": classified(names(three, "abc"), names(np.minimum(guessed, 1), "abc")),
        "a_class_never_there": classified(names(np.minimum(three, 1), "abc"), names(guessed, "abc")),
        "one_row": classified(["a"], ["b"]),
    }


def delong(y, s):
    """Sum over all pairs, the definition (DeLong, DeLong and Clarke-Pearson 1988): slow, and no ranks in it."""
    a, b = s[y == 1], s[y == 0]
    if len(a) < 2 or len(b) < 2:
        return np.nan
    psi = (a[:, None] > b[None, :]) + 0.5 * (a[:, None] == b[None, :])
    return np.sqrt(np.var(psi.mean(axis=1), ddof=1) / len(a) + np.var(psi.mean(axis=0), ddof=1) / len(b))


def scored(y, s):
    y, s = np.array(y), np.array(s, dtype=float)
    true, mean = calibration_curve(y, s, n_bins=10) if len(set(y)) == 2 else ([], [])
    return {
        "y": y, "s": s,
        "roc_auc": said(m.roc_auc_score, y, s),
        "average_precision": m.average_precision_score(y, s),
        "brier": m.brier_score_loss(y, s, labels=[0, 1], pos_label=1),
        "log_loss": m.log_loss(y, s, labels=[0, 1]),
        "delong_error": delong(y, s),
        "curve_true": true, "curve_mean": mean,
    }


def all_scores():
    s = rng.rand(300)
    y = (rng.rand(300) < s**1.5).astype(int)
    return {
        "plain": scored(y, s),
        "ties": scored(y, np.round(s, 1)),
        "two_values": scored(y, np.where(s > 0.4, 0.75, 0.25)),
        "constant": scored(y, np.full(300, 0.3)),
        "perfect": scored(y, np.where(y == 1, 0.9, 0.2)),
        "reversed": scored(y, np.where(y == 1, 0.1, 0.8)),
        "zeros_and_ones": scored(y, (s > 0.5).astype(float)),
        "no_positives": scored(np.zeros(50, int), s[:50]),
        "only_positives": scored(np.ones(50, int), s[:50]),
        "one_positive": scored(np.r_[1, np.zeros(49, int)], s[:50]),
        "two_rows": scored([0, 1], [0.4, 0.6]),
    }


def regressed(y, p):
    y, p = np.array(y, float), np.array(p, float)
    return {
        "y": y, "p": p,
        "mae": m.mean_absolute_error(y, p), "mse": m.mean_squared_error(y, p),
        "rmse": m.root_mean_squared_error(y, p), "me": np.mean(p - y),
        "mape": m.mean_absolute_percentage_error(y, p), "r2": m.r2_score(y, p),
        "medae": m.median_absolute_error(y, p),
        "rmsle": said(m.root_mean_squared_log_error, y, p),
    }


def regressions():
    y = rng.lognormal(1, 0.5, 101)
    p = y * rng.lognormal(0, 0.2, 101)
    return {
        "positive": regressed(y, p),
        "even_rows": regressed(y[:100], p[:100]),
        "signed": regressed(y - 3, p - 3),
        "far_from_zero": regressed(y + 1e9, p + 1e9),
        "perfect": regressed(y, y),
        "constant_truth": regressed([2] * 9, p[:9]),
        "constant_and_perfect": regressed([2] * 9, [2] * 9),
        "zeros_in_truth": regressed([0, 1, 2], [1, 1, 2]),
        "one_row": regressed([1], [2]),
    }


def isotonic():
    found = {}
    s = rng.rand(400)
    y = (rng.rand(400) < s).astype(float)
    asked = np.r_[-1, 0, rng.rand(60), 1, 2]
    for name, scores in [("plain", s), ("ties", np.round(s, 2)), ("close", np.round(s, 1) + 1e-16 * rng.randint(0, 9, 400)),
                         ("reversed", 1 - s)]:
        model = IsotonicRegression(out_of_bounds="clip").fit(scores, y)
        found[name] = {"s": scores, "y": y, "x_thresholds": model.X_thresholds_, "y_thresholds": model.y_thresholds_,
                       "at": asked, "said": model.predict(asked)}
    return found


def splits():
    found = {}
    for name, counts in [("uneven", (60, 40)), ("half_ties", (55, 55)), ("few", (17, 8))]:
        y = rng.permutation(np.repeat([0, 1], counts))
        rounds = StratifiedShuffleSplit(n_splits=10, test_size=0.1, random_state=42).split(y, y)
        found[name] = {"y": y, "rounds": [{"train": train, "test": test} for train, test in rounds]}
        folds = np.empty(len(y), int)
        for fold, (_, test) in enumerate(StratifiedKFold(5).split(y, y)):
            folds[test] = fold
        found[name]["folds"] = folds
        shuffled = np.empty(len(y), int)
        for fold, (_, test) in enumerate(StratifiedKFold(5, shuffle=True, random_state=7).split(y, y)):
            shuffled[test] = fold
        found[name]["folds_shuffled_7"] = shuffled
    state = np.random.RandomState(42)
    found["random_state_42"] = {"permutation_1000": state.permutation(1000), "then_permutation_7": state.permutation(7)}
    return found


def ece_shares(s, y, bins):
    """NannyML's bins of equal rows; ties in the order they came (NannyML's sort leaves it open)."""
    order = np.argsort(s, kind="stable")
    s, y = s[order], y[order]
    width = len(s) // bins
    edges = list(range(0, len(s) + 1, width))
    edges[-1] = len(s)
    return sum((b - a) / len(s) * abs(s[a:b].mean() - y[a:b].mean()) for a, b in zip(edges[:-1], edges[1:]))


def monitor_ece():
    import pyarrow.parquet as pq
    table = pq.read_table(Path(__file__).parent.parent / "golden/monitor.ref.parquet")
    y, s = table["y"].to_numpy(), table["score"].to_numpy()
    before, after, labels = [], [], []
    for train, test in StratifiedShuffleSplit(n_splits=10, test_size=0.1, random_state=42).split(s, y):
        model = IsotonicRegression(out_of_bounds="clip").fit(s[train], y[train])
        before.append(s[test]), after.append(model.predict(s[test])), labels.append(y[test])
    before, after, labels = map(np.concatenate, (before, after, labels))
    return {"before": ece_shares(before, labels, 10), "after": ece_shares(after, labels, 10)}


def intervals():
    found = {"wilson": [], "katz": [], "normal_quantile": []}
    for k, n in [(0, 10), (1, 10), (5, 10), (10, 10), (81, 263), (15, 148), (1, 29), (0, 20), (999, 1000)]:
        for level in [0.9, 0.95, 0.99]:
            got = binomtest(k, n).proportion_ci(level, method="wilson")
            found["wilson"].append({"k": k, "n": n, "level": level, "low": got.low, "high": got.high})
    for a, n, b, k in [(27, 122, 44, 487), (5, 10, 5, 20), (1, 7, 6, 7), (90, 100, 90, 100)]:
        risk = relative_risk(a, n, b, k)
        got = risk.confidence_interval(0.95)
        found["katz"].append({"a": a, "n": n, "b": b, "m": k, "ratio": risk.relative_risk, "low": got.low, "high": got.high})
    for level in [0.5, 0.8, 0.9, 0.95, 0.99, 0.999, 0.999999]:
        found["normal_quantile"].append({"level": level, "z": norm.ppf(0.5 + level / 2)})
    return found


golden = {
    "versions": {"scikit-learn": sklearn.__version__, "scipy": scipy.__version__, "numpy": np.__version__},
    "confusion": confusions(), "scores": all_scores(), "errors": regressions(), "isotonic": isotonic(),
    "splits": splits(), "monitor_ece": monitor_ece(), "intervals": intervals(),
}
Path(__file__).with_name("sklearn.json").write_text(json.dumps(plain(golden), separators=(",", ":")) + "\n")
