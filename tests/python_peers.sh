#!/usr/bin/env bash
# Statistics against rliable, and the events of a run against TensorBoard, with the packages that the
# given Python has.
#
#     bash tests/python_peers.sh TELOS PYTHON
set -euo pipefail
telos=$(realpath "$1")
cd "$(dirname "${BASH_SOURCE[0]}")/.."
python=${2:-python3}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

"$python" experiments/peers/rliable_statistics.py --check experiments/tests/data/rliable.json

"$telos" train tests/configs/preferences.toml --set comparison.gold=false --out "$scratch/run" --quiet
"$python" experiments/peers/tensorboard_events.py "$scratch/run"
