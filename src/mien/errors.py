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
        super().__init__(f"{command} needs {missing}, which is not installed. Run: pip install 'mien[{extra}]'")
        self.extra = extra
