"""Running the application: binds the port and starts the workers.

uvicorn does the work, its own supervisor that of several workers. Nothing is printed here; callers hear of it through
callbacks.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import errno
import functools
import logging
import os
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator
from typing import Any

import cv2
import uvicorn
from fastapi import FastAPI
from uvicorn.supervisors.multiprocess import Multiprocess, Process

from mien.errors import ConfigError
from mien.inference.predictor import Predictor
from mien.server.app import create_app
from mien.server.gateway.protocol import protocol_class
from mien.server.metrics import FOLDER_VARIABLE, forget_process
from mien.server.settings import ServerSettings

__all__ = ["make_predictor", "serve", "url_of", "uvicorn_config"]

_BACKLOG = 2048  # uvicorn's own
_SPREADS = sys.platform == "linux"  # elsewhere, of several sockets of a port, one may get every connection


def make_predictor(settings: ServerSettings) -> Predictor:
    """The predictor that the settings ask for.

    Raises:
        ModelError, DetectorError: As `Predictor` does.
    """
    predictor = Predictor(
        settings.model,
        head=settings.head or None,
        prior=settings.prior,
        detector=settings.detector,
        yunet_path=settings.yunet or None,
        smallest_face_px=settings.smallest_face,
        threads=settings.threads,
    )
    predictor.refuse_estimate("a server")
    return predictor


def serve(
    settings: ServerSettings, *, on_ready: Callable[[Predictor, str], None] = lambda predictor, url: None
) -> None:
    """Serve until SIGTERM or Ctrl-C, and finish what is under way.

    Args:
        settings: Everything.
        on_ready: Called with the predictor and the address once connections are taken; they wait for workers that
            still start.

    Raises:
        ConfigError: The address is taken, or not this machine's.
        ModelError, DetectorError: As `Predictor` does.
    """
    predictor = make_predictor(settings)  # also with several workers: what is wrong is said once, before they start
    with _listening(settings) as listeners, _shared_metrics(settings):
        tell = functools.partial(on_ready, predictor, url_of(settings, listeners[0]))
        if settings.workers == 1:
            app = functools.partial(create_app, predictor, settings, drains_on_signals=True)
            try:
                _TellingServer(uvicorn_config(app, settings), tell).run(sockets=listeners)
            except KeyboardInterrupt as signalled:  # raised once all is finished
                if signalled.args != ("SIGTERM",):
                    raise  # what a supervisor asked for is no failure; Ctrl-C is for who waits at the terminal
        else:
            tell()
            _Workers(uvicorn_config(functools.partial(_worker_app, settings), settings), sockets=listeners).run()


class _TellingServer(uvicorn.Server):
    """Says when it is ready: from then on a signal ends it well."""

    def __init__(self, config: uvicorn.Config, tell: Callable[[], None]) -> None:
        super().__init__(config)
        self._tell = tell

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._tell()


class _Workers(Multiprocess):
    """Workers that begin with a listener each, where there are several: the system spreads connections over those.

    Listening all at one, the first to wake takes every connection that waits, and the others have nothing to do. A
    worker that replaces one listens at all.
    """

    def init_processes(self) -> None:
        for number in range(self.processes_num):
            process = Process(self.config, [self.sockets[number % len(self.sockets)]])
            process.start()
            self.processes.append(process)

    def keep_subprocess_alive(self) -> None:
        before = {process.pid for process in self.processes}
        super().keep_subprocess_alive()
        for pid in before - {process.pid for process in self.processes}:
            forget_process(pid)  # or its streams and waiting images would be counted for ever


def _worker_app(settings: ServerSettings) -> FastAPI:
    """The application of one of several workers; picklable, because they are started afresh."""
    # OpenCV would take all cores in each of them.
    cv2.setNumThreads(settings.cores_per_worker)
    return create_app(make_predictor(settings), settings, drains_on_signals=True)


def uvicorn_config(app: Callable[[], FastAPI], settings: ServerSettings) -> uvicorn.Config:
    """How uvicorn is asked to run what makes an application."""
    return uvicorn.Config(
        app,
        factory=True,
        workers=settings.workers,
        http=functools.partial(_connection, settings.header_seconds, settings.max_connections),  # type: ignore[arg-type]
        ws_max_size=settings.max_frame_bytes,
        ws_per_message_deflate=False,  # images are compressed already, and a bomb needs compression
        # Not its warnings: whoever sends what is no HTTP could fill a disk with them.
        log_config=_logging(),
        log_level="info" if settings.access_log else "error",
        access_log=settings.access_log,
        server_header=False,
        proxy_headers=False,  # nothing here depends on the client's address
        timeout_keep_alive=settings.keep_alive_seconds,
        timeout_graceful_shutdown=settings.shutdown_seconds,
    )


def _connection(header_seconds: float, max_connections: int, *arguments: Any, **options: Any) -> asyncio.Protocol:
    return protocol_class(header_seconds, max_connections)(*arguments, **options)


class WithoutQuery(logging.Filter):
    """Takes what follows a question mark out of the log's addresses: people put secrets there."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Keep the line, cut."""
        if isinstance(record.args, tuple):
            record.args = tuple(one.partition("?")[0] if isinstance(one, str) else one for one in record.args)
        return True


