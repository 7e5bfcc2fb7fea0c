#!/usr/bin/env bash
# RoboFuME's pipeline, from nothing to a report: prior data, pre-training, reset-free fine-tuning, and
# behaviour cloning of the same data beside it.
#     experiments/robofume.sh OUT [--set key=value ...]
# TELOS names the binary (default: telos); STEPS is the size of the prior data.
set -euo pipefail

out=${1:?where to write}
shift
telos=${TELOS:-telos}
configs=$(cd "$(dirname "$0")/configs" && pwd)
mkdir -p "$out"

if [ ! -e "$out/play" ]; then
    "$telos" collect --env arm-reach --policy scripted --noise 0.5 \
        --steps "${STEPS:-40000}" --out "$out/play"
fi
for name in robofume-arm robofume-arm-cloning; do
    "$telos" train "$configs/$name.toml" --out "$out/$name" --resume --set "data.path=$out/play" "$@"
done
"$telos" report "$out/robofume-arm" "$out/robofume-arm-cloning" --out "$out/report"
