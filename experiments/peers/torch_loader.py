"""Batches per second of a dataset of telos through PyTorch's DataLoader, for `telos bench loader`.

    python experiments/peers/torch_loader.py DATASET [BATCHES]

The columns are mapped with numpy, so both read the same pages. `DataLoader` collates single samples, as
CORL's and LeRobot's training scripts have it, with 0 and 2 worker processes; `indexed` is the fastest that
numpy allows: one fancy index per column and batch, without a DataLoader.
"""

import json
import pathlib
import statistics
import sys
import time

import numpy as np
import torch

ROWS, CHUNKS, STEPS = 256, 64, 16


class Columns:
    def __init__(self, path):
        path = pathlib.Path(path)
        manifest = json.loads((path / "manifest.json").read_text())
        types = {"f32": "<f4", "u8": "u1", "u64": "<u8"}
        for column in manifest["columns"]:
            file = path / f"{column['name']}.{column['type']}"
            values = np.memmap(file, types[column["type"]], "r").reshape(column["rows"], column["width"])
            setattr(self, column["name"], values)
        lengths = self.episode_steps[:, 0].astype(np.int64)
        self.episode = np.repeat(np.arange(len(lengths)), lengths)
        self.end = np.repeat(np.cumsum(lengths), lengths)
        self.steps = manifest["steps"]


class Transitions(torch.utils.data.Dataset):
    def __init__(self, columns):
        self.columns = columns

    def __len__(self):
        return self.columns.steps

    def __getitem__(self, row):
        c = self.columns
        at = row + c.episode[row]
        return c.obs[at], c.actions[row], c.rewards[row], c.obs[at + 1]


class Chunks(Transitions):
    def __getitem__(self, row):
        c = self.columns
        rows = np.minimum(np.arange(row, row + STEPS), c.end[row] - 1)
        return c.obs[rows + c.episode[row]], c.actions[rows], c.rewards[rows], np.arange(STEPS) < c.end[row] - row


def rate(batches, count):
    """Batches per second, the median of five rounds after one to warm up."""
    times = []
    for _ in range(6):
        start = time.perf_counter()
        for _ in range(count):
            next(batches)
        times.append(time.perf_counter() - start)
    return count / statistics.median(times[1:])


def loader(dataset, rows, workers):
    sampler = torch.utils.data.RandomSampler(dataset, replacement=True, num_samples=10**9)
    arguments = {"prefetch_factor": 4, "persistent_workers": True} if workers else {}
    return iter(torch.utils.data.DataLoader(dataset, rows, sampler=sampler, num_workers=workers, **arguments))


def indexed(c):
    generator = np.random.default_rng(0)
    while True:
        rows = generator.integers(0, c.steps, ROWS)
        at = rows + c.episode[rows]
        yield [torch.from_numpy(x) for x in (c.obs[at], c.actions[rows], c.rewards[rows], c.obs[at + 1])]


def main():
    torch.set_num_threads(1)
    columns = Columns(sys.argv[1])
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 100
    for workers in (0, 2):
        print(f"DataLoader, {workers} workers, {ROWS} transitions  {rate(loader(Transitions(columns), ROWS, workers), count):10.0f} batches/s")
        print(f"DataLoader, {workers} workers, {CHUNKS} chunks of {STEPS}  {rate(loader(Chunks(columns), CHUNKS, workers), count):10.0f} batches/s")
    print(f"indexed with numpy, {ROWS} transitions    {rate(indexed(columns), 10 * count):10.0f} batches/s")


if __name__ == "__main__":
    main()
