"""`mien serve`: the page and the API on a port.

The options are the settings of `mien.server.settings`, one for one, so that no name, default or meaning is written
twice.
"""

from __future__ import annotations

import dataclasses
import inspect
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mien.server.settings import ServerSettings, is_local, load_settings, shown_default

if TYPE_CHECKING:
    from mien.inference.predictor import Predictor

__all__ = ["serve"]


def serve(
    *,
    config: Annotated[
        Path | None, typer.Option(help="TOML file of settings; flags and MIEN_ variables go before it.")
    ] = None,
    open_page: Annotated[
        bool | None,
        typer.Option("--open/--no-open", help="Open the page in the browser; on a terminal of this machine if unset."),
    ] = None,
    **flags: Any,
) -> None:
    """Serve the web page and the HTTP API: live camera, photos and clips in the browser, predictions for programs.

    Listens on this machine only, unless told otherwise. Images are analysed in memory and never stored. Every option
    is also a variable, such as MIEN_PORT, and a key of the TOML file.
    """
    settings = load_settings(flags, config_path=config)
    _warn_if_open(settings)

    from mien.server.serving import serve as run

    wants_page = sys.stdout.isatty() and is_local(settings.host) if open_page is None else open_page
    run(settings, on_ready=lambda predictor, url: _greet(predictor, url, settings, wants_page=wants_page))


def _greet(predictor: Predictor, url: str, settings: ServerSettings, *, wants_page: bool) -> None:
    workers = "" if settings.workers == 1 else f", {settings.workers} workers"
    typer.echo(
        f"mien serves {predictor.card.name} (faces by {predictor.detector_name}{workers}) at {url} - Ctrl-C stops it"
    )
    sys.stdout.flush()
    if wants_page:
        import threading
        import webbrowser

        # Connections wait at the port until the application is there; some browsers return only when closed.
        threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()


def _warn_if_open(settings: ServerSettings) -> None:
    if not is_local(settings.host) and not settings.token:
        typer.echo(
            f"mien: warning: {settings.host} can be reached from other machines, and no token is set: whoever "
            "reaches it can use it. Set MIEN_TOKEN, or let a proxy ask who they are.",
            err=True,
        )


def _flag(field: dataclasses.Field[Any], kind: Any) -> inspect.Parameter:
    """A setting as an option: not given by default, so that the variable and the file have their say."""
    text = field.metadata["help"]
    shown = shown_default(field.default) or False
    option_type = bool if kind is bool else int if kind is int else float if kind is float else str
    option = typer.Option(help=text, show_default=shown)
    return inspect.Parameter(
        field.name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[option_type | None, option]
    )


def _with_flags(function: Any) -> None:
    """Give a function with `**flags` the settings as options, which Typer reads from signature and annotations."""
    kinds = {"int": int, "float": float, "bool": bool}
    own = [
        parameter
        for parameter in inspect.signature(function, eval_str=True).parameters.values()
        if parameter.kind is not inspect.Parameter.VAR_KEYWORD
    ]
    flags = [_flag(field, kinds.get(str(field.type))) for field in dataclasses.fields(ServerSettings)]
    function.__signature__ = inspect.Signature([*flags, *own])
    function.__annotations__ = {parameter.name: parameter.annotation for parameter in [*flags, *own]}


_with_flags(serve)
