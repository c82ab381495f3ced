"""GET /, /emotions.css and /static: the page, out of the package, with the library's palette."""

from __future__ import annotations

from pathlib import Path

from fastapi import FastAPI
from fastapi.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from mien.emotions import COLOURS_ON_DARK, COLOURS_ON_LIGHT, INK_ON_COLOUR
from mien.server.errors import ApiError

__all__ = ["add_page"]

_FOLDER = Path(__file__).resolve().parent / "static"
# Asked again each time, which costs a 304; so that a newer mien is never shown with an older script.
_CACHE = {"Cache-Control": "no-cache"}


def add_page(app: FastAPI) -> None:
    """Serve the page and its parts."""
    index = _FOLDER / "index.html"

    @app.api_route("/", methods=["GET", "HEAD"], include_in_schema=False)
    async def page() -> Response:
        if not index.is_file():
            raise ApiError(404, "no_page", "Expected the page in the package. Received: none.", "/docs is there.")
        return FileResponse(index, media_type="text/html; charset=utf-8", headers=_CACHE)

    @app.get("/emotions.css", include_in_schema=False)
    async def colours() -> Response:
        return Response(_colours(), media_type="text/css", headers=_CACHE)

    app.mount("/static", _Static(directory=_FOLDER, check_dir=False), name="static")


def _colours() -> str:
    """The palette as custom properties: of each theme, and of plates on images, which are the same in both."""
    light = _properties("emotion", COLOURS_ON_LIGHT) + " --on-emotion: #ffffff;"
    dark = _properties("emotion", COLOURS_ON_DARK) + f" --on-emotion: {INK_ON_COLOUR};"
    plates = _properties("plate", COLOURS_ON_DARK) + f" --plate-ink: {INK_ON_COLOUR};"
    return f":root {{ {light} {plates} }}\n@media (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}\n"


def _properties(name: str, colours: tuple[str, ...]) -> str:
    return " ".join(f"--{name}-{code}: {colour};" for code, colour in enumerate(colours))


class _Static(StaticFiles):
    """Files of a folder, never listed, always asked about again."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """One file."""
        response = await super().get_response(path, scope)
        response.headers.update(_CACHE)
        return response
