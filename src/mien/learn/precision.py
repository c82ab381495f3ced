"""Which number format to compute in on this machine."""

from __future__ import annotations

from pathlib import Path

import keras

from mien.config import TrainConfig

__all__ = ["accelerators", "policy_for"]


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
