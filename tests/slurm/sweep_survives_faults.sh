#!/usr/bin/env bash
# A sweep on a real Slurm whose tasks, a node and the controller are killed in the middle, and which is
# preempted, ends with the bytes of the same sweep on this machine without Slurm; so does one whose
# trials take longer than their time limit. Needs root, slurmctld and munged.
#
#     bash tests/slurm/sweep_survives_faults.sh TELOS
set -euo pipefail
telos=$(realpath "$1")
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
scratch=$(mktemp -d)
cluster="$scratch/cluster"
. "$here/cluster.sh"
trap 'status=$?; cluster_down; [ $status = 0 ] || tail -n 20 "$scratch"/slurm/slurm/*.log >&2; rm -rf "$scratch"' EXIT

"$telos" sweep run "$here/sweep.toml" --out "$scratch/local" --quiet
"$telos" sweep run "$here/time_limit.toml" --out "$scratch/long-local" --quiet

# Waits until an attempt of the store $1 has written a checkpoint because it was asked to stop.
interrupted() {
    for _ in $(seq 400); do
        if grep -qs '"end": "interrupted"' "$1"/trials/*/attempts/*.json; then
            echo "$2, after a checkpoint"
            return
        fi
        hurry
        sleep 0.25
    done
    echo "no trial was $2" >&2
    return 1
}

cluster_up "$here/slurm.conf"
# What no node has is refused when it is submitted, in Slurm's words and with the place to change it.
sed 's/memory = .*/memory = "9T"/' "$here/sweep.toml" >"$scratch/greedy.toml"
cp "$here/base.toml" "$scratch"
code=0
"$telos" sweep submit "$scratch/greedy.toml" --out "$scratch/greedy" --to slurm 2>"$scratch/refusal" || code=$?
test "$code" = 2
grep -q "see \[slurm\] in $scratch/greedy/sweep.toml" "$scratch/refusal"

store="$scratch/slurm"
"$telos" sweep submit "$here/sweep.toml" --out "$store" --to slurm

for kill in 1 2 3; do
    victim=$(wait_for_trial "$store")
    sleep 0.3
    kill -KILL "$victim" 2>/dev/null || true
    echo "task $kill killed"
done

wait_for_trial "$store" >/dev/null
sbatch --parsable --partition=urgent --nodes=4 --exclusive --output=/dev/null --wrap 'sleep 3' >"$scratch/urgent"
for _ in $(seq 100); do
    [ "$(squeue -h -j "$(cat "$scratch/urgent")" -o %T 2>/dev/null)" = RUNNING ] && break
    sleep 0.2
done
interrupted "$store" preempted

wait_for_trial "$store" n1 >/dev/null
node_dies "$store" n1
echo "node n1 killed"

wait_for_trial "$store" >/dev/null
kill -KILL "$(cat "$cluster/slurmctld.pid")"
echo "controller killed"
# The files are the truth.
"$telos" sweep status "$store"
slurmctld
slurmd -N n1

resubmitted=0
progress=""
idle=0
for _ in $(seq 300); do
    [ -f "$store/summary.json" ] && break
    # What is held after it could not be started is released, as its owner would.
    for job in $(squeue -h -t PENDING -o '%A %r' 2>/dev/null | awk '/[Hh]eld/ { print $1 }' | sort -u); do
        scontrol release "$job" 2>/dev/null || true
    done
    # A controller that was killed may go on from an older state and take for running what has ended. A
    # queue in which nothing moves any more is given up, as its owner would.
    seen=$(find "$store/trials" -newer "$store/sweep.toml" | wc -l)
    idle=$([ "$seen" = "$progress" ] && echo $((idle + 1)) || echo 0)
    progress=$seen
    if [ "$idle" = 45 ]; then
        squeue || true
        scancel --user="$(id -un)" || true
        idle=0
    fi
    hurry
    # A controller that was killed may have forgotten its jobs; then the user submits again.
    if squeue -h >"$scratch/queue" 2>/dev/null && [ ! -s "$scratch/queue" ] && [ ! -f "$store/summary.json" ]; then
        "$telos" sweep submit "$store" --to slurm
        resubmitted=$((resubmitted + 1))
    fi
    sleep 1
done
"$telos" sweep status "$store"
for file in summary.json summary.csv generations/0000.json generations/0001.json; do
    cmp "$scratch/local/$file" "$store/$file"
done
trials=$(find "$store/trials" -mindepth 1 -maxdepth 1 | wc -l)
attempts=$(find "$store/trials" -mindepth 3 -maxdepth 3 -type d | wc -l)
test "$attempts" -gt "$trials"
test -z "$(find "$store/trials" -path '*/duplicates/*')"
echo "$trials trials in $attempts attempts, submitted again $resubmitted times: the summary is byte-equal"

# Trials that are warned of their time limit write a checkpoint, and jobs chained to them go on.
long="$scratch/long"
"$telos" sweep submit "$here/time_limit.toml" --out "$long" --to slurm
interrupted "$long" warned
for _ in $(seq 300); do
    [ -f "$long/summary.json" ] && break
    hurry
    sleep 1
done
cmp "$scratch/long-local/summary.json" "$long/summary.json"
echo "$(find "$long/trials" -mindepth 3 -maxdepth 3 -type d | wc -l) attempts within the time limit: the summary is byte-equal"
