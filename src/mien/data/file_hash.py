"""The hash of a file's whole content, remembered so that an untouched file of 300 MB need not be hashed again.

What is remembered is trusted only while the file's identity, size and times are the ones it had when it was hashed:
the rule by which git knows an unchanged file. The time of the last status change (ctime) cannot be set back by any
program, so an edit shows even where size and modification time were restored.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from mien.errors import OutputError
from mien.files import write_json

__all__ = ["file_hash", "file_identity", "remembered_hash"]

# Blocks are hashed side by side, because hashing releases the interpreter lock.
BLOCK_BYTES = 32 << 20
THREADS = 4

# A file changed within the last moments may change again without its times showing it: file systems keep time in steps
# of up to two seconds (FAT). Such a file is hashed each time until it has settled.
SETTLED_SECONDS = 3.0

_NOTE_SUFFIX = ".hash.json"


def file_hash(path: Path) -> str:
    """A hash (64 hex digits) of the whole content: BLAKE2b over the BLAKE2b of each 32 MiB block.

    Raises:
        OSError: The file cannot be read.
    """
    size_bytes = path.stat().st_size
    offsets = range(0, max(size_bytes, 1), BLOCK_BYTES)
    with ThreadPoolExecutor(THREADS) as pool:
        blocks = list(pool.map(lambda offset: _block_hash(path, offset), offsets))
    return hashlib.blake2b(b"".join([*blocks, str(size_bytes).encode()]), digest_size=32).hexdigest()


def remembered_hash(path: Path, *, folder: Path | None) -> str:
    """`file_hash(path)`, from a note in `folder` when the file was not touched since.

    Args:
        path: The file.
        folder: Where notes are kept; it need not exist, nor be writable. None keeps none.

    Raises:
        OSError: The file cannot be read.
    """
    if folder is None:
        return file_hash(path)
    note_path = folder / f"{hashlib.blake2b(str(path.resolve()).encode(), digest_size=16).hexdigest()}{_NOTE_SUFFIX}"
    before = file_identity(path)
    if (known := _read_note(note_path, before)) is not None:
        return known
    content_hash = file_hash(path)
    if _is_settled(path) and file_identity(path) == before:
        _write_note(note_path, before, content_hash)
    return content_hash


def _block_hash(path: Path, offset: int) -> bytes:
    digest = hashlib.blake2b()
    left = BLOCK_BYTES
    with path.open("rb", buffering=0) as file:
        file.seek(offset)
        while left > 0 and (data := file.read(min(left, 1 << 20))):
            digest.update(data)
            left -= len(data)
    return digest.digest()


def file_identity(path: Path) -> list[int]:
    """What changes whenever the file is replaced or written to: device, number, size and times."""
    stat = path.stat()
    return [stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns]


def _is_settled(path: Path) -> bool:
    if os.name == "nt":
        return False  # ctime is the time of creation there, so an edit with restored times would not show
    stat = path.stat()
    return time.time() - max(stat.st_mtime, stat.st_ctime) > SETTLED_SECONDS


def _read_note(path: Path, identity: list[int]) -> str | None:
    try:
        note = json.loads(path.read_text(encoding="utf-8"))
        content_hash = note["hash"] if note["identity"] == identity else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return content_hash if isinstance(content_hash, str) else None


def _write_note(path: Path, identity: list[int], content_hash: str) -> None:
    with contextlib.suppress(OutputError):
        write_json(path, {"identity": identity, "hash": content_hash})
