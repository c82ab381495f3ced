"""How mien writes: every file whole or not at all; hashes of files, and the user's cache folder.

A file is written under a temporary name in the folder it belongs to, flushed to the disk, and only then renamed over
the old one. So a reader sees the old file or the new one, never half of one; a failure, a full disk or Ctrl-C leaves
the old one as it was. What a killed process left behind is removed when mien next writes into that folder.

Nothing here knows what is in the files.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import re
import secrets
import stat
import time
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

from mien.errors import MienError, OutputError

__all__ = [
    "Output",
    "atomic_write",
    "atomic_writes",
    "cache_folder",
    "open_regular",
    "refuse_address",
    "sha256_of",
    "shown_path",
    "unwritable",
    "user_path",
    "write_json",
]

CACHE_DIR_VARIABLE = "MIEN_CACHE_DIR"

# .mien-<host>-<process>-<random><suffix>
_TEMPORARY = re.compile(r"\.mien-([0-9a-f]{8})-(\d{1,10})-[0-9a-f]{8}(\.[^.]*)?")
# What is longer is no suffix but a name with a dot in it; whole names may have 255 bytes.
_LONGEST_SUFFIX = 16
_ABANDONED_SECONDS = 86_400.0  # where nobody can tell whether a process is alive

_being_written: set[Path] = set()  # by this process
_tidied: set[Path] = set()  # folders in which this process has removed what others left behind


class Output:
    """One file that is being written: under a temporary name until it is whole.

    Leaving its block well puts the file in its place; leaving it by an exception keeps the old one.

        with Output(Path("rows.csv"), sources=[clip_path], keep_partial=True) as output:
            output.path.write_text(...)

    Whoever writes for longer than one block calls `commit` or `abandon`; the file must be closed by then.

    Args:
        target: The file that will be there in the end; links are followed, and its folder is made.
        sources: Files that are read meanwhile, none of which may be the target.
        keep_partial: On failure, keep what was written as `NAME.partial`, and say so in a note on the exception.

    Attributes:
        target: The file that will be there.
        path: Where to write: an empty file with the suffix of the target, because writers choose the format by it.

    Raises:
        OutputError: The folder cannot be written, or the target is a folder, a device, or one of the sources.
    """

    def __init__(
        self, target: str | os.PathLike[str], *, sources: Iterable[Path] = (), keep_partial: bool = False
    ) -> None:
        self.target = Path(target)
        self._keep_partial = keep_partial
        try:
            self._place = Path(os.path.realpath(self.target))
            _refuse(self._place, sources)
            self._place.parent.mkdir(parents=True, exist_ok=True)
            _remove_leftovers(self._place.parent)
            self.path = _new_file(self._place)
        except (OSError, ValueError) as error:  # ValueError: a null byte in the path
            raise unwritable(self.target, error) from error

    def __enter__(self) -> Output:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.commit()
        elif isinstance(error, OSError) and not isinstance(error, MienError):
            failure = unwritable(self.target, error)
            self.abandon(failure)
            raise failure from error
        else:
            self.abandon(error)

    def commit(self) -> None:
        """Flush the file to the disk and put it in its place.

        Raises:
            OutputError: The disk is full or gone; the old file is as it was.
        """
        _commit([self])

    def abandon(self, error: BaseException | None = None) -> Path | None:
        """Leave the old file as it was.

        Args:
            error: What went wrong; it gets a note that names the partial file, where there is one.

        Returns:
            The partial file, or None when nothing was kept.
        """
        partial = self._keep() if self._keep_partial else None
        if partial is None:
            with contextlib.suppress(OSError):  # the folder may be gone
                self.path.unlink(missing_ok=True)
        elif error is not None:
            error.add_note(f"What was written until then is kept in {partial}.")
        _being_written.discard(self.path)
        return partial

    def _keep(self) -> Path | None:
        partial = self.target.with_name(f"{self.target.name}.partial")
        try:
            if not self.path.stat().st_size:
                return None
            self.path.replace(partial)
        except OSError:
            return None
        return partial

    def _flush(self) -> None:
        """Wait until the file is on the disk, where a full one shows at last; give it the old file's permissions."""
        with self.path.open("r+b") as file:  # Windows flushes only what is open for writing
            os.fsync(file.fileno())
        with contextlib.suppress(FileNotFoundError):
            self.path.chmod(stat.S_IMODE(self._place.stat().st_mode))

    def _rename(self) -> None:
        self.path.replace(self._place)
        _being_written.discard(self.path)


def _commit(outputs: Sequence[Output]) -> None:
    """Put files that belong together in their places; the first moves when the last is on the disk."""
    output, left = outputs[0], list(outputs)
    try:
        for output in outputs:
            output._flush()
        for output in outputs:
            output._rename()
            left.remove(output)
    except BaseException as error:
        failure = unwritable(output.target, error) if isinstance(error, OSError) else error
        for output in left:
            output.abandon(failure)
        if failure is error:
            raise
        raise failure from error


@contextlib.contextmanager
def atomic_write(path: Path, *, sources: Iterable[Path] = ()) -> Iterator[Path]:
    """Give a temporary path beside `path`; put it in the place of `path` when the block ends well, else remove it.

    Args:
        path: The file to write.
        sources: Files that are read meanwhile, none of which may be `path`.

    Raises:
        OutputError: The folder cannot be written, or the disk is full. Nothing of the file is left.
    """
    with Output(path, sources=sources) as output:
        yield output.path


