#!/usr/bin/env bash
# Four ranks give the same bytes as threads and as processes under mpirun, also when one of them is
# killed and the run resumed; a killed rank ends the others. Needs Open MPI and a telos built with
# `--features mpi`.
#
#     bash tests/mpi_ranks_are_threads.sh TELOS
set -euo pipefail
telos=$(realpath "$1")
cd "$(dirname "${BASH_SOURCE[0]}")/.."
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
# Ranks of one machine, more than it may have cores, that sleep while they wait.
export OMPI_MCA_pml=ob1 OMPI_MCA_btl=self,tcp OMPI_MCA_btl_tcp_if_include=lo OMPI_MCA_mpi_yield_when_idle=1

config=tests/configs/data-parallel.toml
ranks=(mpirun --oversubscribe -n 4 "$telos" train "$config" --quiet)

same() {
    local file
    for file in result.json metrics.jsonl weights.safetensors; do
        cmp "$scratch/threads/$file" "$scratch/$1/$file"
    done
}

"$telos" train "$config" --quiet --out "$scratch/threads"
"${ranks[@]}" --out "$scratch/processes"
same processes

# Rank 2 dies in the middle: no rank waits for it.
"${ranks[@]}" --out "$scratch/killed" >"$scratch/log" 2>&1 &
launcher=$!
until ls "$scratch"/killed/checkpoints/*.ckpt >/dev/null 2>&1; do
    kill -0 "$launcher"
    sleep 0.05
done
for process in /proc/[0-9]*; do
    if { tr '\0' '\n' <"$process/environ" | grep -qx OMPI_COMM_WORLD_RANK=2 &&
        tr '\0' ' ' <"$process/cmdline" | grep -q -- "--out $scratch/killed"; } 2>/dev/null; then
        kill -KILL "${process#/proc/}"
    fi
done
code=0
timeout 60 tail --pid="$launcher" -f /dev/null
wait "$launcher" || code=$?
test "$code" != 0
test ! -e "$scratch/killed/result.json"
grep -q "rank 2" "$scratch/log"
"${ranks[@]}" --out "$scratch/killed" --resume
same killed

# What goes wrong on one rank is said, and ends all of them with its exit code.
code=0
"${ranks[@]}" --out "$scratch/processes" 2>"$scratch/log" || code=$?
test "$code" = 2
grep -q "exists already; pass --resume" "$scratch/log"
code=0
mpirun --oversubscribe -n 2 "$telos" train "$config" --out "$scratch/two" 2>"$scratch/log" || code=$?
test "$code" = 2
grep -q 'the launcher started 2 processes, but `parallel.ranks` is 4' "$scratch/log"
echo "four ranks are the same as threads and as processes"
