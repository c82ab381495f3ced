"""Pictures out of a request's body, read under the limits as it comes in: one raw image, or multipart with files.

Nothing is written to disk, whatever the size, and nothing is read beyond the limits.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fastapi import Request
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from mien.server.admission import Account
from mien.server.errors import ApiError
from mien.server.settings import ServerSettings

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

__all__ = ["RAW_TYPES", "Upload", "read_uploads"]

# What a raw body may call itself; what it really is, its first bytes say.
RAW_TYPES = (
    "image/jpeg",
    "image/png",
    "image/webp",
    "image/bmp",
    "image/tiff",
    "image/gif",
    "application/octet-stream",
)
_MULTIPART = "multipart/form-data"
# Parts without a file name carry no picture, so a few are more than enough.
_MAX_OTHER_PARTS = 16
_LONGEST_NAME = 255


@dataclass(frozen=True)
class Upload:
    """One encoded picture.

    Attributes:
        content: Its bytes.
        name: The file's name as the sender gave it, without folders; None for a raw body.
    """

    content: bytes
    name: str | None = None


async def read_uploads(
    request: Request, settings: ServerSettings, account: Account, *, max_files: int
) -> tuple[Upload, ...]:
    """The pictures of a request; at least one.

    Args:
        request: Whose body has not been read.
        settings: The limits.
        account: What holds the bytes.
        max_files: Most files; 1 takes a raw body, too.

    Raises:
        ApiError: 408, 413, 415, 422 or 429.
    """
    kind = request.headers.get("content-type", "")
    plain_kind = kind.partition(";")[0].strip().lower()
    chunks = _chunks(request, settings, account)
    if plain_kind == _MULTIPART:
        return await _read_multipart(kind, chunks, max_files)
    if max_files == 1 and plain_kind in RAW_TYPES:
        content = b"".join([chunk async for chunk in chunks])
        if not content:
            raise ApiError(422, "empty_body", "Expected a picture. Received: an empty body.", "Send an image's bytes.")
        return (Upload(content),)
    accepted = (_MULTIPART, *(RAW_TYPES if max_files == 1 else ()))
    raise ApiError(
        415,
        "unsupported_type",
        f"Expected a body of type {', '.join(accepted)}. Received: {plain_kind[:100] or 'no Content-Type'}.",
        "With curl: -F image=@photo.jpg" + (", or -H 'Content-Type: image/jpeg'." if max_files == 1 else "."),
    )


async def _chunks(request: Request, settings: ServerSettings, account: Account) -> AsyncIterator[bytes]:
    """The body as it comes, up to its limits of size and time."""
    _check_announced(request, settings)
    deadline = asyncio.get_running_loop().time() + settings.body_seconds
    stream = request.stream()
    while True:
        try:
            async with asyncio.timeout_at(deadline):
                chunk = await anext(stream, None)
        except TimeoutError:
            raise ApiError(
                408,
                "too_slow",
                f"Expected the whole body within {settings.body_seconds:g} s. Received: {account.size:,} bytes.",
                "Send a smaller picture, or over a faster connection.",
            ) from None
        if chunk is None:
            return
        if account.size + len(chunk) > settings.max_body_bytes:
            raise _too_large(settings)
        account.take(len(chunk))
        yield chunk


def _check_announced(request: Request, settings: ServerSettings) -> None:
    """Refuse by the announced length, before any of it comes."""
    announced = request.headers.get("content-length", "")
    if announced.isascii() and announced.isdigit() and int(announced[:20]) > settings.max_body_bytes:
        raise _too_large(settings)


def _too_large(settings: ServerSettings) -> ApiError:
    return ApiError(
        413,
        "body_too_large",
        f"Expected a body of at most {settings.max_body_bytes:,} bytes. Received: more.",
        "Send a smaller picture, or fewer files at once.",
    )


async def _read_multipart(kind: str, chunks: AsyncIterator[bytes], max_files: int) -> tuple[Upload, ...]:
    collector = _Collector(max_files)
    try:
        parser = MultipartParser(_boundary(kind), collector.callbacks())
        async for chunk in chunks:
            parser.write(chunk)
        parser.finalize()
    except FormParserError as error:
        raise _bad_multipart("data that breaks off or does not follow the format") from error
    if not collector.is_complete:
        raise _bad_multipart("data that breaks off")
    if not collector.uploads:
        raise ApiError(
            422, "no_file", "Expected a file in the form. Received: none.", "With curl: -F image=@photo.jpg."
        )
    return tuple(collector.uploads)


def _boundary(kind: str) -> bytes:
    _, parameters = parse_options_header(kind)
    boundary = parameters.get(b"boundary", b"")
    if not boundary:
        raise _bad_multipart("a Content-Type without boundary")
    return boundary


def _bad_multipart(received: str) -> ApiError:
    return ApiError(
        422,
        "bad_multipart",
        f"Expected multipart/form-data. Received: {received}.",
        "Let the HTTP library make the body and its Content-Type.",
    )


@dataclass
class _Collector:
    """Takes the parser's events and keeps the parts that are files."""

    max_files: int
    uploads: list[Upload] = field(default_factory=list)
    is_complete: bool = False
    _others: int = 0
    _header: bytearray = field(default_factory=bytearray)
    _value: bytearray = field(default_factory=bytearray)
    _disposition: bytes = b""
    _name: str | None = None
    _content: list[bytes] = field(default_factory=list)

    def callbacks(self) -> MultipartCallbacks:
        """What the parser calls, by its names."""
        return {
            "on_part_begin": self._begin,
            "on_header_field": lambda data, start, end: self._header.extend(data[start:end]),
            "on_header_value": lambda data, start, end: self._value.extend(data[start:end]),
            "on_header_end": self._end_header,
            "on_headers_finished": self._end_headers,
            "on_part_data": self._take,
            "on_part_end": self._end,
            "on_end": self._finish,
        }

    def _begin(self) -> None:
        self._disposition, self._name, self._content = b"", None, []

    def _end_header(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._disposition = bytes(self._value)
        self._header.clear()
        self._value.clear()

    def _end_headers(self) -> None:
        _, options = parse_options_header(self._disposition)
        if b"filename" in options:
            self._name = _file_name(options[b"filename"])
            if len(self.uploads) >= self.max_files:
                raise _too_many_files(self.max_files)
            return
        self._others += 1
        if self._others > _MAX_OTHER_PARTS:
            raise _bad_multipart(f"more than {_MAX_OTHER_PARTS} parts that are no files")

    def _take(self, data: bytes, start: int, end: int) -> None:
        if self._name is not None:
            self._content.append(data[start:end])

    def _end(self) -> None:
        if self._name is not None:
            self.uploads.append(Upload(b"".join(self._content), self._name))
            self._content = []

    def _finish(self) -> None:
        self.is_complete = True


def _file_name(raw: bytes) -> str:
    name = raw.decode("utf-8", errors="replace").replace("\\", "/").rpartition("/")[2]
    return "".join(character for character in name if character.isprintable())[:_LONGEST_NAME]


def _too_many_files(max_files: int) -> ApiError:
    if max_files == 1:
        return ApiError(
            422, "too_many_files", "Expected one file. Received: more.", "Send several to /v1/predict/batch."
        )
    return ApiError(
        413, "too_many_files", f"Expected at most {max_files} files. Received: more.", "Send them in several requests."
    )
