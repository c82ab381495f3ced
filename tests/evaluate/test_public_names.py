"""`mien.evaluate` offers its public names, and imports nothing until one is used."""

from __future__ import annotations

import subprocess
import sys

import pytest

import mien.evaluate


@pytest.mark.parametrize("name", mien.evaluate.__all__)
def test_public_names_are_there(name: str) -> None:
    assert getattr(mien.evaluate, name).__name__ == name


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = mien.evaluate.nothing


def test_importing_the_room_loads_no_library() -> None:
    code = "import sys, mien.evaluate; sys.exit(bool({'numpy', 'sklearn', 'matplotlib', 'pandas'} & set(sys.modules)))"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
