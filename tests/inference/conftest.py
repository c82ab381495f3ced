"""The real face detector, where it is there."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def yunet_path(shared: Path) -> Path:
    return shared / "models" / "face_detection_yunet_2023mar.onnx"
