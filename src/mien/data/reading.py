"""What every reader of a source shares: what it gives, where bad rows and files go, what words and bytes mean.

Nothing here reads a file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NoReturn

import numpy as np

from mien.data.dataset import SPLIT_NAMES
from mien.emotions import INPUT_SIZE_PX
from mien.errors import DataError, MienError

__all__ = [
    "GZIP_SIGNATURE",
    "HARMLESS_BYTES",
    "MAX_RATIO",
    "NOT_SAID",
    "SPLIT_BY_FOLDERS",
    "SPLIT_BY_NAMES",
    "SPLIT_BY_USAGE",
    "WHAT_IS_READ",
    "ZIP_SIGNATURES",
    "Problems",
    "Progress",
    "Samples",
    "damage",
    "describe_other",
    "file_name_code",
    "folder_code",
    "shortened",
    "undamaged",
    "usage_code",
]

# Membership of an image whose source does not say which split it belongs to.
NOT_SAID = -1

SPLIT_BY_USAGE = "usage"
SPLIT_BY_NAMES = "names"
SPLIT_BY_FOLDERS = "folders"

# Called as progress(done, total) while a source is read: bytes of a csv, files of a folder or zip.
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Samples:
    """Everything that one source holds, before it is split.

    Attributes:
        images: uint8 (N, 48, 48), grey.
        labels: int64 (N,), FER-2013 codes 0 to 6.
        sample_ids: str (N,), the file inside the source, or `row-<n>` of a csv (1 = first data row).
        membership: int8 (N,), position in `SPLIT_NAMES`, or `NOT_SAID`.
        split_by: What the membership was read from: `usage` (column of the csv), `names` (FER-2013's file names),
            `folders`, or empty when the source has no splits.
        row_count: Data rows of the csv, skipped ones included; 0 for images in folders.
        notes: Sentences a person should read.
        skipped: (where, why) of each row or file left out.
    """

    images: np.ndarray
    labels: np.ndarray
    sample_ids: np.ndarray
    membership: np.ndarray
    split_by: str
    row_count: int = 0
    notes: tuple[str, ...] = ()
    skipped: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        n = len(self.labels)
        if self.images.shape != (n, INPUT_SIZE_PX, INPUT_SIZE_PX):
            raise DataError(f"Expected {n} images of 48×48. Received: {self.images.shape}.")
        if self.sample_ids.shape != (n,) or self.membership.shape != (n,):
            raise DataError(f"Expected {n} sample ids and memberships. Received: {self.sample_ids.shape}.")
        if n and not NOT_SAID <= self.membership.min() <= self.membership.max() < len(SPLIT_NAMES):
            raise DataError(f"Expected memberships -1 to 2. Received: up to {self.membership.max()}.")

    def __len__(self) -> int:
        return len(self.labels)


@contextmanager
def undamaged(what: str) -> Iterator[None]:
    """The border of a reader: whatever a library raises on a damaged file becomes one sentence.

    Raises:
        DataError: The block raised something that is no error of mien's.
    """
    try:
        yield
    except MienError:
        raise
    except Exception as error:
        raise DataError(
            f"Expected a complete file. Received: {what}, which is damaged ({damage(error)}). "
            "Download or copy it again."
        ) from error


def damage(error: Exception) -> str:
    """What a library found wrong, in one short line."""
    text = getattr(error, "strerror", None) or " ".join(str(error).split())
    return shortened(text or type(error).__name__, 200)


def shortened(text: str, limit: int = 80) -> str:
    """The beginning of a text that may be of any length."""
    return text if len(text) <= limit else f"{text[:limit]}…"


class Problems:
    """Raises on the first bad row or file, or, with `skip_bad`, keeps a list of them."""

    def __init__(self, *, skip_bad: bool) -> None:
        self.skip_bad = skip_bad
        self._found: list[tuple[str, str]] = []

    @property
    def skipped(self) -> tuple[tuple[str, str], ...]:
        """(where, why) of everything left out so far."""
        return tuple(self._found)

    def report(self, where: str, *, expected: str, received: str) -> None:
        """Note one bad item.

        Raises:
            DataError: Bad items are not to be skipped.
        """
        if not self.skip_bad:
            raise DataError(
                f"Expected {expected} in {where}. Received: {received}. "
                "Mend it, or leave out what cannot be read with --skip-bad (skip_bad=True)."
            )
        self._found.append((where, f"expected {expected}, received {received}"))

    def refuse_empty(self, source: str) -> NoReturn:
        """Nothing usable is left: say so, with the first reason if there is one.

        Raises:
            DataError: Always.
        """
        reason = f"; the first: {self._found[0][0]}: {self._found[0][1]}" if self._found else ""
        raise DataError(
            f"Expected at least one usable image in {source}. Received: none ({len(self._found)} skipped{reason})."
        )


# Which split a word means: a Usage cell, a folder, or the beginning of a FER-2013 file name

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


# What a file is by its first bytes, and how far an honest one may be compressed

GZIP_SIGNATURE = b"\x1f\x8b"

# A zip, and an empty one.
ZIP_SIGNATURES = (b"PK\x03\x04", b"PK\x05\x06")

# Photos do not shrink in a zip, and FER-2013's csv shrinks 3.2 times. A bomb shrinks a thousand times. Small files are
# harmless whatever their ratio (a blank bitmap shrinks a hundred times).
MAX_RATIO = 100
HARMLESS_BYTES = 1 << 20

WHAT_IS_READ = (
    "Give fer2013.csv (plain, .gz or in a .zip), the Kaggle archive.zip, or a folder of images sorted by emotion."
)

_OTHER_KINDS = (
    (b"\xff\xd8\xff", "one JPEG image"),
    (b"\x89PNG", "one PNG image"),
    (b"BM", "one BMP image"),
    (b"%PDF", "a PDF"),
    (b"\x89HDF", "an HDF5 file"),
    (b"PAR1", "a Parquet file"),
    (b"7z\xbc\xaf", "a 7z archive"),
    (b"Rar!", "a RAR archive"),
    (b"\xff\xfe", "text in UTF-16, which should be saved as UTF-8"),
    (b"\xfe\xff", "text in UTF-16, which should be saved as UTF-8"),
)

# A tar says so only here.
_TAR_MARK = slice(257, 262)


def describe_other(head: bytes) -> str:
    """Words for a file that no reader takes, for the "Received:" of an error.

    Args:
        head: The first bytes of the file.
    """
    for signature, words in _OTHER_KINDS:
        if head.startswith(signature):
            return words
    if head[_TAR_MARK] == b"ustar":
        return "a tar archive"
    first_line = head.partition(b"\n")[0].strip()
    try:
        text = first_line.decode("utf-8-sig")
    except UnicodeDecodeError:
        return f"bytes that are no UTF-8 text ({head[:8]!r}…)"
    if "\0" in text:
        return f"binary data ({head[:8]!r}…)"
    return f"text that begins with {text[:60]!r}"
