"""Runs the Indexed Jobs of manifests as a cluster would, one process for each pod.

    python tests/kubernetes_job.py MANIFESTS.yaml [--disruptions N]

Every pod is the container's command, in an empty directory, with the environment that Kubernetes sets
and nothing of this one's. Its volume is the file system as it is, so the manifest must mount it where
it lies. Pods that end are replaced as `podFailurePolicy`, `backoffLimitPerIndex` and
`maxFailedIndexes` say. N times a running pod is taken away: every other time evicted (asked to stop,
then killed after its grace period, with the condition DisruptionTarget), else killed at once, as for
want of memory. Exits with 1 when an index failed for good.
"""

import argparse
import random
import signal
import subprocess
import sys
import tempfile
import time

import yaml


class Pod:
    """One attempt at one index."""

    def __init__(self, template, index):
        container = template["spec"]["containers"][0]
        self.index = index
        self.grace = template["spec"]["terminationGracePeriodSeconds"]
        self.evicted_at = None
        self.directory = tempfile.TemporaryDirectory()
        variable = "JOB_COMPLETION_INDEX"
        command = [word.replace(f"$({variable})", str(index)) for word in container["command"]]
        environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOSTNAME": f"pod-{index}", variable: str(index)}
        environment |= {entry["name"]: entry["value"] for entry in container.get("env", [])}
        self.process = subprocess.Popen(
            command,
            cwd=self.directory.name,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )

    def evict(self):
        self.evicted_at = time.monotonic()
        self.process.send_signal(signal.SIGTERM)

    def exit_code(self):
        if self.evicted_at and time.monotonic() - self.evicted_at > self.grace:
            self.process.kill()
        code = self.process.poll()
        # As a container runtime reports a signal.
        return 128 - code if code is not None and code < 0 else code


def action(policy, pod, code):
    """What the first rule that matches says of a failed pod."""
    for rule in policy["rules"]:
        conditions = rule.get("onPodConditions", [])
        if pod.evicted_at and any(one["type"] == "DisruptionTarget" for one in conditions):
            return rule["action"]
        exit_codes = rule.get("onExitCodes")
        if exit_codes:
            assert exit_codes["operator"] == "In"
            if code in exit_codes["values"]:
                return rule["action"]
    return "Count"


def run(job, disruptions):
    """Runs one Job; returns the failed indices and how many disruptions are left."""
    spec = job["spec"]
    assert job["kind"] == "Job" and spec["completionMode"] == "Indexed"
    assert spec["template"]["spec"]["restartPolicy"] == "Never"
    waiting = list(range(spec["completions"]))
    failures = dict.fromkeys(waiting, 0)
    running, failed, pods = [], [], 0
    while waiting or running:
        while waiting and len(running) < spec["parallelism"]:
            running.append(Pod(spec["template"], waiting.pop(0)))
            pods += 1
        time.sleep(0.02)
        calm = [pod for pod in running if pod.evicted_at is None and pod.process.poll() is None]
        if disruptions and calm and random.random() < 0.05:
            victim = random.choice(calm)
            victim.evict() if disruptions % 2 else victim.process.kill()
            disruptions -= 1
        for pod in list(running):
            code = pod.exit_code()
            if code is None:
                continue
            running.remove(pod)
            if code == 0:
                continue
            verdict = action(spec["podFailurePolicy"], pod, code)
            if verdict == "Count":
                failures[pod.index] += 1
            if verdict == "FailIndex" or failures[pod.index] > spec["backoffLimitPerIndex"]:
                failed.append(pod.index)
                if len(failed) > spec["maxFailedIndexes"]:
                    return failed, disruptions
            else:
                waiting.append(pod.index)
    print(f"{job['metadata']['name']}: {spec['completions']} indices in {pods} pods, {len(failed)} failed")
    return failed, disruptions


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("manifests")
    parser.add_argument("--disruptions", type=int, default=0)
    arguments = parser.parse_args()
    with open(arguments.manifests, encoding="utf-8") as file:
        jobs = [job for job in yaml.safe_load_all(file) if job]
    failed, left = [], arguments.disruptions
    for job in jobs:
        found, left = run(job, left)
        failed += found
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