@contextlib.contextmanager
def atomic_writes(*paths: Path) -> Iterator[tuple[Path, ...]]:
    """`atomic_write` for files that belong together, such as a model and its card: all are replaced, or none.

    Raises:
        OutputError: A folder cannot be written, or the disk is full.
    """
    outputs: list[Output] = []
    try:
        outputs += (Output(path) for path in paths)
        yield tuple(output.path for output in outputs)
    except BaseException as error:
        for output in outputs:
            output.abandon(error)
        if isinstance(error, OSError) and not isinstance(error, MienError):
            raise unwritable(paths[0], error) from error
        raise
    _commit(outputs)


def write_json(path: Path, value: Any) -> None:
    """Write `value` as indented JSON, atomically.

    Raises:
        OutputError: The folder cannot be written, or the disk is full.
    """
    with atomic_write(path) as temporary:
        temporary.write_text(json.dumps(value, indent=2, allow_nan=False) + "\n", encoding="utf-8")


def sha256_of(path: Path) -> str:
    """Hex sha256 of a file's bytes.

    Raises:
        OSError: The file cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def cache_folder() -> Path | None:
    """Where mien may keep what it can make again: `MIEN_CACHE_DIR`, or the system's folder for caches.

    It may neither exist nor be writable, so whoever uses it must do without as well.

    Returns:
        An absolute path, or None where there is no such place, such as for a user without a home.
    """
    if chosen := os.environ.get(CACHE_DIR_VARIABLE):
        return Path(os.path.abspath(user_path(chosen)))  # noqa: PTH100  Path.absolute raises in a deleted folder
    import platformdirs

    try:
        folder = Path(platformdirs.user_cache_dir("mien", appauthor=False))
    except (RuntimeError, OSError, KeyError):
        return None
    # Older platformdirs leave "~" as it is without a home, which would make a folder of that name anywhere.
    return folder if folder.is_absolute() else None


def open_regular(path: Path) -> BinaryIO:
    """Open a file for reading, in binary; only what has an end, so never a named pipe, which would be waited for.

    Raises:
        OSError: It cannot be read, or is no regular file.
    """
    file = open(path, "rb", opener=_open_without_waiting)  # noqa: SIM115
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise OSError(errno.EINVAL, "a pipe or device, not a file", str(path))
    return file


def _open_without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def shown_path(path: str | os.PathLike[str]) -> str:
    """A path as text that can be printed and written: bytes that are no UTF-8 as `\\xff`."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def refuse_address(name: str) -> None:
    """Say of an address of the web that it is none of a file.

    Raises:
        MienError: It is one; `Path` has made one slash of two.
    """
    if re.match(r"(https?|ftp|s3|gs):/", name, re.IGNORECASE):
        raise MienError(
            f"Expected a file on this machine. Received: {name}. Addresses are not read: download it first."
        )


def user_path(path: str | os.PathLike[str]) -> Path:
    """The path, `~` read as the user's home; left as it is for users that the system does not know."""
    return Path(os.path.expanduser(path))  # noqa: PTH111  Path.expanduser raises


# Parts of an output


def unwritable(target: Path, error: BaseException) -> OutputError:
    """What to tell the user when the system does not write a file, such as on a full disk."""
    return OutputError(
        f"Expected a folder with room to write {target.name}. Received: {getattr(error, 'strerror', None) or error} "
        f"({target.parent}). Free some space or choose another folder."
    )


def _refuse(place: Path, sources: Iterable[Path]) -> None:
    """Refuse what a rename would destroy."""
    try:
        mode = place.stat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISREG(mode):
        kind = "a folder" if stat.S_ISDIR(mode) else "a device or pipe"
        raise OutputError(f"Expected a file to write. Received: {place}, which is {kind}. Choose another name.")
    for source in sources:
        # By identity: names differ by case, by link, by the drive's letter.
        if source.exists() and source.samefile(place):
            raise OutputError(f"Expected another file than the one that is read. Received: {place}. Choose another.")


def _new_file(place: Path) -> Path:
    """An empty file of its own beside `place`, with the permissions that new files of this user have."""
    suffix = place.suffix if len(os.fsencode(place.suffix)) <= _LONGEST_SUFFIX else ""
    path = place.with_name(f".mien-{_host()}-{os.getpid()}-{secrets.token_hex(4)}{suffix}")
    _being_written.add(path)
    try:
        path.open("xb").close()
    except OSError:
        _being_written.discard(path)
        raise
    return path


def _host() -> str:
    import platform

    return f"{zlib.crc32(platform.node().encode()):08x}"


def _remove_leftovers(folder: Path) -> None:
    """Remove what killed processes were writing; once per folder, because folders may hold a million files."""
    if folder in _tidied:
        return
    _tidied.add(folder)
    with contextlib.suppress(OSError):
        for path in folder.glob(".mien-*"):
            if _is_leftover(path):
                path.unlink(missing_ok=True)


def _is_leftover(path: Path) -> bool:
    parts = _TEMPORARY.fullmatch(path.name)
    if parts is None or path in _being_written:
        return False
    host, process = parts[1], int(parts[2])
    if host != _host() or os.name == "nt":  # where asking for a process by signal would end it
        return time.time() - path.stat().st_mtime > _ABANDONED_SECONDS
    return process == os.getpid() or not _is_alive(process)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # it lives, and is someone else's
        pass
    return True
