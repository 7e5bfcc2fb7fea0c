#!/usr/bin/env bash
# Datasets from and to other programs: Python reads what telos wrote and telos what Python wrote, with
# minari, h5py, pyarrow, pandas and av of the given Python, and with lerobot where it has it.
#
#     bash tests/python_datasets.sh TELOS PYTHON
set -euo pipefail
telos=$(realpath "$1")
cd "$(dirname "${BASH_SOURCE[0]}")/.."
python=${2:-python3}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

"$python" tests/python_datasets.py "$telos" "$scratch"
