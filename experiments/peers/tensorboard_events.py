"""Reads the TensorBoard events of a run with TensorBoard itself and compares them with its metrics.

    pip install tensorboard
    python experiments/peers/tensorboard_events.py RUN
"""

import json
import sys
from pathlib import Path

import numpy as np
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    run = Path(sys.argv[1])
    events = EventAccumulator(str(run / "tensorboard"), size_guidance={"scalars": 0})
    events.Reload()
    read = {tag: {event.step: event.value for event in events.Scalars(tag)} for tag in events.Tags()["scalars"]}
    count = 0
    for line in (run / "metrics.jsonl").read_text().splitlines():
        row = json.loads(line)
        step = row.pop("step")
        for tag, value in row.items():
            expected = np.float32("nan" if value is None else value)
            found = np.float32(read[tag].pop(step))
            if not np.array_equal(found, expected, equal_nan=True):
                sys.exit(f"{run}: {tag} at step {step}: TensorBoard reads {found}, metrics.jsonl says {expected}")
            count += 1
    left = [tag for tag, values in read.items() if values]
    if left or count == 0:
        sys.exit(f"{run}: {count} values agree; TensorBoard has more of {left}")
    print(f"TensorBoard reads the same {count} values")


if __name__ == "__main__":
    main()
