"""How ONNX Runtime is asked to run things: the only place that imports it, for everything in mien."""

from __future__ import annotations

import os
from importlib import import_module
from typing import Any

from mien.machine import usable_cores

__all__ = ["first_line", "giving_memory_back", "import_onnxruntime", "open_session"]


def import_onnxruntime(module: str = "") -> Any:
    """ONNX Runtime, or a module of it such as `.quantization`, with its telemetry off.

    From 1.32 on it stores a device id and events in the user's cache folder, to be sent to Microsoft, merely by being
    imported; afterwards nothing stops it. A user who wants that sets ORT_DISABLE_TELEMETRY=0.
    """
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    return import_module(f"onnxruntime{module}")


def open_session(content: bytes, *, threads: int | None = None) -> Any:
    """A session for an ONNX model that is already in memory.

    Args:
        content: The bytes of the file.
        threads: Threads for one call; None takes as many as there are cores, at most 4.
    """
    ort = import_onnxruntime()

    options = ort.SessionOptions()
    options.intra_op_num_threads = threads or min(4, usable_cores())
    # Threads that wait by spinning answer 1.6 times faster on a free machine (measured with two); once a call is over
    # they stop, and leave the core to decoding.
    options.add_session_config_entry("session.force_spinning_stop", "1")
    options.log_severity_level = 4  # errors are raised; nothing is printed beside that
    # Falling back would be to the same provider, after ten lines on standard output.
    return ort.InferenceSession(content, options, providers=["CPUExecutionProvider"], enable_fallback=0)


def giving_memory_back() -> Any:
    """Options of a call whose memory depends on the size of a photo, so that the largest photo does not keep it.

    Measured on 1280×960: 234 MB instead of 264 MB at most, 150 MB instead of 236 MB between photos, in the same time.
    """
    ort = import_onnxruntime()

    options = ort.RunOptions()
    options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
    return options


def first_line(error: Exception) -> str:
    """What an error of ONNX Runtime says first; the rest is of no use to a person."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
