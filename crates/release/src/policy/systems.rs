//! Where registries and targets are, and of which kind. Secrets are never here.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum RegistryAt {
    /// Signalbox's own.
    Embedded,
    Mlflow {
        url: String,
    },
    /// An OCI registry; models are repositories below `repository`.
    Oci {
        url: String,
        repository: String,
        /// A PEM file with authorities to trust besides the system's; below the project, or absolute.
        #[serde(default)]
        ca: Option<PathBuf>,
    },
    /// Git tags as GTO writes them.
    Gto {
        /// The remote's address, or a folder whose `origin` it is; the project itself if nothing is said.
        #[serde(default = "here")]
        repository: String,
    },
}

fn here() -> String {
    ".".to_owned()
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum TargetAt {
    /// A process on this machine that Signalbox starts and keeps.
    Local {
        #[serde(default)]
        python: Option<String>,
        #[serde(default)]
        port: Option<u16>,
    },
    /// The V2 (Open Inference) protocol with the repository API: MLServer, Triton.
    V2 {
        url: String,
        /// The server's model repository, as this machine sees it.
        repository: PathBuf,
        /// MLServer's `/metrics`: `http://host:port`.
        #[serde(default)]
        metrics: Option<String>,
    },
    RayServe {
        /// The dashboard: `http://head:8265`.
        url: String,
        /// The proxy that predictions go to; the dashboard's host and Serve's port if nothing is said.
        #[serde(default)]
        serve: Option<String>,
        /// What Prometheus would scrape; as Ray tells it if nothing is said.
        #[serde(default)]
        metrics: Option<String>,
        /// A folder that the cluster sees too.
        #[serde(default)]
        share: Option<ShareAt>,
        /// As in Serve's own config file, without name and prefix. In `args`, `{path}`, `{source}`, `{model}`,
        /// `{version}`, `{digest}` and `{service}` stand for the version's. Without an `import_path` it is served as
        /// an MLflow model.
        #[serde(default)]
        application: serde_json::Map<String, serde_json::Value>,
    },
    Kserve {
        /// The kubeconfig's context; its current one if nothing is said.
        #[serde(default)]
        context: Option<String>,
        namespace: String,
        /// An ingress that tells services apart by the `Host` header; at KServe's own addresses if nothing is said.
        #[serde(default)]
        ingress: Option<String>,
        /// Where artifacts are copied to; where the registry has them if nothing is said.
        #[serde(default)]
        storage: Option<StorageAt>,
        #[serde(default)]
        protocol: KserveProtocol,
        /// KServe's name of what the model is: `mlflow`, `sklearn`, `xgboost`, …
        #[serde(default = "mlflow")]
        format: String,
        /// The ServingRuntime; KServe chooses one if nothing is said.
        #[serde(default)]
        runtime: Option<String>,
    },
}

fn mlflow() -> String {
    "mlflow".to_owned()
}

/// A folder that this machine and a cluster share.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShareAt {
    pub here: PathBuf,
    /// As the cluster sees it, if otherwise.
    #[serde(default)]
    pub there: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StorageAt {
    /// As the cluster sees it: `pvc://models/{model}/{version}`.
    pub uri: String,
    /// The folder on this machine that lies under it.
    pub mount: PathBuf,
}

/// What a model server of KServe's speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KserveProtocol {
    V1,
    #[default]
    V2,
}
