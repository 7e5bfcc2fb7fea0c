#!/usr/bin/env bash
# Runs the first 12,000 steps of the quickstart once undisturbed and once killed with SIGKILL at ten random moments and
# resumed, and compares result.json, metrics and all weights byte by byte.
#
#     bash tests/quickstart_survives_kills.sh TELOS [SEED_OF_THE_MOMENTS]
set -euo pipefail
telos=$(realpath "$1")
cd "$(dirname "${BASH_SOURCE[0]}")/.."
RANDOM=${2:-$$}
echo "moments drawn with seed ${2:-$$}"

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

quickstart=("$telos" train experiments/configs/quickstart.toml --set steps=12000)

start=$(date +%s%N)
"${quickstart[@]}" --out "$scratch/undisturbed"
took_ms=$((($(date +%s%N) - start) / 1000000))

for kill in $(seq 10); do
    # Started without a function around it, which would be a shell of its own, and the victim.
    "${quickstart[@]}" --out "$scratch/killed" --resume --quiet >"$scratch/log" 2>&1 &
    victim=$!
    # Lives of an eighth of the undisturbed time on average, so that ten of them span the run.
    sleep "$(awk -v t="$took_ms" -v r="$RANDOM" 'BEGIN { printf "%.3f", t / 1000 * r / 32768 / 4 }')"
    kill -KILL "$victim" 2>/dev/null || true
    wait "$victim" 2>/dev/null || true
    echo "kill $kill: $(find "$scratch/killed" -name '*.ckpt' 2>/dev/null | wc -l) checkpoints on disk"
done
"${quickstart[@]}" --out "$scratch/killed" --resume

(cd "$scratch/undisturbed" && find . -name result.json -o -name '*.safetensors' -o -name metrics.jsonl) |
    sort >"$scratch/files"
test -s "$scratch/files"
while read -r file; do
    cmp "$scratch/undisturbed/$file" "$scratch/killed/$file"
done <"$scratch/files"
echo "$(wc -l <"$scratch/files") files byte-equal after 10 kills"
