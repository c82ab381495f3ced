"""What a person sees at the command line: help for everything, one line for known errors, tracebacks for defects."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
import typer.main

from mien import __version__
from mien.cli import app, main
from mien.errors import DataError, MienError, install_command
from mien.files import Output


def _commands(group: Any, words: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, command in group.commands.items():
        yield (*words, name), command
        if hasattr(command, "commands"):
            yield from _commands(command, (*words, name))


COMMANDS = dict(_commands(typer.main.get_command(app)))


def _raising(error: BaseException) -> typer.Typer:
    """An application with one command, `work`, that raises."""
    fake = typer.Typer(pretty_exceptions_enable=False)

    @fake.callback()
    def _group() -> None: ...

    @fake.command()
    def work() -> None:
        raise error

    return fake


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"mien {__version__}\n"


def test_no_arguments_show_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    main([])
    shown = capsys.readouterr()
    assert all(words[0] in shown.out + shown.err for words in COMMANDS)


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_has_help(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "400")  # wide enough that no word is broken
    assert main([*words, "--help"]) == 0
    shown = capsys.readouterr().out
    assert "Usage: mien " + " ".join(words) in shown
    command = COMMANDS[words]
    # Help is rendered as Markdown, which would swallow what looks like a tag or emphasis.
    texts = [command.help or "", *(p.help or "" for p in command.params if hasattr(p, "help"))]
    assert {word for text in texts for word in text.split()} - set(shown.split()) == set()
    assert (command.help or "").strip(), "a command without a docstring"
    silent = [p.name for p in command.params if not getattr(p, "help", None)]
    assert silent == [], "options without a help text"


@pytest.mark.parametrize("arguments", [["nonsense"], ["train", "--no-such-option"], ["--verison"]])
def test_wrong_usage_exits_2_without_a_traceback(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    shown = capsys.readouterr().err
    assert "Usage: mien" in shown
    assert "Traceback" not in shown


@pytest.mark.parametrize("kind", [MienError, DataError])
def test_a_known_error_is_one_line(kind: type[MienError], capsys: pytest.CaptureFixture[str]) -> None:
    message = "Expected [bold]this[/bold].\n  Received: that. " + "A long remark. " * 20
    assert main(["work"], run=_raising(kind(message))) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err == "mien: " + " ".join(message.split()) + "\n"


def test_an_unknown_error_keeps_its_traceback() -> None:
    with pytest.raises(ZeroDivisionError) as caught:
        main(["work"], run=_raising(ZeroDivisionError("a defect")))
    assert any(entry.name == "work" for entry in caught.traceback)


@pytest.mark.parametrize(
    ("library", "extra"),
    [("keras", "train"), ("tensorflow", "train"), ("sklearn.metrics", "train"), ("fastapi", "serve")],
)
def test_a_missing_extra_is_one_line_with_the_pip_command(
    library: str, extra: str, capsys: pytest.CaptureFixture[str]
) -> None:
    error = ModuleNotFoundError(f"No module named {library!r}", name=library)
    assert main(["work"], run=_raising(error)) == 1
    name = library.partition(".")[0]
    expected = f"mien: mien work needs {name}, which is not installed. Run: {install_command(extra)}\n"
    assert capsys.readouterr().err == expected


def test_a_missing_library_that_no_extra_brings_is_a_defect() -> None:
    with pytest.raises(ModuleNotFoundError):
        main(["work"], run=_raising(ModuleNotFoundError("No module named 'numpyy'", name="numpyy")))


def _interrupted_outside_a_command(**_: Any) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("run", [_raising(KeyboardInterrupt()), _interrupted_outside_a_command])
def test_ctrl_c_is_one_line_and_130(run: Callable[..., object], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["work"], run=run) == 130
    assert capsys.readouterr().err.strip() == "mien: Stopped."


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_to_stop_keeps_what_was_written_and_says_so(
    number: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fake = _raising(ValueError("was not stopped"))

    @fake.command()
    def write() -> None:
        with Output(tmp_path / "rows.csv", keep_partial=True) as output:
            output.path.write_text("half")
            os.kill(os.getpid(), number)

    assert main(["write"], run=fake) == 130
    message = " ".join(capsys.readouterr().err.split())
    assert message == f"mien: Stopped. What was written until then is kept in {tmp_path}/rows.csv.partial."
    assert (tmp_path / "rows.csv.partial").read_text() == "half"


def test_the_installed_script_and_python_dash_m_are_the_same_program() -> None:
    for program in (["-m", "mien"], ["-c", "import sys; from mien.cli import main; sys.exit(main())"]):
        command = [sys.executable, *program, "--version"]
        done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
        assert done.stdout == f"mien {__version__}\n"


def test_a_known_error_of_a_real_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "/no/such/dataset.csv", "--set", "train.epoch=3"]) == 1
    shown = capsys.readouterr().err
    assert shown.startswith("mien: Expected a known config key. Received: 'train.epoch'.")
    assert shown.count("\n") == 1
