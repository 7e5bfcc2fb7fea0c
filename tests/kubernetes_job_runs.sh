#!/usr/bin/env bash
# What a Kubernetes cluster would run for a sweep, run here pod by pod, with pods evicted and killed,
# ends with the bytes of the same sweep on this machine without Kubernetes. Needs a Python with
# PyYAML.
#
#     bash tests/kubernetes_job_runs.sh TELOS [PYTHON]
set -euo pipefail
telos=$(realpath "$1")
python=${2:-python3}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

cp "$here/slurm/base.toml" "$scratch"
# The image holds the program, and the volume is mounted where it lies here.
cat "$here/slurm/sweep.toml" - >"$scratch/sweep.toml" <<END

[kubernetes]
image = "example/telos:0.1"
program = "$telos"
claim = "sweeps"
mount = "$scratch/volume"
parallelism = 2
grace = 30
END
"$telos" sweep run "$scratch/sweep.toml" --out "$scratch/local" --quiet

store="$scratch/volume/mine"
mkdir "$scratch/volume"
"$telos" sweep plan "$scratch/sweep.toml" --out "$store"
rounds=0
until "$telos" sweep submit "$store" --to kubernetes --dry-run >"$scratch/job.yaml" && [ -f "$store/summary.json" ]; do
    "$python" "$here/kubernetes_job.py" "$scratch/job.yaml" --disruptions 4
    rounds=$((rounds + 1))
    test "$rounds" -le 4
done
for file in summary.json summary.csv generations/0000.json generations/0001.json; do
    cmp "$scratch/local/$file" "$store/$file"
done
trials=$(find "$store/trials" -mindepth 1 -maxdepth 1 | wc -l)
attempts=$(find "$store/trials" -mindepth 3 -maxdepth 3 -type d | wc -l)
test "$attempts" -gt "$trials"
test -z "$(find "$store/trials" -path '*/duplicates/*')"
echo "$trials trials in $attempts attempts and $rounds jobs: the summary is byte-equal"
