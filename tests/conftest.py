"""Shared fixtures: where the real data lies, when it is there."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

# A busy machine is slow at times, which is no defect of the code under test.
settings.register_profile("mien", deadline=None)
settings.load_profile("mien")

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with the real data and photos beside the checkout; tests that need it skip where it is absent."""
    folder = ROOT.parent / "shared"
    if not (folder / "data" / "fer2013.csv.gz").is_file():
        pytest.skip("the real data (../shared) is not here")
    return folder
