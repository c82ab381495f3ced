"""Every error that mien raises on purpose.

    MienError                     something a user can mend; the command line prints one line and exits 1
    ├── DataError                 a dataset, row, image or votes file that cannot be used as it is
    ├── ImageError                one image that cannot be read
    │   ├── ImageFormatError      a file that is no image of a kind that mien reads
    │   ├── ImageNotFoundError    no such file; a FileNotFoundError too
    │   └── ImageTooLargeError    an image that is too large to be read safely
    ├── ConfigError               an unknown key, a value out of range, two settings that contradict each other
    ├── OutputError               a file that cannot be written, or must not be replaced
    ├── RunError                  a run folder that is missing, incomplete, or from a newer mien
    ├── ModelError                model files that are missing, damaged, or do not match each other
    ├── DetectorError             a face detector that is not available on this machine
    └── MissingExtraError         a command that needs a part of mien that is not installed

Messages say what was expected, then what came (`Received: …`), then what to do next. Anything else that
escapes is a defect in mien and keeps its traceback.
"""

from __future__ import annotations

__all__ = [
    "ConfigError",
    "DataError",
    "DetectorError",
    "ImageError",
    "ImageFormatError",
    "ImageNotFoundError",
    "ImageTooLargeError",
    "MienError",
    "MissingExtraError",
    "ModelError",
    "OutputError",
    "RunError",
]


class MienError(Exception):
    """Base of all expected errors."""


class DataError(MienError):
    """A dataset, row, image or votes file that cannot be used as it is."""


class ImageError(MienError):
    """One image that cannot be read, or is too large to be read safely."""


class ImageFormatError(ImageError):
    """A file that is no image of a kind that mien reads."""


class ImageNotFoundError(ImageError, FileNotFoundError):
    """An image file that is not there."""


class ImageTooLargeError(ImageError):
    """An image with more bytes or pixels than the limits allow."""


class ConfigError(MienError):
    """An unknown key, a value out of range, or settings that contradict each other."""


class OutputError(MienError):
    """A file that cannot be written, or that must not be replaced."""


class RunError(MienError):
    """A run folder that is missing, incomplete, or was written by a newer mien."""


class ModelError(MienError):
    """Model files that are missing, damaged, or do not match each other."""


class DetectorError(MienError):
    """A face detector that is not available on this machine."""


class MissingExtraError(MienError):
    """A command that needs a part of mien that is not installed."""

    def __init__(self, command: str, extra: str, missing: str) -> None:
        super().__init__(f"{command} needs {missing}, which is not installed. Run: {install_command(extra)}")
        self.extra = extra


def install_command(extra: str, *, direct_url: str | None = None) -> str:
    """How an extra is added to this installation of mien; from where it came, which need not be the package index.

    Args:
        extra: The name of the extra, such as `train`.
        direct_url: What pip noted of the origin (PEP 610, the text of direct_url.json); read from the installation if
            None.
    """
    import json

    origin = json.loads(direct_url or _direct_url() or "{}")
    url = origin.get("url", "")
    if "vcs_info" in origin:
        return f"pip install 'mien[{extra}] @ {origin['vcs_info']['vcs']}+{url}'"
    if not url.startswith("file:"):
        return f"pip install 'mien[{extra}]'"
    from urllib.parse import urlsplit
    from urllib.request import url2pathname

    editable = "-e " if origin.get("dir_info", {}).get("editable") else ""
    return f"pip install {editable}'{url2pathname(urlsplit(url).path)}[{extra}]'"


def _direct_url() -> str | None:
    from importlib.metadata import PackageNotFoundError, distribution
    from pathlib import Path

    try:
        return distribution("mien").read_text("direct_url.json")
    except PackageNotFoundError:  # run from a checkout that was never installed
        checkout = Path(__file__).resolve().parents[2].as_uri()
        return f'{{"url": "{checkout}", "dir_info": {{"editable": true}}}}'
