"""Every process collects the same tests, so that they can be shared out among several, and named in a report."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def _start(hash_seed: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "pytest", "--collect-only", "-p", "no:cacheprovider", "-p", "no:xdist"]
    environment = os.environ | {"PYTHONHASHSEED": str(hash_seed)}
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)


def _names(output: str) -> list[str]:
    return [line for line in output.splitlines() if "::" in line]


def test_two_processes_collect_the_same_tests_seconds_apart() -> None:
    first = _start(1)
    time.sleep(2)  # file times are kept in steps of up to two seconds
    second = _start(2)
    names, others = (_names(process.communicate(timeout=300)[0]) for process in (first, second))
    assert len(names) > 1000
    assert names == others
