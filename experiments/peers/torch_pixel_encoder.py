"""PyTorch's time for the convolutional encoder of DrQ on a batch of 128 stacks of pictures on one thread,
forward and with its gradients: the peer of the encoder rows of `cargo bench -p telos-nn --bench learner_ops`.
Prints the medians in microseconds as JSON.

    python experiments/peers/torch_pixel_encoder.py --rounds 30
"""

import argparse
import json
import statistics
import time

import torch
from torch import nn

PICTURES, CHANNELS, FEATURES = 128, 9, 50


def encoder(side: int, filters: list[int]) -> nn.Module:
    layers: list[nn.Module] = []
    channels = CHANNELS
    for i, count in enumerate(filters):
        stride = 2 if i == 0 else 1
        layers += [nn.Conv2d(channels, count, 3, stride=stride), nn.ReLU()]
        side = (side - 3) // stride + 1
        channels = count
    width = side * side * channels
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(width, FEATURES), nn.LayerNorm(FEATURES), nn.Tanh())


def report(name: str, rounds: int, work) -> None:
    for _ in range(rounds // 10 + 2):
        work()
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        times.append((time.perf_counter() - start) * 1e6)
    print(json.dumps({"name": name, "rounds": rounds, "median_us": round(statistics.median(times), 2)}))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=30)
    rounds = parser.parse_args().rounds
    torch.set_num_threads(1)
    torch.manual_seed(0)
    for side, filters in [(32, [16] * 3), (84, [32] * 4)]:
        net = encoder(side, filters)
        x = torch.randn(PICTURES, CHANNELS, side, side)
        name = f"{side}px_{len(filters)}x{filters[0]}"

        def forward() -> None:
            with torch.no_grad():
                net(x)

        def gradients() -> None:
            net.zero_grad()
            net(x).square().sum().backward()

        report(f"torch_encoder_forward_{name}", rounds, forward)
        report(f"torch_encoder_gradients_{name}", rounds, gradients)


if __name__ == "__main__":
    main()
