"""What libraries write past Python stays off the screen; what mien and unknown errors say does not."""

from __future__ import annotations

import subprocess
import sys

import pytest

CODE = """
import os, sys
from mien.cli.streams import quiet_decoders
from mien.errors import ImageError
try:
    with quiet_decoders():
        os.write(2, b"a decoder's remark\\n")
        print("a bar", file=sys.stderr)
        {ending}
except Exception as error:
    print(type(error).__name__, file=sys.stderr)
os.write(2, b"afterwards\\n")
print("by Python", file=sys.stderr)
"""


@pytest.mark.parametrize(
    ("ending", "expected"),
    [
        ("pass", ["a bar", "afterwards", "by Python"]),
        ("raise ImageError('no photo')", ["a bar", "ImageError", "afterwards", "by Python"]),
        ("raise ValueError", ["a bar", "a decoder's remark", "ValueError", "afterwards", "by Python"]),
    ],
)
def test_only_decoders_are_quiet(ending: str, expected: list[str]) -> None:
    command = [sys.executable, "-c", CODE.format(ending=ending)]
    done = subprocess.run(command, capture_output=True, check=True, text=True, timeout=60)
    assert done.stderr.splitlines() == expected
