"""Images out of a request's body, read under the limits as it comes in: one raw image, or multipart with files.

Nothing is written to disk, whatever the size, and nothing is read beyond the limits.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass

from fastapi import Request
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from mien.server.errors import ApiError
from mien.server.gateway.admission import Account
from mien.server.settings import ServerSettings

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
# Parts without a file name carry no image, so a few are more than enough.
_MAX_OTHER_PARTS = 16
_LONGEST_NAME = 255


@dataclass(frozen=True)
class Upload:
    """One encoded image.

    Attributes:
        content: Its bytes.
        name: The file's name as the sender gave it, without folders; None for a raw body.
    """

    content: bytes
    name: str | None = None


async def read_uploads(
    request: Request, settings: ServerSettings, account: Account, *, max_files: int
) -> tuple[Upload, ...]:
    """The images of a request; at least one.

    Args:
        request: Whose body has not been read.
        settings: The limits.
        account: What holds the bytes.
        max_files: Most files; 1 takes a raw body, too.

    Raises:
        ApiError: 408, 413, 415, 422 or 429.
    """
    plain_kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    chunks = _chunks(request, settings, account)
    if plain_kind == _MULTIPART:
        return await _read_multipart(request, chunks, max_files)
    if max_files == 1 and plain_kind in RAW_TYPES:
        content = b"".join([chunk async for chunk in chunks])
        if not content:
            raise ApiError(422, "empty_body", "Expected an image. Received: an empty body.", "Send an image's bytes.")
        return (Upload(content),)
    accepted = (_MULTIPART, *(RAW_TYPES if max_files == 1 else ()))
    raise ApiError(
        415,
        "unsupported_type",
        f"Expected a body of type {', '.join(accepted)}. Received: {plain_kind[:100] or 'no Content-Type'}.",
        "With curl: -F image=@photo.jpg" + (", or -H 'Content-Type: image/jpeg'." if max_files == 1 else "."),
    )


async def _chunks(request: Request, settings: ServerSettings, account: Account) -> AsyncGenerator[bytes, None]:
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
                "Send a smaller image, or over a faster connection.",
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
        "Send a smaller image, or fewer files at once.",
    )


async def _read_multipart(request: Request, chunks: AsyncGenerator[bytes, None], max_files: int) -> tuple[Upload, ...]:
    form = _Form(request.headers, chunks, max_files=max_files + 1, max_fields=_MAX_OTHER_PARTS)
    try:
        parts = (await form.parse()).multi_items()
    except MultiPartException as error:
        raise _bad_multipart(error.message) from error
    if not form.is_complete:
        raise _bad_multipart("data that breaks off.")
    files = [value for _, value in parts if isinstance(value, UploadFile)]
    if not files:
        raise ApiError(
            422, "no_file", "Expected a file in the form. Received: none.", "With curl: -F image=@photo.jpg."
        )
    if len(files) > max_files:
        raise _too_many_files(max_files)
    return tuple([Upload(await file.read(), _file_name(file.filename or "")) for file in files])


class _Form(MultiPartParser):
    """Starlette's parser, with every file in memory, and whether the end came."""

    spool_max_size = 0  # never a file on disk
    is_complete = False

    def on_end(self) -> None:
        """The last boundary."""
        self.is_complete = True


def _bad_multipart(received: str) -> ApiError:
    return ApiError(
        422,
        "bad_multipart",
        f"Expected multipart/form-data. Received: {received}",
        "Let the HTTP library make the body and its Content-Type.",
    )


def _file_name(name: str) -> str:
    """Without folders, and without what a terminal or log would act on."""
    bare = name.replace("\\", "/").rpartition("/")[2]
    return "".join(character for character in bare if character.isprintable())[:_LONGEST_NAME]


def _too_many_files(max_files: int) -> ApiError:
    if max_files == 1:
        return ApiError(
            422, "too_many_files", "Expected one file. Received: more.", "Send several to /v1/predict/batch."
        )
    return ApiError(
        413, "too_many_files", f"Expected at most {max_files} files. Received: more.", "Send them in several requests."
    )
