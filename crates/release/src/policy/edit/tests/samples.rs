//! Policies as people write them, and what is asked of them.

pub const SAMPLES: &[&str] = &[
    // As the README writes it, with comments, quoted keys and a freeze.
    r#"# The team's rules; ask Ada.

[models.churn]
registry = "own"
target = "here"   # this machine
alias = "champion"
shares = [10, 50]
# long enough for the nightly batch
bake = { secs = 60, max_error_rate = 0.01, min_requests = 20 }
[models.churn.gates]
metric = { name = "val_acc", better = "higher", margin = 0.005 }
signature = true
approvals = { n = 1 }
# max_bytes = 1000

[models."fraud x"]
registry = 'team'
gates.signature = true

[registries.own]
kind = "embedded"
[registries.team]
kind = "mlflow"
url = "https://mlflow.example"

[targets.here]
kind = "local"

[roles]
approvers = ["ada", "grace"]

[[freeze]]
from = 2026-12-20
to = 2027-01-04T08:00:00+01:00
reason = "holidays"
"#,
    // All with dots, not together.
    r#"registries.own.kind = "embedded"
models.churn.registry = "own" # c
targets.here = { kind = "local" }
models.churn.target = 'here'
models.churn.gates.signature = true
models.churn.gates.metric.name = "val_acc"
registries.team = { kind = "oci", url = "https://images.example", repository = "models" }
models.churn.gates.metric.better = "lower"
freeze = [{ from = 2026-12-20, to = 2026-12-21, reason = "one" }, { from = 2026-12-24T00:00:00Z, to = 2026-12-25T00:00:00Z, reason = "two" }]
"#,
    // All between brackets, some over several lines.
    r#"models = { churn = { registry = "own", target = "here", gates = { metric = { name = "a", better = "higher" }, signature = true } } }
registries = { own = { kind = "embedded" }, team = { kind = "gto" } }
targets = { here = { kind = "local", port = 5000 } }
roles = { approvers = [
    # the lead
    "ada", # since May
    "grace",
], keys = {} }
freeze = []
"#,
    // Headers without dots, tables below tables, indented, explicit defaults, whole numbers for fractions.
    r#"        [models]
        [models.churn]
        registry = "own"
        target = "cluster"
        keep_old = false
        alias_first = false
        shares = [
            10, # a tenth
            50
        ]
        [models.churn.bake]
        secs = 60
        max_error_rate = 0
        max_p95_ms = 500
        min_requests = 20
        too_few = "take_back"
        [models.churn.health]
        prometheus = "http://prometheus.example"
        requests = "r"
        errors = "e"
        [models.churn.gates.latency]
        max_p95_ms = 50

        [registries]
        own = { kind = "embedded" }

        [targets.cluster]
        kind = "ray_serve"
        url = "http://head.example:8265"
        [targets.cluster.share]
        here = "/mnt/share"
        [targets.cluster.application]
        import_path = "serving:build"
        args = { model = "{path}", n = 1, rate = 1.0 }
        [[targets.cluster.application.deployments]]
        name = "Model"
        [targets.here]
        kind = "local"

        [roles.keys]
        ada = "ssh-ed25519 AAAA"
"#,
    // TOML 1.1: tables between brackets over lines, with comments and a comma at the end.
    r#"[models]
churn = {
  registry = "own", # ours
  alias = "champion",
  bake.secs = 60, bake.max_error_rate = 0.5, bake.min_requests = 1,
  gates = { signature = true, },
}
[registries]
own = { kind = "embedded" }
[targets]
here = {
  kind = "v2",
  url = "http://triton.example:8000",
  repository = "/srv/models" }
[[freeze]]
from = 2026-12-20
to = 2026-12-21
reason = "one"
[[freeze]]
# until the new year
from = 2026-12-24 00:00:00Z
to = 2026-12-31 00:00:00Z
reason = "two""#,
    // Commas at the beginning of lines, line ends of both kinds, headers out of order.
    "[models.churn.gates]\r\nsignature = true\r\n[roles]\n\n[models.churn]\nregistry = \"own\"\nshares = [ 5\n  , 10\n  , 50 ]\n[targets]\n\
     [registries.own]\r\nkind = \"embedded\"\r\n",
    // Data that are watched, with rules, in headers and inline.
    r#"[registries.own]
kind = "embedded"
[models.churn]
registry = "own"
gates.drift = { data = "seen", hours = 24 } # since the incident
[data.seen]
reference = "train.parquet" # frozen
current = "inference"
min_rows = 5
[data.seen.columns.x]
type = "numeric"
max = 1.50
[data.seen.columns."odd \"name\".y"]
allowed = ["a", "b"]
[data]
other = { reference = "a.csv", current = "b.csv", columns = { z = { required = true } } }"#,
    // The least there is.
    "",
    "# Nothing yet.\n",
    "[registries.own]\nkind = \"embedded\"\n[targets.here]\nkind = \"local\"",
];

