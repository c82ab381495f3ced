"""How ONNX Runtime is asked to run things, for the classifier and the detector alike."""

from __future__ import annotations

import os
from typing import Any

__all__ = ["first_line", "open_session"]


def open_session(content: bytes, *, threads: int | None = None) -> Any:
    """A session for an ONNX model that is already in memory.

    Args:
        content: The bytes of the file.
        threads: Threads for one call; None takes as many as there are cores, at most 4.
    """
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = threads or min(4, os.cpu_count() or 1)
    # Threads that wait by spinning answer 1.6 times faster on a free machine (measured with two); once a call is over
    # they stop, and leave the core to decoding.
    options.add_session_config_entry("session.force_spinning_stop", "1")
    # Without an arena the memory of a large photo is given back after it; that costs no time (measured at batches of
    # 1, 16 and 64, and on photos of 0.1 to 24 megapixels).
    options.enable_cpu_mem_arena = False
    options.log_severity_level = 4  # errors are raised; nothing is printed beside that
    return ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def first_line(error: Exception) -> str:
    """What an error of ONNX Runtime says first; the rest is of no use to a person."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
