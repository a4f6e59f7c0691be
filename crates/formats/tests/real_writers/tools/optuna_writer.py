"""A study in a database and one in a journal: trials that end, fail, are pruned, run and wait."""

import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from told import curve, stage

optuna.logging.set_verbosity(optuna.logging.ERROR)
# Numbers of the first study and the first trial.
STORAGES = [("sqlite:///study.db", 1), (JournalStorage(JournalFileBackend("journal.log")), 0)]
FORMAT = ["optuna_journal", "optuna_sqlite"]
STATES = {"COMPLETE": "finished", "FAIL": "failed", "PRUNED": "killed", "RUNNING": "running", "WAITING": "scheduled"}


def objective(trial):
    x = trial.suggest_float("x", -10, 10)
    trial.suggest_categorical("opt", ["adam", None])
    for step, value in curve(5):
        trial.report(x * value, step)
        if trial.number == 1 and step == 2:
            raise optuna.TrialPruned()
    if trial.number == 2:
        raise ValueError("fail")
    return x * x


def runs(study, first):
    """As the study's own API has them."""
    out = [{"format": FORMAT[first], "key": f"study:{first}", "name": "demo"}]
    for trial in study.get_trials():
        series = {"intermediate_value": sorted(trial.intermediate_values.items())} if trial.intermediate_values else {}
        if trial.values:
            series["value"] = [(trial.number, trial.values[0])]
        params = {name: "null" if value is None else value for name, value in trial.params.items()}
        key = f"trial:{trial.number + first}"
        out.append({"format": FORMAT[first], "key": key, "status": STATES[trial.state.name], "params": params, "series": series})
    return out


for storage, first in STORAGES:
    sampler = optuna.samplers.RandomSampler(seed=1)
    study = optuna.create_study(study_name="demo", storage=storage, sampler=sampler, pruner=optuna.pruners.NopPruner())
    study.optimize(objective, n_trials=4, catch=(ValueError,))
    study.enqueue_trial({"x": 1.5})
    running = study.ask()
    running.suggest_float("x", -10, 10)
    running.report(0.25, 0)
    study.enqueue_trial({"x": 2.5})
    stage(*runs(study, first))
    study.tell(running, 7.0)
    stage(*runs(study, first))
