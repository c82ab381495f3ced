"""The calls that docs/serving.md shows, made against a running server."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

PAGE = Path(__file__).resolve().parents[2] / "docs" / "serving.md"
ADDRESS = "http://127.0.0.1:8000"


def _block(name: str) -> str:
    """The one code block that is marked so."""
    (block,) = re.findall(rf"```{name}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert ADDRESS in block
    return str(block)


@pytest.fixture
def url(make_server: Callable[..., Any]) -> str:
    return str(make_server().url)


@pytest.fixture
def folder(tmp_path: Path, black: bytes, white: bytes) -> Path:
    (tmp_path / "photo.jpg").write_bytes(white)
    (tmp_path / "other.png").write_bytes(black)
    return tmp_path


def _run(command: list[str], folder: Path) -> str:
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60, cwd=folder)
    return done.stdout


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not here")
def test_curl(url: str, folder: Path) -> None:
    raw, form, batch, model = _block("sh curl").strip().splitlines()
    answers = [json.loads(_run(shlex.split(line.replace(ADDRESS, url)), folder)) for line in (raw, form, batch, model)]
    assert answers[0]["faces"][0]["emotion"] == "neutral"
    assert answers[1]["source"] == "photo.jpg"
    assert [item["source"] for item in answers[2]["results"]] == ["photo.jpg", "other.png"]
    assert answers[3]["name"] == "toy"


def test_python(url: str, folder: Path) -> None:
    out = _run([sys.executable, "-c", _block("python serving").replace(ADDRESS, url)], folder)
    assert out.startswith("neutral")


def _has_node() -> bool:
    if shutil.which("node") is None:
        return False
    version = subprocess.run(["node", "--version"], check=True, capture_output=True, text=True, timeout=60).stdout
    return int(version[1:].partition(".")[0]) >= 18  # the first with fetch


@pytest.mark.skipif(not _has_node(), reason="Node 18 or later is not here")
def test_javascript(url: str, folder: Path) -> None:
    code = 'import { readFileSync } from "node:fs";\nconst photo = readFileSync("photo.jpg");\n' + _block("js serving")
    (folder / "call.mjs").write_text(code.replace(ADDRESS, url))
    assert _run(["node", "call.mjs"], folder).startswith("neutral")
