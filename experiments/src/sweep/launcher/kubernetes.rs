//! Kubernetes: a generation as Indexed Jobs, whose manifests `kubectl create` takes.
//!
//! A Job has the consecutive indices of a whole chunk; pods of trials that are done end at once.
//! The store is a volume that all pods and the coordinator can write.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Batch, chunks};
use crate::{
    TelosError,
    config::{ConfigError, Node},
    error::exit_code,
    sweep::{digest, specification::value_error, store::Store},
};

/// Completions of one Job, below the 100,000 up to which Kubernetes counts failures per index.
const JOB_LIMIT: usize = 10_000;

/// `[kubernetes]`: what one trial needs.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct KubernetesConfig {
    /// Image that holds the very program that planned the sweep. Required to submit.
    pub image: String,
    /// The program in the image. Default `"telos"`, found on its path.
    pub program: String,
    /// Persistent volume claim, of access mode ReadWriteMany, that holds the store. Required to submit.
    pub claim: String,
    /// Where pods mount the volume. Default `"/sweeps"`.
    pub mount: String,
    /// The store as pods see it. Default: the name of the store's directory below `mount`.
    pub store: Option<String>,
    /// Namespace. Default: that of kubectl's context.
    pub namespace: Option<String>,
    /// Cores, as Kubernetes writes them. Default `"1"`.
    pub cpu: String,
    /// Memory. Default `"2Gi"`.
    pub memory: String,
    /// Pods at the same time. Default 16.
    pub parallelism: u32,
    /// Seconds between the request to stop and the kill, in which a trial writes its checkpoint.
    /// Default 60.
    pub grace: u32,
}

impl Default for KubernetesConfig {
    fn default() -> Self {
        Self {
            image: String::new(),
            program: "telos".into(),
            claim: String::new(),
            mount: "/sweeps".into(),
            store: None,
            namespace: None,
            cpu: "1".into(),
            memory: "2Gi".into(),
            parallelism: 16,
            grace: 60,
        }
    }
}

impl KubernetesConfig {
    /// Checks what needs no cluster to be known wrong.
    pub(in crate::sweep) fn check(&self, root: &Node) -> Result<(), ConfigError> {
        let wrong = |key: &str, reason: String| Err(value_error(root, &["kubernetes", key], reason));
        for (key, amount) in [("cpu", &self.cpu), ("memory", &self.memory)] {
            if !is_quantity(amount) {
                return wrong(
                    key,
                    format!("\"{amount}\" is no positive quantity; write such as \"500m\" or \"2Gi\""),
                );
            }
        }
        if self.parallelism == 0 {
            return wrong("parallelism", "is 0, with which no pod would ever start".into());
        }
        if !self.mount.starts_with('/') {
            return wrong("mount", format!("\"{}\" is no absolute path", self.mount));
        }
        Ok(())
    }
}

/// Whether Kubernetes reads `text` as an amount above 0.
fn is_quantity(text: &str) -> bool {
    let number = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let known = ["", "m", "k", "M", "G", "T", "Ki", "Mi", "Gi", "Ti"].contains(&&text[number.len()..]);
    known && number.parse::<f64>().is_ok_and(|number| number > 0.0)
}

/// One manifest for each chunk of the batch that has a missing trial; `attempts` is the cap, and
/// `tried` the number of attempts in the store, which tells submissions of a generation apart.
///
/// # Errors
/// When `[kubernetes]` names no image or no claim.
pub fn manifests(
    store: &Store,
    batch: &Batch,
    attempts: usize,
    tried: usize,
) -> Result<Vec<Value>, TelosError> {
    let kubernetes = &store.specification().kubernetes;
    for (key, value) in [("image", &kubernetes.image), ("claim", &kubernetes.claim)] {
        if value.is_empty() {
            let reason = format!("`kubernetes.{key}` is missing, without which no pod can run a trial");
            return Err(TelosError::run(&store.path().join("sweep.toml"), reason));
        }
    }
    let chunks = chunks(&batch.missing, JOB_LIMIT);
    Ok(chunks
        .iter()
        .map(|(first, _)| {
            let mut job = job(store, batch.generation, *first, JOB_LIMIT.min(batch.trials - first));
            job["metadata"]["name"] =
                format!("telos-{}-g{}-{first}-{tried}", name_of(store), batch.generation).into();
            job["spec"]["backoffLimitPerIndex"] = attempts.into();
            job
        })
        .collect())
}

