"""How long each bundled model takes for one face on one thread; `--write` keeps it beside the weights.

    python benchmarks/face_speed.py
    python benchmarks/face_speed.py --write     on an idle machine, when a model has come or changed

Models take turns, so that what else the machine does falls on all of them.
"""

from __future__ import annotations

import argparse
import statistics

from machine import machine_facts

from mien.files import write_json
from mien.inference.bench import measure_face_ms
from mien.inference.model_files import WEIGHTS_PATH, bundled_models

ROUNDS = 7


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="write speed.json beside each model's weights")
    arguments = parser.parse_args()
    times: dict[str, list[float]] = {name: [] for name in bundled_models()}
    for _ in range(ROUNDS):
        for name, measured in times.items():
            measured.append(measure_face_ms(name))
    for name, measured in times.items():
        middle = statistics.median(measured)
        print(f"{name:<12} {middle:.2f} ms ({min(measured):.2f} to {max(measured):.2f})")
        if arguments.write:
            facts = {"ms_per_face": round(middle, 3), "threads": 1, "processor": machine_facts()["processor"]}
            write_json(WEIGHTS_PATH / name / "speed.json", facts)


if __name__ == "__main__":
    main()
