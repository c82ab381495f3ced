"""Benchmarks describe the machine they ran on, on any machine."""

from __future__ import annotations

import platform
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / "benchmarks"


def test_the_machine_is_described_as_a_table() -> None:
    done = subprocess.run(
        [sys.executable, FOLDER / "machine.py"], check=True, capture_output=True, text=True, timeout=60
    )
    lines = done.stdout.splitlines()
    assert lines[:2] == ["| machine | |", "|---|---|"]
    facts = dict(line.strip("| ").split(" | ") for line in lines[2:])
    assert list(facts) == ["date", "processor", "cores", "memory", "system", "Python", "libraries"]
    assert platform.python_version() in facts["Python"]
    assert "numpy" in facts["libraries"]
    assert facts["memory"].endswith("GiB")
