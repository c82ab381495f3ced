"""Which split a word means: a Usage cell, a folder name, or the beginning of a FER-2013 file name."""

from __future__ import annotations

from mien.data.dataset import SPLIT_NAMES

__all__ = ["file_name_code", "folder_code", "usage_code"]

_TRAIN, _VAL, _TEST = range(len(SPLIT_NAMES))

# FER-2013's own words (Goodfellow et al. 2013): validation is PublicTest, the final test is PrivateTest.
_FER_WORDS = {"training": _TRAIN, "publictest": _VAL, "privatetest": _TEST}

_FOLDER_WORDS = _FER_WORDS | {
    "train": _TRAIN,
    "val": _VAL,
    "valid": _VAL,
    "validation": _VAL,
    "dev": _VAL,
    "test": _TEST,
    "testing": _TEST,
}


def usage_code(word: str) -> int | None:
    """The split (position in `SPLIT_NAMES`) that a cell of the Usage column means, or None."""
    return _FOLDER_WORDS.get(word.strip().lower())


def folder_code(name: str) -> int | None:
    """The split that a folder called `name` holds, or None."""
    return _FOLDER_WORDS.get(name.strip().lower())


def file_name_code(name: str) -> int | None:
    """The official split in a file name such as `PublicTest_15034.jpg`, or None.

    Only FER-2013's own words count here: a file called `test_3.jpg` says nothing about a benchmark's split.
    """
    prefix, separator, _ = name.partition("_")
    return _FER_WORDS.get(prefix.lower()) if separator else None
