"""A zip as a source, read without unpacking it to disk: images sorted by emotion, or a FER-2013 csv.

Owns the distrust of zips: names that point elsewhere, sizes and compression ratios that no dataset has, passwords.
"""

from __future__ import annotations

import io
import threading
import zipfile
from functools import partial
from pathlib import Path, PurePosixPath
from typing import BinaryIO, cast

from mien.data.csv_source import MAX_LINE_BYTES, find_columns, read_csv
from mien.data.folder_source import Entry, is_image_name, is_system_file, read_tree
from mien.data.reading import HARMLESS_BYTES, MAX_RATIO, Problems, Progress, Samples, damage, shortened, undamaged
from mien.errors import DataError, ImageError
from mien.images import ImageLimits

__all__ = ["read_member", "read_zip"]

# FER-2013's csv has 0.3 GB; what is above this is no dataset of 48×48 faces.
MAX_CSV_BYTES = 8 << 30

_ENCRYPTED_FLAG = 0x1


def read_zip(path: Path, *, problems: Problems, progress: Progress | None = None) -> Samples:
    """Read the images of a zip, or the FER-2013 csv in it.

    Raises:
        DataError: The zip is damaged or holds neither, or a member is unsafe, encrypted or broken.
    """
    with undamaged(path.name), zipfile.ZipFile(path) as archive:
        members = _safe_members(archive, path.name, problems)
        if any(is_image_name(member.filename) for member in members):
            # Images are decoded by several threads. Python 3.13.0 reads wrong bytes when several of them read one zip
            # (it seeks from where another thread left the file), so they take turns at that, which is the short part.
            turn = threading.Lock()
            # Some programs on Windows write backslashes.
            entries = [
                Entry(member.filename.replace("\\", "/"), partial(read_member, archive, member, turn))
                for member in members
            ]
            return read_tree(entries, source=path.name, problems=problems, progress=progress)
        return _read_csv_member(archive, members, path.name, problems, progress)


def _safe_members(archive: zipfile.ZipFile, name: str, problems: Problems) -> list[zipfile.ZipInfo]:
    members = []
    for member in archive.infolist():
        where = f"{name}/{shortened(member.filename)}"
        # A name that points elsewhere is looked at before hidden files are dropped: `..` begins with a point too.
        if fault := _name_fault(member.filename):
            problems.report(name, expected="members inside the zip", received=fault)
        elif member.is_dir() or is_system_file(member.filename):
            continue
        elif fault := _size_fault(member):
            problems.report(where, expected="a file of a plausible size", received=fault)
        elif member.flag_bits & _ENCRYPTED_FLAG:
            problems.report(where, expected="a file without password", received="an encrypted one")
        else:
            members.append(member)
    return members


def _name_fault(name: str) -> str | None:
    parts = PurePosixPath(name.replace("\\", "/")).parts
    if not parts:
        return "one without a name"
    if ".." in parts or name.startswith(("/", "\\")) or parts[0].endswith(":"):
        return f"{shortened(name)!r}, which points outside"
    return None


def _size_fault(member: zipfile.ZipInfo) -> str | None:
    limit = ImageLimits().max_file_bytes if is_image_name(member.filename) else MAX_CSV_BYTES
    if member.file_size > limit:
        return f"{member.file_size:,} bytes (at most {limit:,})"
    ratio = member.file_size / max(member.compress_size, 1)
    if member.file_size > HARMLESS_BYTES and ratio > MAX_RATIO:
        return (
            f"{member.file_size:,} bytes packed into {member.compress_size:,} ({ratio:,.0f}:1, at most {MAX_RATIO}:1)"
        )
    return None


def read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, turn: threading.Lock) -> bytes:
    """The bytes of one file of a zip that several threads read.

    Raises:
        ImageError: It is damaged, or compressed in a way that this Python does not know.
    """
    try:
        # zipfile stops at the size that the directory of the zip declares, which was checked.
        with turn:
            return archive.read(member)
    except Exception as error:  # damaged members, unknown methods of compression
        raise ImageError(f"Expected an intact file in the zip. Received: {damage(error)}.") from error


def _read_csv_member(
    archive: zipfile.ZipFile,
    members: list[zipfile.ZipInfo],
    name: str,
    problems: Problems,
    progress: Progress | None,
) -> Samples:
    member = _choose_csv(archive, members, name, problems)
    # BufferedReader finds line ends in C; ZipExtFile would do it in Python.
    with io.BufferedReader(cast(io.RawIOBase, archive.open(member)), 1 << 20) as stream:
        return read_csv(
            cast(BinaryIO, stream),
            name=f"{name}/{member.filename}",
            problems=problems,
            progress=progress,
            total_bytes=member.file_size,
        )


def _choose_csv(
    archive: zipfile.ZipFile, members: list[zipfile.ZipInfo], name: str, problems: Problems
) -> zipfile.ZipInfo:
    """The member that is FER-2013's csv: the one with a Usage column where several have emotions and pixels."""
    candidates = []
    for member in members:
        columns = find_columns(_first_line(archive, member))
        if columns is not None:
            candidates.append((member, columns.usage is not None))
    complete = [member for member, has_usage in candidates if has_usage]
    chosen = complete or [member for member, _ in candidates]
    if len(chosen) == 1:
        return chosen[0]
    if problems.skipped and not members:
        problems.refuse_empty(name)
    files = sorted(member.filename for member in (chosen or members))
    listed = (
        f"{len(files):,} files ({', '.join(files[:5])}{', …' if len(files) > 5 else ''})" if files else "an empty zip"
    )
    what = "several csv files" if chosen else "neither"
    raise DataError(
        f"Expected images in folders named after emotions, or one FER-2013 csv, in {name}. Received: {what}: {listed}. "
        "Give the csv or folder itself."
    )


def _first_line(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    try:
        with archive.open(member) as stream:
            return stream.readline(MAX_LINE_BYTES)
    except Exception:  # whatever it is, it is not the csv
        return b""
