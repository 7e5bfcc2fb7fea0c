"""Statistics of `rliable` on made-up scores: the reference of the tests of `telos::statistics`.

    pip install rliable==1.2.0 'pandas<3'
    python experiments/peers/rliable_statistics.py > experiments/tests/data/rliable.json
    python experiments/peers/rliable_statistics.py --check experiments/tests/data/rliable.json

--check computes everything anew with other random numbers: point estimates must be equal, and the
stored ends of intervals must lie between those of a slightly wider and a slightly narrower interval,
by four standard deviations of the share of resamples beyond an end. (arch, on which rliable stands,
does not import under pandas 3.)
"""

import json
import sys

import numpy as np
from rliable import library, metrics

RESAMPLES = 50_000
CHECK_RESAMPLES = 5_000
CONFIDENCE = 0.95
THRESHOLDS = [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
CASES = {"five runs of one task": (5, 1), "ten runs of four tasks": (10, 4), "three runs of six tasks": (3, 6)}
AGGREGATES = {
    "mean": metrics.aggregate_mean,
    "median": metrics.aggregate_median,
    "iqm": metrics.aggregate_iqm,
    "optimality_gap": metrics.aggregate_optimality_gap,
}


def made_up_scores() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """For each case two methods, as arrays of runs by tasks."""
    rng = np.random.default_rng(2021)
    scores = {}
    for name, (runs, tasks) in CASES.items():
        x = rng.beta(4, 2, (runs, tasks)) * 1.2
        # One run more, and rounded, so that there are ties.
        y = np.round(rng.beta(3, 2, (runs + 1, tasks)), 1)
        x[0, 0] = y[0, 0]
        scores[name] = x, y
    return scores


def estimates(x: np.ndarray, y: np.ndarray, resamples: int, confidence: float) -> dict[str, dict]:
    """Each statistic of one case, with the interval of each of its numbers."""
    found = {}

    def estimate(name, scores, function):
        points, intervals = library.get_interval_estimates(
            {"": scores}, function, reps=resamples, confidence_interval_size=confidence
        )
        found[name] = {"points": points[""].tolist(), "intervals": intervals[""].T.tolist()}

    for name, aggregate in AGGREGATES.items():
        estimate(name, x, lambda scores: np.array([aggregate(scores)]))
    improvement = lambda a, b: np.array([metrics.probability_of_improvement(a, b)])
    estimate("probability_of_improvement", [x, y], improvement)
    estimate("profile", x, lambda scores: library.score_distributions(scores, np.array(THRESHOLDS)))
    return found


def reference() -> dict:
    # rliable draws from NumPy's global generator and ignores its own `random_state`.
    np.random.seed(1)
    cases = [
        {"name": name, "x": x.T.tolist(), "y": y.T.tolist()} | estimates(x, y, RESAMPLES, CONFIDENCE)
        for name, (x, y) in made_up_scores().items()
    ]
    return {"resamples": RESAMPLES, "confidence": CONFIDENCE, "thresholds": THRESHOLDS, "cases": cases}


def check(path: str) -> None:
    with open(path) as file:
        cases = json.load(file)["cases"]
    np.random.seed(7)
    tail = (1 - CONFIDENCE) / 2
    slack = 4 * np.sqrt(tail * (1 - tail) * (1 / RESAMPLES + 1 / CHECK_RESAMPLES))
    failed = False
    for stored, (name, (x, y)) in zip(cases, made_up_scores().items(), strict=True):
        wide, narrow = (
            estimates(x, y, CHECK_RESAMPLES, CONFIDENCE + sign * 2 * slack) for sign in (1, -1)
        )
        for statistic in wide:
            old = {key: np.array(value) for key, value in stored[statistic].items()}
            low, high = old["intervals"].T
            (wide_low, wide_high), (narrow_low, narrow_high) = (
                np.array(one[statistic]["intervals"]).T for one in (wide, narrow)
            )
            points = np.abs(old["points"] - np.array(wide[statistic]["points"])).max()
            beyond = [wide_low - low, low - narrow_low, narrow_high - high, high - wide_high]
            equal = points < 1e-12 and np.max(beyond) < 1e-9
            failed |= not equal
            print(f"{name}, {statistic}: {'equal' if equal else 'DIFFERENT'}")
    if failed:
        sys.exit(f"{path} is not what rliable computes")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--check"]:
        check(sys.argv[2])
    else:
        json.dump(reference(), sys.stdout, indent=1)
        print()
