"""What this machine computes with, and in which number format: versions, backend, device, git commit."""

from __future__ import annotations

import importlib.metadata
import platform
import subprocess
from pathlib import Path
from typing import Any

import keras

import mien
from mien.config import TrainConfig

__all__ = ["accelerators", "environment_facts", "policy_for"]

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


def accelerators() -> list[str]:
    """The GPUs and TPUs that the backend sees, such as `gpu:0`."""
    if keras.backend.backend() == "torch":  # Keras lists no devices of PyTorch
        import torch

        return [f"gpu:{index}" for index in range(torch.cuda.device_count())]
    return [device for device in keras.distribution.list_devices() if not device.lower().startswith("cpu")]


def policy_for(config: TrainConfig) -> str:
    """The Keras dtype policy: `float32` or `mixed_bfloat16` (float32 weights, bfloat16 arithmetic).

    `auto` takes bfloat16 on GPUs and TPUs, and on TensorFlow where the CPU multiplies it in hardware (AMX or
    AVX512-BF16); JAX and PyTorch gain nothing from it on a CPU.
    """
    if config.precision == "auto":
        return "mixed_bfloat16" if _bfloat16_is_fast() else "float32"
    return "mixed_bfloat16" if config.precision == "bfloat16" else "float32"


def _bfloat16_is_fast() -> bool:
    if accelerators():
        return True
    return keras.backend.backend() == "tensorflow" and bool({"amx_bf16", "avx512_bf16"} & _cpu_flags())


def _cpu_flags() -> set[str]:
    """What Linux says of the first CPU; empty elsewhere."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return set()
    return set(next((line.split(":", 1)[1].split() for line in lines if line.startswith("flags")), []))
