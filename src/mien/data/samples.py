"""What a reader hands to the splitter: images with labels, and what the source itself says about their splits.

Also the collector of bad rows and files, because every reader needs it. Nothing here reads a file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NoReturn

import numpy as np

from mien.data.dataset import IMAGE_SIZE_PX, SPLIT_NAMES
from mien.errors import DataError, MienError

__all__ = [
    "NOT_SAID",
    "TOLD_BY_FOLDERS",
    "TOLD_BY_NAMES",
    "TOLD_BY_USAGE",
    "Problems",
    "Progress",
    "Samples",
    "damage",
    "shortened",
    "undamaged",
]

# Membership of an image whose source does not say which split it belongs to.
NOT_SAID = -1

TOLD_BY_USAGE = "usage"
TOLD_BY_NAMES = "names"
TOLD_BY_FOLDERS = "folders"

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
        told_by: What the membership was read from: `usage` (column of the csv), `names` (FER-2013's file names),
            `folders`, or empty when the source has no splits.
        row_count: Data rows of the csv, skipped ones included; 0 for images in folders.
        notes: Sentences a person should read.
        skipped: (where, why) of each row or file left out.
    """

    images: np.ndarray
    labels: np.ndarray
    sample_ids: np.ndarray
    membership: np.ndarray
    told_by: str
    row_count: int = 0
    notes: tuple[str, ...] = ()
    skipped: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        n = len(self.labels)
        if self.images.shape != (n, IMAGE_SIZE_PX, IMAGE_SIZE_PX):
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
