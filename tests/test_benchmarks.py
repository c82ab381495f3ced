"""Benchmarks describe the machine they ran on, on any machine."""

from __future__ import annotations

import ast
import platform
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "benchmarks"


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


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.py")), ids=lambda path: path.name)
def test_each_benchmark_says_how_to_run_it_and_is_documented(path: Path) -> None:
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    assert f"python benchmarks/{path.name}" in docstring
    pages = [page.read_text(encoding="utf-8") for page in (ROOT / "docs").glob("*.md")]
    assert any(f"benchmarks/{path.name}" in page for page in pages)
