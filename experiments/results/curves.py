"""Learning curves of a run with several seeds, as an SVG figure and a Markdown table.

    python3 experiments/results/curves.py RUN FIGURE.svg

RUN is the directory of `telos train` with `seeds` and `[comparison] gold = true`. The band is the
range over seeds: with three to five seeds an interval would promise more than it holds. Standard
library only.
"""

import json
import sys
from pathlib import Path

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 640, 360, 60, 40, 20
CURVES = {
    "from preferences": ("metrics.jsonl", "#c2410c"),
    "on the gold reward": ("gold/metrics.jsonl", "#1d4ed8"),
}


def curve(run: Path, file: str) -> dict[int, list[float]]:
    """Gold return of every evaluation, by step: one value per seed."""
    points: dict[int, list[float]] = {}
    seeds = sorted(run.glob("seed-*"), key=lambda path: int(path.name.split("-")[1]))
    if not seeds:
        sys.exit(f"{run}: no seed-* directories; train with --set 'seeds=[1,2,3]'")
    for seed in seeds:
        for line in (seed / file).read_text().splitlines():
            row = json.loads(line)
            points.setdefault(row["step"], []).append(row["eval/gold_return"])
    return points


def figure(curves: dict[str, dict[int, list[float]]]) -> str:
    last = max(step for points in curves.values() for step in points)
    top = max(max(values) for points in curves.values() for values in points.values()) * 1.05
    x = lambda step: LEFT + step / last * (WIDTH - LEFT - 10)
    y = lambda value: HEIGHT - BOTTOM - value / top * (HEIGHT - BOTTOM - TOP)
    path = lambda points: " ".join(f"{x(step):.1f},{y(value):.1f}" for step, value in points)
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
    ]
    for part in range(5):
        value, step = top * part / 4, last * part // 4
        out.append(f'<line x1="{LEFT}" x2="{WIDTH - 10}" y1="{y(value):.1f}" y2="{y(value):.1f}" stroke="#ddd"/>')
        out.append(f'<text x="{LEFT - 6}" y="{y(value) + 4:.1f}" text-anchor="end">{value:.0f}</text>')
        out.append(f'<text x="{x(step):.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{step:,}</text>')
    out.append(f'<text x="{WIDTH / 2}" y="{HEIGHT - 6}" text-anchor="middle">environment steps</text>')
    for index, (name, points) in enumerate(curves.items()):
        color = CURVES[name][1]
        steps = sorted(points)
        mean = [(step, sum(points[step]) / len(points[step])) for step in steps]
        band = [(s, max(points[s])) for s in steps] + [(s, min(points[s])) for s in reversed(steps)]
        out.append(f'<polygon points="{path(band)}" fill="{color}" fill-opacity="0.15"/>')
        out.append(f'<polyline points="{path(mean)}" fill="none" stroke="{color}" stroke-width="2"/>')
        out.append(f'<text x="{LEFT + 10}" y="{TOP + 14 + 16 * index}" fill="{color}">{name}</text>')
    return "\n".join(out + ["</svg>", ""])


def table(curves: dict[str, dict[int, list[float]]]) -> str:
    out = ["| steps | " + " | ".join(curves) + " |", "|---" * (len(curves) + 1) + "|"]
    for step in sorted(set.intersection(*(set(points) for points in curves.values()))):
        cells = (
            f"{sum(points[step]) / len(points[step]):.0f} ({min(points[step]):.0f} to {max(points[step]):.0f})"
            for points in curves.values()
        )
        out.append(f"| {step:,} | " + " | ".join(cells) + " |")
    return "\n".join(out)


def main() -> None:
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    run, target = Path(sys.argv[1]), Path(sys.argv[2])
    curves = {name: curve(run, file) for name, (file, _) in CURVES.items()}
    target.write_text(figure(curves))
    print(table(curves))


if __name__ == "__main__":
    main()
