"""The command line: each command parses, imports what it needs, makes one library call, prints, and exits.

This module owns the list of commands and what a person sees when one fails. A known error is one line and exit
code 1; a wrong option is Typer's message and exit code 2; Ctrl-C, SIGTERM and SIGHUP are one line and 130. Anything
else is a defect in mien and keeps its traceback. Importing this module loads neither Keras nor matplotlib nor OpenCV.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable, Sequence
from typing import Annotated

import typer

from mien import __version__
from mien.cli.audit import audit
from mien.cli.bench import bench
from mien.cli.compare import compare
from mien.cli.data import data_app
from mien.cli.demo import demo
from mien.cli.ensemble import ensemble
from mien.cli.evaluate import evaluate
from mien.cli.explain import explain
from mien.cli.learn import export, train
from mien.cli.models import models_app
from mien.cli.predict import predict
from mien.cli.report import report
from mien.cli.serve import serve
from mien.cli.streams import prepare_streams, printable
from mien.cli.summary import summary
from mien.cli.synthetic import synthetic
from mien.cli.video import video
from mien.errors import MienError, MissingExtraError
from mien.machine import limit_opencv, stop_signals_as_interrupt

__all__ = ["app", "main"]

# Which extra brings a library that a plain `pip install mien` leaves out; see [project.optional-dependencies].
_EXTRA_OF = {
    "annotated_types": "train",
    "cleanlab": "train",
    "filelock": "train",
    "jinja2": "train",
    "keras": "train",
    "matplotlib": "train",
    "onnx": "train",
    "pandas": "train",
    "pydantic": "train",
    "scipy": "train",
    "sklearn": "train",
    "tensorflow": "train",
    "fastapi": "serve",
    "h11": "serve",
    "prometheus_client": "serve",
    "python_multipart": "serve",
    "starlette": "serve",
    "uvicorn": "serve",
}
# What a write to standard output raises when it leads to a disk that is full; files of mien's own have other errors.
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}
_EXIT_INTERRUPTED = 130  # 128 + SIGINT, what shells expect

app = typer.Typer(
    name="mien",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",  # paragraphs are filled to the width of the terminal
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"mien {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Facial expressions from images: train, evaluate, export and run classifiers of the seven FER-2013 emotions."""


# In the order of `mien --help`; Typer puts groups last.
app.command()(predict)
app.command()(video)
app.command()(serve)
app.command()(bench)
app.command()(demo)
app.command()(train)
app.command()(evaluate)
app.command()(explain)
app.command()(compare)
app.command()(ensemble)
app.command()(report)
app.command()(export)
data_app.command()(summary)
data_app.command()(audit)
data_app.command()(synthetic)
app.add_typer(data_app, name="data")
app.add_typer(models_app, name="models")


def main(arguments: Sequence[str] | None = None, *, run: Callable[..., object] = app) -> int:
    """Run one command and say how it went.

    Args:
        arguments: What follows `mien` on the command line; None takes it from `sys.argv`.
        run: What runs it; tests put another application here.

    Returns:
        The exit code: 0 well, 1 a known error, 2 wrong usage, 130 stopped by Ctrl-C.
    """
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    prepare_streams()
    limit_opencv()
    try:
        with stop_signals_as_interrupt():
            run(args=arguments, prog_name="mien")
    except MienError as error:
        return _fail(_with_notes(str(error), error), 1)
    except OSError as error:
        if error.errno not in _FULL or error.filename is not None:
            raise
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115  what waits there has no place to go
        return _fail(f"Expected room for all of the output. Received: {error.strerror}. Some of it is missing.", 1)
    except ModuleNotFoundError as error:
        library = (error.name or "").partition(".")[0]
        if library not in _EXTRA_OF:
            raise
        command = " ".join(["mien", *(word for word in arguments[:1] if not word.startswith("-"))])
        return _fail(str(MissingExtraError(command, _EXTRA_OF[library], library)), 1)
    except KeyboardInterrupt as stop:
        return _fail(_with_notes("Stopped.", stop), _EXIT_INTERRUPTED)
    except SystemExit as stop:
        # Typer always leaves this way; it turns a Ctrl-C inside a command into a silent exit of its own.
        code = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
        return _fail(_with_notes("Stopped.", stop), code) if code == _EXIT_INTERRUPTED else code
    return 0


def _with_notes(message: str, error: BaseException) -> str:
    """The message, and what was noted on the exception or the one that it stands for, such as a partial file."""
    while error.__context__ is not None and not hasattr(error, "__notes__"):
        error = error.__context__
    return " ".join([message, *getattr(error, "__notes__", [])])


def _fail(message: str, code: int) -> int:
    from rich.text import Text

    from mien.cli.terminal import say

    say(Text.assemble(("mien: ", "bold red"), printable(" ".join(message.split()))), stderr=True)
    return code
