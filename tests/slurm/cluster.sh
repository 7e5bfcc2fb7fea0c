# Functions that start, stop and damage a Slurm cluster of this host; to be sourced. `$cluster` is
# the directory that holds everything about it. Every process is ended by its number.

cluster_up() {
    mkdir -p "$cluster"/{state,munge,spool.n0,spool.n1,spool.n2,spool.n3}
    sed "s#@DIR@#$cluster#g; s#@HOST@#$(hostname -s)#g" "$1" >"$cluster/slurm.conf"
    export SLURM_CONF="$cluster/slurm.conf"
    head -c 1024 /dev/urandom >"$cluster/munge/key"
    chmod 400 "$cluster/munge/key"
    chmod 711 "$cluster" "$cluster/munge"
    munged --force --key-file="$cluster/munge/key" --socket="$cluster/munge/socket" \
        --pid-file="$cluster/munge/pid" --log-file="$cluster/munge/log" --seed-file="$cluster/munge/seed"
    slurmctld -c
    for node in n0 n1 n2 n3; do slurmd -N "$node"; done
    for _ in $(seq 100); do
        [ "$(sinfo -h -N -p all -o %T 2>/dev/null | grep -c idle)" = 4 ] && return
        sleep 0.2
    done
    echo "the cluster did not come up" >&2
    tail "$cluster"/*.log >&2
    return 1
}

cluster_down() {
    scancel --user="$(id -un)" 2>/dev/null || true
    sleep 1
    for file in "$cluster"/slurmd.*.pid "$cluster/slurmctld.pid" "$cluster/munge/pid"; do
        [ -f "$file" ] && kill -KILL "$(cat "$file")" 2>/dev/null || true
    done
}

# Numbers of the processes that execute trials of the store $1, on node $2 or on any.
trial_processes() {
    local process
    for process in /proc/[0-9]*; do
        # Processes come and go meanwhile.
        { tr '\0' ' ' <"$process/cmdline" | grep -q "sweep exec $1 "; } 2>/dev/null || continue
        if [ -z "${2:-}" ] || { tr '\0' '\n' <"$process/environ" | grep -qx "SLURMD_NODENAME=$2"; } 2>/dev/null; then
            echo "${process#/proc/}"
        fi
    done
}

# Slurm lets a requeued job wait for two minutes.
hurry() {
    local job
    for job in $(squeue -h -t PENDING -o %A 2>/dev/null | sort -u); do
        scontrol update jobid="$job" StartTime=now 2>/dev/null || true
    done
}

# Waits until a trial of the store $1 runs, on node $2 or on any, and prints its process number.
wait_for_trial() {
    local found tick
    for tick in $(seq 600); do
        found=$(trial_processes "$@")
        [ -n "$found" ] && { echo "${found%%$'\n'*}"; return; }
        [ $((tick % 20)) = 0 ] && hurry
        sleep 0.05
    done
    echo "no trial started ${2:+on $2}" >&2
    return 1
}

# Ends a node as a power cut does: its daemon, the shepherds of its tasks, and the tasks.
node_dies() {
    local process parent
    kill -KILL "$(cat "$cluster/slurmd.$2.pid")"
    for process in $(trial_processes "$1" "$2"); do
        parent=$(awk '/^PPid:/ { print $2 }' "/proc/$process/status" 2>/dev/null || true)
        [ "${parent:-1}" != 1 ] && kill -KILL "$parent" 2>/dev/null || true
        kill -KILL "$process" 2>/dev/null || true
    done
}
