"""The port belongs to one server, on every system; a worker that died is counted out."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

import pytest

from mien.errors import ConfigError
from mien.server.serving import _listening
from mien.server.settings import ServerSettings


def test_a_port_is_not_shared() -> None:
    with _listening(ServerSettings(port=0)) as (first,):
        port = first.getsockname()[1]
        with pytest.raises(ConfigError, match="another program"), _listening(ServerSettings(port=port)):
            pass


def test_windows_is_not_asked_to_let_others_listen_beside(monkeypatch: pytest.MonkeyPatch) -> None:
    """There SO_REUSEADDR means what SO_REUSEPORT means elsewhere."""
    asked: list[int] = []

    class Noted(socket.socket):
        def setsockopt(self, *arguments: object) -> None:
            asked.append(arguments[1])  # type: ignore[arg-type]
            super().setsockopt(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "socket", Noted)
    with _listening(ServerSettings(port=0)):
        assert socket.SO_REUSEADDR in asked
    asked.clear()
    monkeypatch.setattr(os, "name", "nt")
    with _listening(ServerSettings(port=0)):
        assert socket.SO_REUSEADDR not in asked


def test_what_a_dead_worker_held_is_counted_no_more(tmp_path: object) -> None:
    variables = os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    work = """
from mien.server.metrics import Metrics
metrics = Metrics()
metrics.streams.inc(); metrics.faces.inc(3)
import os; print(os.getpid(), flush=True); os._exit(9)
"""
    worker = subprocess.run([sys.executable, "-c", work], env=variables, capture_output=True, text=True, check=False)
    look = """
import sys
from mien.server.metrics import Metrics, forget_process
forget_process(int(sys.argv[1]))
print(Metrics().text().decode())
"""
    told = subprocess.run(
        [sys.executable, "-c", look, worker.stdout.strip()], env=variables, capture_output=True, text=True, check=True
    ).stdout
    assert "mien_faces_total 3.0" in told
    assert "mien_streams 1.0" not in told