/// The store as pods see it.
fn path_inside(store: &Store) -> String {
    let kubernetes = &store.specification().kubernetes;
    kubernetes.store.clone().unwrap_or_else(|| {
        let name = store.path().file_name().unwrap_or_default().to_string_lossy();
        format!("{}/{name}", kubernetes.mount.trim_end_matches('/'))
    })
}

/// A short name of the sweep that Kubernetes accepts.
fn name_of(store: &Store) -> String {
    digest::of_bytes(path_inside(store).as_bytes())[..8].to_owned()
}

fn job(store: &Store, generation: usize, first: usize, completions: usize) -> Value {
    let kubernetes = &store.specification().kubernetes;
    let mut metadata =
        json!({ "labels": { "app.kubernetes.io/name": "telos", "telos/sweep": name_of(store) } });
    if let Some(namespace) = &kubernetes.namespace {
        metadata["namespace"] = namespace.clone().into();
    }
    let resources = json!({ "cpu": kubernetes.cpu, "memory": kubernetes.memory });
    let container = json!({
        "name": "trial",
        "image": kubernetes.image,
        "command": [
            kubernetes.program, "sweep", "exec", path_inside(store),
            "--generation", generation.to_string(),
            "--offset", first.to_string(),
            "--index", "$(JOB_COMPLETION_INDEX)",
        ],
        "resources": { "requests": resources, "limits": resources },
        "volumeMounts": [{ "name": "sweeps", "mountPath": kubernetes.mount }],
    });
    let on_exit = |action: &str, code: i32| {
        let exit = json!({ "containerName": "trial", "operator": "In", "values": [code] });
        json!({ "action": action, "onExitCodes": exit })
    };
    json!({
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": metadata,
        "spec": {
            "completionMode": "Indexed",
            "completions": completions,
            "parallelism": kubernetes.parallelism,
            "maxFailedIndexes": completions,
            // A pod that still writes its checkpoint is not joined by a second one.
            "podReplacementPolicy": "Failed",
            "podFailurePolicy": { "rules": [
                // Preempted or drained: not the trial's fault, however often.
                { "action": "Ignore", "onPodConditions": [{ "type": "DisruptionTarget", "status": "True" }] },
                on_exit("Ignore", exit_code::INTERRUPTED),
                // The training itself failed, as it would again.
                on_exit("FailIndex", exit_code::INPUT),
            ]},
            "template": { "spec": {
                "restartPolicy": "Never",
                "terminationGracePeriodSeconds": kubernetes.grace,
                "containers": [container],
                "volumes": [{ "name": "sweeps", "persistentVolumeClaim": { "claimName": kubernetes.claim } }],
            }},
        },
    })
}

/// A manifest as YAML. Strings are written as in JSON, which YAML reads.
pub fn yaml(manifest: &Value) -> String {
    let mut text = String::new();
    write_yaml(manifest, 0, &mut text);
    text
}

fn write_yaml(value: &Value, depth: usize, text: &mut String) {
    let indent = "  ".repeat(depth);
    let mut item = |head: String, inner: &Value| match inner {
        Value::Object(entries) if !entries.is_empty() => {
            text.push_str(&format!("{indent}{head}\n"));
            write_yaml(inner, depth + 1, text);
        }
        Value::Array(items) if !items.is_empty() => {
            text.push_str(&format!("{indent}{head}\n"));
            write_yaml(inner, depth + 1, text);
        }
        scalar => text.push_str(&format!("{indent}{head} {scalar}\n")),
    };
    match value {
        Value::Object(entries) => entries.iter().for_each(|(key, inner)| item(format!("{key}:"), inner)),
        Value::Array(items) => items.iter().for_each(|inner| item("-".into(), inner)),
        scalar => text.push_str(&format!("{indent}{scalar}\n")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yaml_nests_by_indentation() {
        let value = json!({ "a": { "b": [1, { "c": "x: y" }, []] }, "d": true, "e": {} });
        assert_eq!(yaml(&value), "a:\n  b:\n    - 1\n    -\n      c: \"x: y\"\n    - []\nd: true\ne: {}\n");
    }

    #[test]
    fn quantities_are_positive_amounts() {
        for text in ["1", "0.5", "500m", "2Gi", "1.5G"] {
            assert!(is_quantity(text), "{text}");
        }
        for text in ["", "0", "-1", "2GB", "many", "1 Gi", "Gi"] {
            assert!(!is_quantity(text), "{text}");
        }
    }
}
