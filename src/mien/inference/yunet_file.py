"""The file of the YuNet face detector: where it is looked for, and how it is fetched when a person asks for it.

YuNet (Wu et al. 2023, doi:10.1007/s11633-023-1423-y) is MIT-licensed. Nothing here runs by itself.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from mien.errors import DetectorError
from mien.run import atomic_write

__all__ = ["FETCH_COMMAND", "YUNET_SHA256", "YUNET_URLS", "cached_yunet_path", "fetch_yunet", "find_yunet"]

FILE_NAME = "face_detection_yunet_2023mar.onnx"
# OpenCV's own two places, in this order; the repository is archived, and its maintainers point to the second.
YUNET_URLS = (
    "https://media.githubusercontent.com/media/opencv/opencv_zoo/main/models/face_detection_yunet/" + FILE_NAME,
    "https://huggingface.co/opencv/face_detection_yunet/resolve/main/" + FILE_NAME,
)
YUNET_SHA256 = "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4"
FETCH_COMMAND = "mien models fetch yunet"
ENVIRONMENT_NAME = "MIEN_YUNET"

_MAX_BYTES = 5_000_000  # the file has 232,589
_TIMEOUT_SECONDS = 30

Progress = Callable[[int, int | None], None]


def cached_yunet_path(environment: Mapping[str, str] = os.environ) -> Path:
    """Where the fetched file lies: the user's cache folder, as each system names it."""
    if sys.platform == "win32":
        base = environment.get("LOCALAPPDATA")
        fallback = Path.home() / "AppData" / "Local"
    elif sys.platform == "darwin":
        base, fallback = None, Path.home() / "Library" / "Caches"
    else:
        base, fallback = environment.get("XDG_CACHE_HOME"), Path.home() / ".cache"
    return (Path(base) if base else fallback) / "mien" / FILE_NAME


def find_yunet(environment: Mapping[str, str] = os.environ) -> Path | None:
    """The detector's file: what MIEN_YUNET names, else the fetched one, else None.

    Raises:
        DetectorError: MIEN_YUNET names a file that is not there.
    """
    named = environment.get(ENVIRONMENT_NAME)
    if named:
        if not Path(named).is_file():
            raise DetectorError(
                f"Expected the YuNet file that {ENVIRONMENT_NAME} names. Received: no file at {named}. "
                f"Correct or unset {ENVIRONMENT_NAME}."
            )
        return Path(named)
    cached = cached_yunet_path(environment)
    return cached if cached.is_file() else None


def fetch_yunet(
    target: Path | None = None,
    *,
    urls: Sequence[str] = YUNET_URLS,
    sha256: str = YUNET_SHA256,
    progress: Progress | None = None,
) -> Path:
    """Download the detector's file, check it, and only then put it in its place.

    Args:
        target: Where to put it; None takes the user's cache folder.
        urls: Addresses to try in turn: OpenCV's own, unless you keep a copy elsewhere.
        sha256: What the file must have.
        progress: Called with the bytes so far and in all (None when unknown).

    Returns:
        The path of the file.

    Raises:
        DetectorError: There is no network, or what came is another file; nothing is left behind.
    """
    target = target or cached_yunet_path()
    if target.is_file() and hashlib.sha256(target.read_bytes()).hexdigest() == sha256:
        return target
    problems = []
    for url in urls:
        try:
            content = _download(url, sha256, progress)
        except _DownloadError as error:
            problems.append(f"{error} ({url})")
            continue
        with atomic_write(target) as temporary:
            temporary.write_bytes(content)
        return target
    raise DetectorError(
        f"Expected to download {FILE_NAME}. Received: {'; '.join(problems)}. Nothing was kept. "
        f"Try again later, or copy the file from elsewhere and set {ENVIRONMENT_NAME} to its path."
    )


class _DownloadError(Exception):
    """One address did not give the file."""


def _download(url: str, sha256: str, progress: Progress | None) -> bytes:
    from http.client import HTTPException

    try:
        content = _content(url, progress)
    # URLError, timeouts and TLS errors are OSErrors; answers that are no HTTP have errors of their own.
    except (OSError, ValueError, HTTPException) as error:
        raise _DownloadError(str(getattr(error, "reason", None) or error)) from error
    digest = hashlib.sha256(content).hexdigest()
    if digest != sha256:
        raise _DownloadError(f"another file of {len(content):,} bytes with sha256 {digest[:12]}…")
    return content


def _content(url: str, progress: Progress | None) -> bytes:
    from urllib.request import urlopen

    parts: list[bytes] = []
    received = 0
    with urlopen(url, timeout=_TIMEOUT_SECONDS) as answer:
        total = int(answer.headers.get("Content-Length") or 0) or None
        # Whatever is larger than this is another file, which the checksum refuses.
        while received <= _MAX_BYTES and (part := answer.read(65_536)):
            parts.append(part)
            received += len(part)
            if progress:
                progress(received, total)
    if total is not None and received < min(total, _MAX_BYTES):  # reading part by part, urllib does not say so
        raise OSError(f"the download was cut off after {received:,} of {total:,} bytes")
    return b"".join(parts)
