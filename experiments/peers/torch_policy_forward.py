"""PyTorch's time for one policy forward over 64 environments on one thread, without gradients: the
peer of the policy rows of `telos bench learner`. Prints the medians in microseconds as JSON, one line per
network: 17-256-256-12 with ReLU (SAC's actor) and 17-64-64-6 with tanh (PPO's).

    python experiments/peers/torch_policy_forward.py --rounds 2000
"""

import argparse
import json
import statistics
import time

import torch
from torch import nn

ENVIRONMENTS = 64


def network(widths, activation):
    layers = []
    for inputs, outputs in zip(widths, widths[1:]):
        layers += [nn.Linear(inputs, outputs), activation()]
    return nn.Sequential(*layers[:-1])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=2000)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    for widths, activation in [([17, 256, 256, 12], nn.ReLU), ([17, 64, 64, 6], nn.Tanh)]:
        policy = network(widths, activation)
        observation = torch.randn(ENVIRONMENTS, widths[0])
        times = []
        with torch.inference_mode():
            for i in range(arguments.rounds + 200):
                start = time.perf_counter()
                policy(observation)
                if i >= 200:
                    times.append(time.perf_counter() - start)
        print(
            json.dumps(
                {
                    "name": "policy_forward_" + "-".join(map(str, widths)),
                    "torch": torch.__version__,
                    "threads": torch.get_num_threads(),
                    "rounds": arguments.rounds,
                    "median_us": round(statistics.median(times) * 1e6, 2),
                }
            )
        )


if __name__ == "__main__":
    main()
