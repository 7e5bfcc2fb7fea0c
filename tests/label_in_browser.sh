#!/usr/bin/env bash
# The page of `telos label serve` in a real browser, driven as a person would: see label_in_browser.py.
#
#     bash tests/label_in_browser.sh TELOS PYTHON [SCREENSHOTS]
set -euo pipefail
telos=$(realpath "$1")
cd "$(dirname "${BASH_SOURCE[0]}")/.."
python=$2
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# A training that ends before anybody has answered leaves its questions.
"$telos" train experiments/configs/label-pendulum.toml --out "$scratch/run" --quiet \
    --set steps=3400 --set training.learning_starts=3000 --set preferences.queries_per_session=30 \
    --set evaluation.episodes=1 >"$scratch/log"
timeout 150 "$python" tests/label_in_browser.py "$telos" "$scratch" "${3:-}"
