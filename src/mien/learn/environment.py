"""What a run was made with: versions, backend, device, git commit."""

from __future__ import annotations

import importlib.metadata
import platform
import subprocess
from pathlib import Path
from typing import Any

import keras

import mien
from mien.learn.precision import accelerators

__all__ = ["environment_facts"]

_PACKAGES = ("keras", "tensorflow", "jax", "torch", "numpy", "opencv-python-headless", "onnx", "onnxruntime")


def environment_facts() -> dict[str, Any]:
    """Versions, backend, devices, processor and git commit, as plain values for JSON."""
    return {
        "mien": mien.__version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processor": _processor(),
        "backend": keras.backend.backend(),
        "devices": accelerators() or ["cpu"],
        "versions": {name: version for name in _PACKAGES if (version := _version(name))},
        "git_commit": _git_commit(),
    }


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def _git_commit() -> str | None:
    """The commit of the mien checkout that runs, with `+changes` when it was changed; None outside a checkout."""
    folder = Path(mien.__file__).parent
    commit = _git(folder, "rev-parse", "HEAD")
    if commit is None:
        return None
    return f"{commit}+changes" if _git(folder, "status", "--porcelain", "--", ".") else commit


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        command = ["git", "-C", str(folder), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None