/// Some fit only some of the samples: what refers to nothing is refused.
pub const CHANGES: &str = r#"[
  {"change": "set_model", "name": "churn", "rules": {"registry": "own"}},
  {"change": "set_model", "name": "churn", "rules": {"registry": "own", "target": "here", "service": "churn-eu", "alias": "best", "alias_first": true, "shares": [5, 10, 50], "keep_old": true,
    "bake": {"secs": 90, "max_error_rate": 0.02, "max_p95_ms": 250.5, "min_requests": 3, "too_few": "go_on"},
    "health": {"prometheus": "http://p.example", "requests": "sum(r{version=\"{version}\"})", "errors": "e", "p95_ms": "p"},
    "gates": {"metric": {"name": "f1", "better": "lower", "margin": 1}, "max_bytes": 1000000, "latency": {"max_p95_ms": 20, "n_requests": 5, "max_error_rate": 0.1}, "signature": true, "approvals": {"n": 2, "valid_hours": 8}}}},
  {"change": "set_model", "name": "churn", "rules": {"registry": "own", "shares": [50], "bake": {"secs": 60, "max_error_rate": 0, "min_requests": 20}, "gates": {"latency": {"max_p95_ms": 50}}}},
  {"change": "set_model", "name": "churn", "rules": {"registry": "team", "target": "here", "gates": {"metric": {"name": "a", "better": "higher"}}}},
  {"change": "set_model", "name": "new one", "rules": {"registry": "own", "gates": {"signature": true, "approvals": {"n": 1}}}},
  {"change": "set_model", "name": "a.b\"c", "rules": {"registry": "own", "target": "here"}},
  {"change": "remove_model", "name": "churn"},
  {"change": "remove_model", "name": "fraud x"},
  {"change": "set_registry", "name": "own", "at": {"kind": "embedded"}},
  {"change": "set_registry", "name": "team", "at": {"kind": "mlflow", "url": "http://other.example"}},
  {"change": "set_registry", "name": "team", "at": {"kind": "oci", "url": "https://o.example", "repository": "r", "ca": "ca.pem"}},
  {"change": "set_registry", "name": "team", "at": {"kind": "gto"}},
  {"change": "set_registry", "name": "team", "at": {"kind": "gto", "repository": "git@example.org:a/b.git"}},
  {"change": "set_registry", "name": "team", "at": {"kind": "embedded"}},
  {"change": "remove_registry", "name": "team"},
  {"change": "set_target", "name": "here", "at": {"kind": "local"}},
  {"change": "set_target", "name": "here", "at": {"kind": "local", "python": ".venv/bin/python", "port": 5301}},
  {"change": "set_target", "name": "here", "at": {"kind": "v2", "url": "http://t.example", "repository": "/m", "metrics": "http://t.example:8002"}},
  {"change": "set_target", "name": "cluster", "at": {"kind": "ray_serve", "url": "http://head.example:8265", "application": {"import_path": "serving:build", "args": {"model": "{path}", "n": 1.0, "rate": 1}, "deployments": [{"name": "Model"}]}}},
  {"change": "set_target", "name": "cluster", "at": {"kind": "ray_serve", "url": "http://h.example", "serve": "http://s.example", "metrics": "http://m.example", "share": {"here": "/a", "there": "/b"}, "application": {"deployments": [{"name": "Other", "n": [1, [2, 3]]}]}}},
  {"change": "set_target", "name": "kube", "at": {"kind": "kserve", "namespace": "models"}},
  {"change": "set_target", "name": "kube", "at": {"kind": "kserve", "context": "c", "namespace": "m", "ingress": "http://i.example", "storage": {"uri": "pvc://m/{model}/{version}", "mount": "/mnt"}, "protocol": "v1", "format": "sklearn", "runtime": "r"}},
  {"change": "remove_target", "name": "here"},
  {"change": "remove_target", "name": "cluster"},
  {"change": "set_roles", "roles": {}},
  {"change": "set_roles", "roles": {"approvers": ["grace", "joan"], "overriders": ["ada"]}},
  {"change": "set_roles", "roles": {"approvers": ["ada"], "keys": {"ada": "ssh-ed25519 BBBB ada@here", "grace.h": "ssh-rsa CCCC"}}},
  {"change": "set_data", "name": "seen", "table": {"reference": "train.parquet", "current": "inference", "min_rows": 5, "columns": {"x": {"type": "numeric", "max": 1.5}, "odd \"name\".y": {"allowed": ["a", "b"]}}}},
  {"change": "set_data", "name": "seen", "table": {"reference": "new.parquet", "current": "inference", "time": null, "columns": {"x": {"max": 2}, "w": {"required": true, "min": null}}}},
  {"change": "set_data", "name": "fresh", "table": {"reference": "a", "current": "b", "groups": ["sex", "age"], "columns": {"x y": {"allowed": ["1"]}}}},
  {"change": "set_model", "name": "churn", "rules": {"registry": "own", "gates": {"drift": {"data": "seen", "ignore": ["id"], "max_columns": 2}}}},
  {"change": "remove_data", "name": "seen"},
  {"change": "remove_data", "name": "other"},
  {"change": "add_freeze", "freeze": {"from": "2027-06-01", "to": "2027-06-02T12:00:00", "reason": "audit"}},
  {"change": "change_freeze", "was": {"from": "2026-12-20", "to": "2027-01-04T08:00:00+01:00", "reason": "holidays"}, "freeze": {"from": "2026-12-19", "to": "2027-01-04T08:00:00+01:00", "reason": "holidays"}},
  {"change": "change_freeze", "was": {"from": "2026-12-20", "to": "2026-12-21", "reason": "one"}, "freeze": {"from": "2026-12-20", "to": "2026-12-22", "reason": "longer"}},
  {"change": "remove_freeze", "freeze": {"from": "2026-12-20", "to": "2026-12-21", "reason": "one"}},
  {"change": "remove_freeze", "freeze": {"from": "2026-12-20", "to": "2027-01-04T08:00:00+01:00", "reason": "holidays"}}
]"#;
