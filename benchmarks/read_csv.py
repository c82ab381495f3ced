"""Reading fer2013.csv: mien, the first time and again, beside pandas.read_csv with a split of every row.

    python benchmarks/read_csv.py fer2013.csv [--repeats 3] [--json]

Takes the csv plain or as .gz or .zip. Every reading runs in a process of its own, so that the peaks of memory are its
own too, and the readers take turns, so that a busy moment of the machine hits all of them. mien keeps its cache in a
temporary folder. `first` finds it empty, `again` finds what `first` left. Before that the file is read once, so that no
reader pays for a cold disk.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from mien.machine import usable_cores

# Each reader prints "seconds images"; importing is not counted. The peak of memory is asked of the system.
MIEN = """
from mien.data import load_dataset
import mien.data.sources
started = time.perf_counter()
count = len(load_dataset(path))
"""
PANDAS = """
import numpy as np
import pandas as pd
started = time.perf_counter()
table = pd.read_csv(path)
images = np.stack([np.array(row.split(), dtype=np.uint8) for row in table["pixels"]]).reshape(-1, 48, 48)
count = len(images)
"""
FRAME = """
import json, sys, time
path = sys.argv[1]
{body}
seconds = time.perf_counter() - started
try:
    import resource
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)
except ImportError:  # Windows
    peak = None
print(json.dumps({{"seconds": seconds, "images": count, "peak_mb": peak}}))
"""


def measure(body: str, path: Path, cache_dir: Path) -> dict[str, float]:
    """Run one reader in a fresh process."""
    done = subprocess.run(
        [sys.executable, "-c", FRAME.format(body=body), str(path)],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"MIEN_CACHE_DIR": str(cache_dir)},
    )
    if done.returncode:
        raise SystemExit(f"A reader failed:\n{done.stderr}")
    return json.loads(done.stdout)


def run(path: Path, repeats: int) -> dict[str, object]:
    """Measure all readers `repeats` times, in turns."""
    with path.open("rb") as file:
        while file.read(1 << 24):
            pass
    found: dict[str, list[dict[str, float]]] = {"mien, first": [], "mien, again": [], "pandas + split per row": []}
    for _ in range(repeats):
        with tempfile.TemporaryDirectory() as folder:
            found["mien, first"].append(measure(MIEN, path, Path(folder)))
            found["mien, again"].append(measure(MIEN, path, Path(folder)))
            found["pandas + split per row"].append(measure(PANDAS, path, Path(folder)))
    readers = {
        name: {
            "seconds_median": statistics.median(one["seconds"] for one in runs),
            "seconds_min": min(one["seconds"] for one in runs),
            "seconds_max": max(one["seconds"] for one in runs),
            "peak_mb": max((one["peak_mb"] for one in runs if one["peak_mb"] is not None), default=None),
            "images": runs[0]["images"],
        }
        for name, runs in found.items()
    }
    return {
        "file": path.name,
        "megabytes": path.stat().st_size / 1e6,
        "repeats": repeats,
        "machine": f"{platform.machine()}, {usable_cores()} cores, Python {platform.python_version()}",
        "readers": readers,
    }


def print_table(result: dict[str, object]) -> None:
    """The result as a table; `slower` is the ratio to mien's first reading."""
    from rich.console import Console
    from rich.table import Table

    readers: dict[str, dict[str, float]] = result["readers"]  # type: ignore[assignment]
    base = readers["mien, first"]["seconds_median"]
    table = Table(title=f"{result['file']} ({result['megabytes']:.0f} MB), {result['machine']}", title_justify="left")
    table.add_column("reader")
    for heading in ("median s", "min to max s", "peak MB", "images", "time beside first"):
        table.add_column(heading, justify="right")
    for name, row in readers.items():
        span = f"{row['seconds_min']:.2f} to {row['seconds_max']:.2f}"
        peak = "-" if row["peak_mb"] is None else f"{row['peak_mb']:.0f}"
        seconds = row["seconds_median"]
        table.add_row(name, f"{seconds:.2f}", span, peak, f"{row['images']:,}", f"{seconds / base:.2f}")
    Console().print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("csv", type=Path, help="fer2013.csv, .csv.gz, or a .zip with only the csv in it")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    options = parser.parse_args()
    if not options.csv.is_file():
        raise SystemExit(f"Expected a csv file. Received: {options.csv}.")
    result = run(options.csv, options.repeats)
    if options.json:
        print(json.dumps(result, indent=2))
    else:
        print_table(result)


if __name__ == "__main__":
    main()
