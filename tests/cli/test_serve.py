"""`mien serve` as a person types it, short of a running server; tests/server has that."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
import typer.main

from mien.cli import app, main
from mien.server.settings import ServerSettings, settings_table


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_taken_port_is_one_sentence(workers: str, capsys: pytest.CaptureFixture[str]) -> None:
    # Even one that its holder would share, as several workers do among themselves.
    with socket.create_server(("127.0.0.1", 0), reuse_port=hasattr(socket, "SO_REUSEPORT")) as taken:
        port = taken.getsockname()[1]
        arguments = ["--port", str(port), "--workers", workers, "--no-open", "--detector", "none"]
        assert main(["serve", *arguments]) == 1
    error = capsys.readouterr().err
    assert f"Expected a free port. Received: {port}" in error
    assert error.count("\n") == 1


def test_an_address_of_another_machine_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", "--host", "192.0.2.1", "--no-open", "--detector", "none"]) == 1
    error = capsys.readouterr().err
    assert "Expected an address of this machine" in error
    # And before that, the warning that nobody asks who they are.
    assert "no token is set" in error


def test_settings_come_from_flag_variable_and_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "serve.toml"
    file.write_text('detector = "none"\nmax_files = 1\nmax_faces = 1\nmax_streams = 1\n')
    monkeypatch.setenv("MIEN_MAX_FACES", "2")
    monkeypatch.setenv("MIEN_MAX_STREAMS", "2")
    asked: list[ServerSettings] = []
    monkeypatch.setattr("mien.server.serving.serve", lambda settings, **_: asked.append(settings))
    assert main(["serve", "--config", str(file), "--max-streams", "3"]) == 0
    assert (asked[0].max_files, asked[0].max_faces, asked[0].max_streams) == (1, 2, 3)


@pytest.mark.parametrize("arguments", [["--port", "99999"], ["--token", "short"], ["--config", "absent.toml"]])
def test_what_does_not_fit_is_one_sentence(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", *arguments]) == 1
    assert "Expected" in capsys.readouterr().err


def test_every_setting_is_an_option() -> None:
    command = typer.main.get_command(app).commands["serve"]  # type: ignore[attr-defined]
    flags = {flag for parameter in command.params for flag in parameter.opts}
    assert {row[1] for row in settings_table()} <= flags
