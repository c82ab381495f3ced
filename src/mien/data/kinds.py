"""What a file is, by its first bytes: the signatures that choose a reader, and words for what has none.

Also how far an honest file may be compressed.
"""

from __future__ import annotations

__all__ = ["GZIP_SIGNATURE", "HARMLESS_BYTES", "MAX_RATIO", "WHAT_IS_READ", "ZIP_SIGNATURES", "describe_other"]

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
