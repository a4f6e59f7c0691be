"""A fit of CatBoost's, with an evaluation set."""

import catboost
import numpy as np
from told import stage

rng = np.random.RandomState(0)
X = rng.rand(200, 3)
y = X.sum(1) + rng.rand(200)
NAMES = {"learn": "learn", "validation": "test"}


def series(metrics):
    return {
        f"{NAMES[part]}/{name}": list(enumerate(values)) for part, by_name in metrics.items() for name, values in by_name.items()
    }


class Pause:
    def after_iteration(self, info):
        if info.iteration == 20:
            stage({"format": "catboost", "series": series(info.metrics), "growing": True, "digits": 9})
        return True


model = catboost.CatBoostRegressor(iterations=40, depth=3, verbose=False, random_seed=1, custom_metric=["MAE"])
model.fit(X[:150], y[:150], eval_set=(X[150:], y[150:]), callbacks=[Pause()])
params = {"iteration_count": 40}
stage({"format": "catboost", "series": series(model.evals_result_), "params": params, "digits": 9})
