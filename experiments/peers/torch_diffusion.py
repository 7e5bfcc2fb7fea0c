"""PyTorch's speed with diffusion policies on one thread: the peer of `telos bench diffusion`.

The same four networks on the same sizes (20 observations, chunks of 16 actions of four components): time to
draw a chunk for one environment by four DDIM steps, and chunks per second of training (noise prediction,
fused Adam). Prints medians as one JSON line per network.

    python experiments/peers/torch_diffusion.py --rounds 15
"""

import argparse
import json
import math
import statistics
import time

import torch
from torch import nn
from torch.nn import functional as F

OBSERVATION, HORIZON, ACTION, LEVELS, STEPS = 20, 16, 4, 100, 4
WIDTH = HORIZON * ACTION


def embed(times, count):
    """Sines and cosines of geometrically spaced wavelengths from 4 to 1/16."""
    index = torch.arange(count // 2) / max(count // 2 - 1, 1)
    angles = times[:, None] * (2 * math.pi / (4.0 * (1.0 / 64.0) ** index))
    return torch.cat([angles.sin(), angles.cos()], -1)


class Perceptron(nn.Module):
    def __init__(self, hidden, features=16):
        super().__init__()
        widths, self.features = [WIDTH + features + OBSERVATION, *hidden], features
        layers = [layer for pair in zip(widths, widths[1:]) for layer in (nn.Linear(*pair), nn.SiLU())]
        self.layers = nn.Sequential(*layers, nn.Linear(widths[-1], WIDTH))

    def forward(self, x, times, observation):
        return self.layers(torch.cat([x, embed(times, self.features), observation], -1))


class Block(nn.Module):
    def __init__(self, inputs, outputs, condition, kernel=5, groups=8):
        super().__init__()
        conv = lambda i: nn.Conv1d(i, outputs, kernel, padding=kernel // 2)
        self.first = nn.Sequential(conv(inputs), nn.GroupNorm(groups, outputs), nn.SiLU())
        self.film = nn.Linear(condition, 2 * outputs)
        self.second = nn.Sequential(conv(outputs), nn.GroupNorm(groups, outputs), nn.SiLU())
        self.residual = nn.Conv1d(inputs, outputs, 1) if inputs != outputs else nn.Identity()

    def forward(self, x, condition):
        scale, shift = self.film(condition)[:, :, None].chunk(2, 1)
        return self.second(self.first(x) * (1 + scale) + shift) + self.residual(x)


class Unet(nn.Module):
    def __init__(self, channels, features=64):
        super().__init__()
        condition, self.features = features + OBSERVATION, features
        self.time = nn.Sequential(nn.Linear(features, 4 * features), nn.SiLU(), nn.Linear(4 * features, features))
        block = lambda i, o: Block(i, o, condition)
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        before = ACTION
        for level, width in enumerate(channels):
            last = level + 1 == len(channels)
            halve = nn.Identity() if last else nn.Conv1d(width, width, 3, 2, 1)
            self.down.append(nn.ModuleList([block(before, width), block(width, width), halve]))
            before = width
        self.middle = nn.ModuleList([block(before, before), block(before, before)])
        for above, below in reversed(list(zip(channels, channels[1:]))):
            double = nn.ConvTranspose1d(above, above, 4, 2, 1)
            self.up.append(nn.ModuleList([block(2 * below, above), block(above, above), double]))
        top = channels[0]
        last = nn.Sequential(nn.Conv1d(top, top, 5, padding=2), nn.GroupNorm(8, top), nn.SiLU())
        self.last = nn.Sequential(last, nn.Conv1d(top, ACTION, 1))

    def forward(self, x, times, observation):
        condition = F.silu(torch.cat([self.time(embed(times, self.features)), observation], -1))
        x = x.view(-1, HORIZON, ACTION).transpose(1, 2)
        seen = []
        for first, second, halve in self.down:
            x = second(first(x, condition), condition)
            seen.append(x)
            x = halve(x)
        for block in self.middle:
            x = block(x, condition)
        for first, second, double in self.up:
            x = double(second(first(torch.cat([x, seen.pop()], 1), condition), condition))
        return self.last(x).transpose(1, 2).reshape(-1, WIDTH)


class Transformer(nn.Module):
    def __init__(self, width, heads, layers, features=64):
        super().__init__()
        self.features = features
        self.time = nn.Sequential(nn.Linear(features, width), nn.SiLU(), nn.Linear(width, width))
        self.observation, self.action = nn.Linear(OBSERVATION, width), nn.Linear(ACTION, width)
        self.positions = nn.Parameter(0.02 * torch.randn(HORIZON + 2, width))
        gelu = lambda x: F.gelu(x, approximate="tanh")
        layer = nn.TransformerEncoderLayer(width, heads, 4 * width, 0.0, gelu, batch_first=True, norm_first=True)
        self.layers = nn.TransformerEncoder(layer, layers, nn.LayerNorm(width), enable_nested_tensor=False)
        self.register_buffer("mask", nn.Transformer.generate_square_subsequent_mask(HORIZON + 2))
        self.head = nn.Linear(width, ACTION)

    def forward(self, x, times, observation):
        actions = self.action(x.view(-1, HORIZON, ACTION))
        time_token = self.time(embed(times, self.features))[:, None]
        tokens = torch.cat([time_token, self.observation(observation)[:, None], actions], 1) + self.positions
        return self.head(self.layers(tokens, self.mask, is_causal=True)[:, 2:]).reshape(-1, WIDTH)


def cosine_levels():
    f = lambda k: math.cos((k / LEVELS + 0.008) / 1.008 * math.pi / 2) ** 2
    alpha_bar = [1.0]
    for k in range(1, LEVELS + 1):
        alpha_bar.append(alpha_bar[-1] * (1 - min(1 - f(k) / f(k - 1), 0.999)))
    return torch.tensor(alpha_bar)


def seconds(task, rounds, repeats):
    task()
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        for _ in range(repeats):
            task()
        times.append((time.perf_counter() - start) / repeats)
    return statistics.median(times)


def measure(name, network, batch, rounds, repeats):
    alpha_bar = cosine_levels()
    adam = torch.optim.Adam(network.parameters(), lr=1e-3, fused=True)
    chunks, observation = torch.rand(batch, WIDTH) * 2 - 1, torch.randn(batch, OBSERVATION)

    def update():
        k, noise = torch.randint(1, LEVELS + 1, (batch,)), torch.randn(batch, WIDTH)
        level = alpha_bar[k][:, None]
        x = level.sqrt() * chunks + (1 - level).sqrt() * noise
        loss = F.mse_loss(network(x, k / LEVELS, observation), noise)
        adam.zero_grad()
        loss.backward()
        adam.step()

    one = torch.randn(1, OBSERVATION)
    ladder = [LEVELS * (STEPS - i) // STEPS for i in range(STEPS + 1)]
    # As numbers, so that the loop holds no more operations than it must.
    signal, sigma = alpha_bar.sqrt().tolist(), (1 - alpha_bar).sqrt().tolist()
    times = [torch.tensor([k / LEVELS]) for k in ladder]

    @torch.inference_mode()
    def act():
        x = torch.randn(1, WIDTH)
        for now, (k, after) in enumerate(zip(ladder, ladder[1:])):
            noise = network(x, times[now], one)
            clean = ((x - sigma[k] * noise) / signal[k]).clamp(-1, 1)
            noise = (x - signal[k] * clean) / sigma[k]
            x = signal[after] * clean + sigma[after] * noise
        return x.numpy()

    # As few updates as a round of the peer, and as many draws.
    trained = seconds(update, rounds, repeats)
    drawn = seconds(act, rounds, 10 * repeats)
    figures = {
        "network": name,
        "parameters": sum(p.numel() for p in network.parameters()),
        "torch": torch.__version__,
        "train_samples_per_s": round(batch / trained, 1),
        "chunk_us": round(drawn * 1e6, 1),
    }
    print(json.dumps(figures), flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--network", help="this one alone")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    networks = {
        "mlp 3x256": (lambda: Perceptron([256] * 3), 256, 20),
        "mlp 3x1024": (lambda: Perceptron([1024] * 3), 1024, 2),
        "unet 64-128-256": (lambda: Unet([64, 128, 256]), 256, 2),
        "transformer 4x128": (lambda: Transformer(128, 4, 4), 256, 2),
    }
    for name, (network, batch, repeats) in networks.items():
        if arguments.network in (None, name):
            measure(name, network(), batch, arguments.rounds, repeats)


if __name__ == "__main__":
    main()
