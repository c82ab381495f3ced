"""Keras' backends talk while they start: about drivers that are absent and instructions that are present."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import tempfile
from collections.abc import Iterator

__all__ = ["import_keras_quietly"]


def import_keras_quietly() -> None:
    """Import Keras and its backend without their start-up remarks.

    TensorFlow writes some of them from C++ before it reads TF_CPP_MIN_LOG_LEVEL, so standard error itself is set aside
    for the import. What was written is shown after all when the import fails.
    """
    if "keras" in sys.modules:
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # what the user set wins
    # TensorFlow warns of compiling again when a process scores several models, which is no defect.
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    with tempfile.TemporaryFile() as aside:
        try:
            with _standard_error_into(aside.fileno()):
                # Only the learning room names Keras; its precision module imports it and its backend, and little else.
                import mien.learn.precision  # noqa: F401
        except BaseException:
            aside.seek(0)
            sys.stderr.write(aside.read().decode(errors="replace"))
            raise


@contextlib.contextmanager
def _standard_error_into(target: int) -> Iterator[None]:
    sys.stderr.flush()
    kept = os.dup(2)
    os.dup2(target, 2)
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(kept, 2)
        os.close(kept)
