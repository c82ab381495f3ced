"""Standard input, output and error, which belong to the whole process: only the command line may touch them.

Any encoding can be written, none of the three is missing, and no file name commands the terminal. What libraries write
to standard error by themselves, past Python, is kept off the screen: Keras' backends talk while they start, about
drivers that are absent and instructions that are present; libjpeg, libpng and FFmpeg, inside OpenCV, remark on every
damaged picture, and OpenCV on every camera that is not there.
"""

from __future__ import annotations

import codecs
import contextlib
import logging
import os
import sys
import tempfile
import unicodedata
from collections.abc import Iterator

import typer

from mien.errors import MienError

__all__ = ["import_keras_quietly", "prepare_streams", "printable", "quiet_decoders"]

# What stands for a character of ours where the terminal or the pipe is in ASCII or an old code page of Windows.
_PLAIN = {
    "…": "...",
    "–": "-",
    "—": "-",
    "−": "-",
    "×": "x",
    "·": "-",
    "→": "->",
    "∞": "inf",
    "Δ": "d",
    "≤": "<=",
    "≥": ">=",
}
_PLAIN |= {"“": '"', "”": '"', "‘": "'", "’": "'", "•": "*"} | dict.fromkeys("─━╸╺", "-") | dict.fromkeys("│┃", "|")

# They change the order in which the characters around them are shown.
_REORDERING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def prepare_streams() -> None:
    """See that all three streams are there, and that a character which one cannot encode stops nothing."""
    codecs.register_error("mien", _replaced)
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        stream = getattr(sys, name)
        if stream is None:  # closed by whoever started us; a file that is opened later must not get its number
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), mode, encoding="utf-8"))
        elif mode == "w" and hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="mien")


def _replaced(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    bad = error.object[error.start : error.end]
    return "".join(_PLAIN.get(one) or one.encode("ascii", "backslashreplace").decode() for one in bad), error.end


def printable(text: str) -> str:
    """The text in one line, with an escape in the place of each character that would command the terminal."""
    return "".join(
        one.encode("unicode_escape").decode() if unicodedata.category(one) == "Cc" or one in _REORDERING else one
        for one in text
    )


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
                # Only the learning package names Keras; this module of it imports little else.
                import mien.learn.environment  # noqa: F401
        except BaseException:
            aside.seek(0)
            sys.stderr.write(aside.read().decode(errors="replace"))
            raise


@contextlib.contextmanager
def quiet_decoders() -> Iterator[None]:
    """Keep what OpenCV's decoders write off the screen for the length of a command; mien says itself what went wrong.

    Python's own standard error stays where it is, so bars and messages are seen. What was kept back is shown after all
    when the block ends in an error that mien does not know.
    """
    with tempfile.TemporaryFile() as aside, _python_error_beside(), _standard_error_into(aside.fileno()):
        try:
            yield
        except Exception as error:
            if not isinstance(error, (MienError, typer.Exit, typer.Abort)):
                aside.seek(0)
                sys.stderr.write(aside.read().decode(errors="replace"))
            raise


@contextlib.contextmanager
def _python_error_beside() -> Iterator[None]:
    """Give `sys.stderr` a way to the screen of its own, where it shares the one of the libraries."""
    original = sys.stderr
    try:
        shares = original.fileno() == 2
    except (AttributeError, OSError, ValueError):  # a test's stand-in, or none at all
        shares = False
    if not shares:
        yield
        return
    original.flush()
    with os.fdopen(os.dup(2), "w", encoding=original.encoding, errors=original.errors, buffering=1) as beside:
        sys.stderr = beside
        try:
            yield
        finally:
            sys.stderr = original


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