def _logging() -> dict[str, Any]:
    """uvicorn's own, with the filter."""
    config = copy.deepcopy(uvicorn.config.LOGGING_CONFIG)
    config["filters"] = {"bare": {"()": f"{__name__}.{WithoutQuery.__name__}"}}
    for handler in config["handlers"].values():
        handler["filters"] = ["bare"]
    return config


@contextlib.contextmanager
def _listening(settings: ServerSettings) -> Iterator[list[socket.socket]]:
    """Sockets of one address that take connections; they wait until the application is there."""
    with contextlib.ExitStack() as opened:
        # Bound alone at first, since a port that is shared could be shared with another program, too.
        first = opened.enter_context(_listener(settings, settings.port))
        if settings.workers == 1 or not _SPREADS:
            listeners = [first]
        else:
            port = first.getsockname()[1]
            first.close()
            listeners = [opened.enter_context(_listener(settings, port, shared=True)) for _ in range(settings.workers)]
        for listener in listeners:
            listener.set_inheritable(True)
        yield listeners


def _listener(settings: ServerSettings, port: int, *, shared: bool = False) -> socket.socket:
    """Listening; the library knows which options keep a port to oneself, and Windows' SO_REUSEADDR does not."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server((settings.host, port), family=family, backlog=_BACKLOG, reuse_port=shared)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise ConfigError(
                f"Expected a free port. Received: {port}, which another program listens on. "
                "Take another: mien serve --port 0 finds a free one."
            ) from error
        raise ConfigError(
            f"Expected an address of this machine to listen on. Received: {settings.host} port {port} "
            f"({error.strerror or error})."
        ) from error


@contextlib.contextmanager
def _shared_metrics(settings: ServerSettings) -> Iterator[None]:
    """A folder in which several workers put their counters together."""
    if settings.workers == 1 or FOLDER_VARIABLE in os.environ:
        yield
        return
    try:
        folder = tempfile.TemporaryDirectory(prefix="mien-metrics-")
    except OSError as error:
        raise ConfigError(
            "Expected a folder for temporary files, where several workers add up their counters. Received: none. "
            "Give the container a writable /tmp (docker run --tmpfs /tmp), or take --workers 1."
        ) from error
    with folder:
        os.environ[FOLDER_VARIABLE] = folder.name
        try:
            yield
        finally:
            del os.environ[FOLDER_VARIABLE]


def url_of(settings: ServerSettings, listener: socket.socket) -> str:
    """The address to open in a browser of this machine."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)
    return f"http://{f'[{host}]' if ':' in host else host}:{listener.getsockname()[1]}/"
