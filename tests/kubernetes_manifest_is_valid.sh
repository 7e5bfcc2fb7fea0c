#!/usr/bin/env bash
# The Kubernetes manifest of a sweep holds what the published schema knows, and nothing else. Needs
# `kubernetes-validate` of the Python package index, on the path or in $KUBERNETES_VALIDATE.
#
#     bash tests/kubernetes_manifest_is_valid.sh TELOS
set -euo pipefail
telos=$(realpath "$1")
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

cp "$here/slurm/base.toml" "$here/slurm/sweep.toml" "$scratch"
cat >>"$scratch/sweep.toml" <<'END'

[kubernetes]
image = "example/telos:0.1"
claim = "sweeps"
namespace = "robots"
END
"$telos" sweep submit "$scratch/sweep.toml" --out "$scratch/sweep" --to kubernetes --dry-run >"$scratch/job.yaml"
validate() { "${KUBERNETES_VALIDATE:-kubernetes-validate}" --strict "$1"; }
validate "$scratch/job.yaml"

# The validator does refuse a field that no Job has.
sed 's/completionMode/completionsMode/' "$scratch/job.yaml" >"$scratch/wrong.yaml"
if validate "$scratch/wrong.yaml" >"$scratch/refusal" 2>&1; then exit 1; fi
grep -q "completionsMode" "$scratch/refusal"
