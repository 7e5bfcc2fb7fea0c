#!/usr/bin/env bash
# Datasets from and to other programs: Python reads what telos wrote and telos what Python wrote, with
# minari, h5py, pyarrow, pandas and av of the given Python, and with lerobot where it has it.
#
#     bash tests/python_datasets.sh PYTHON
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
python=${1:-python3}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

cargo build --quiet --bin telos
"$python" tests/python_datasets.py "${CARGO_TARGET_DIR:-target}/debug/telos" "$scratch"
