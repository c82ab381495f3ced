"""ONNX Runtime is imported in one place, where its telemetry is turned off."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

CODE = """
import sys
from pathlib import Path
from mien.inference.sessions import import_onnxruntime
import_onnxruntime()
if sys.argv[1:]:
    from mien import Predictor
    Predictor(sys.argv[1], detector="yunet").predict(bytes.fromhex(sys.argv[2]))
descriptors = Path("/proc/self/fd")
if descriptors.is_dir():
    print([str(one.readlink()) for one in descriptors.iterdir() if one.is_symlink()])
"""
# Of one pixel each.
GIF = b"GIF89a\1\0\1\0\x80\0\0\0\0\0\xff\xff\xff,\0\0\0\0\1\0\1\0\0\2\2D\1\0;"


def _left_at_home(home: Path, *arguments: str, **environment: str) -> tuple[list[str], str]:
    """What a program leaves in a fresh home, and the files and sockets that it had open at its end."""
    kept = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    kept |= {"HOME": str(home), "USERPROFILE": str(home), "LOCALAPPDATA": str(home), **environment}
    kept.pop("XDG_CACHE_HOME", None)
    done = subprocess.run(
        [sys.executable, "-c", CODE, *arguments], env=kept, capture_output=True, text=True, check=True, timeout=60
    )
    return sorted(str(path.relative_to(home)) for path in home.rglob("*") if path.is_file()), done.stdout


def test_predicting_leaves_nothing_and_opens_no_connection(tmp_path: Path, toy_model: Path) -> None:
    files, opened = _left_at_home(tmp_path, str(toy_model), GIF.hex())
    assert files == []
    assert "socket:" not in opened


def test_a_user_who_sets_the_variable_is_heard(tmp_path: Path) -> None:
    files, _ = _left_at_home(tmp_path, ORT_DISABLE_TELEMETRY="0")
    if not files:
        pytest.skip("this ONNX Runtime has no telemetry to turn off")
    assert any("onnxruntime" in name for name in files)
