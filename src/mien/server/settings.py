"""What a server is asked to do and where its limits are: one table, from which flags, variables and docs are made.

A value comes from the flag, else from the environment (`MIEN_` and the name in capitals), else from the TOML file,
else from the default here. Importing this module loads the standard library only, since `mien --help` reads it.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
import os
import tomllib
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mien.errors import ConfigError
from mien.machine import usable_cores

__all__ = ["PREFIX", "ServerSettings", "is_local", "load_settings", "settings_table", "variable_of"]

PREFIX = "MIEN_"
MEBIBYTE = 2**20


def _setting(default: Any, help_text: str, *, low: float = -math.inf, high: float = math.inf) -> Any:
    """A field with what its help says and the lowest and highest value that it takes."""
    return dataclasses.field(default=default, metadata={"help": help_text, "low": low, "high": high})


@dataclass(frozen=True)
class ServerSettings:
    """How `mien serve` runs. Sizes and counts hold for each worker."""

    host: str = _setting("127.0.0.1", "Address to listen on; 0.0.0.0 is every network this machine is in.")
    port: int = _setting(8000, "Port to listen on; 0 takes a free one.", low=0, high=65_535)
    workers: int = _setting(1, "Processes that answer; each holds its own model.", low=1, high=64)
    model: str = _setting("base", "Name of a bundled model (see mien models list), or a run folder.")
    head: str = _setting(
        "", "Question to answer: votes (what people see) or labels (FER-2013's); the model's own if empty."
    )
    prior: str = _setting(
        "everyday", "How common each expression is: everyday, even, trained or such as happy=3,neutral=5."
    )
    detector: str = _setting("yunet", "Who finds the faces: yunet or none (each image is a face).")
    yunet: str = _setting("", "A YuNet file of your own, instead of mien's.")
    smallest_face: int = _setting(
        24,
        "Side of the smallest face that matters, in pixels; 48 is found up to four times as fast.",
        low=24,
        high=10_000,
    )
    token: str = _setting(
        "", "Bearer token that /v1 asks for, at least 16 characters; none if empty. A variable hides it from ps."
    )
    allowed_origins: tuple[str, ...] = _setting(
        (), "Other web pages that may call this server, such as https://example.org; with commas between."
    )
    allowed_hosts: tuple[str, ...] = _setting(
        (),
        "Names that this server is reached by, such as mien.example.org, beside localhost and addresses in numbers; "
        "with commas between. Another name in a request is refused, since a page could make one up.",
    )
    concurrency: int = _setting(0, "Images analysed at once; 0 is the cores divided by the workers.", low=0, high=256)
    threads: int = _setting(1, "Threads of the networks for one call; more make a lone image faster.", low=1, high=64)
    max_waiting: int = _setting(
        64, "Images that may wait for their turn; more are refused with 429.", low=1, high=1_000_000
    )
    max_wait_seconds: float = _setting(10.0, "Longest wait for a turn; then the answer is 503.", low=0.01, high=3600)
    max_body_megabytes: float = _setting(
        32.0, "Largest body of a request; a larger one is a 413.", low=0.001, high=10_000
    )
    max_held_megabytes: float = _setting(
        256.0, "Bodies of all requests together; what comes beyond is refused with 429.", low=0.001, high=1_000_000
    )
    max_megapixels: float = _setting(
        50.0, "Largest image once it is decoded; a larger one is a 413.", low=0.001, high=10_000
    )
    max_files: int = _setting(32, "Most files in one batch; more are a 413.", low=1, high=10_000)
    max_faces: int = _setting(100, "Most faces answered per image, the largest first.", low=1, high=100_000)
    max_streams: int = _setting(8, "Live streams open at once; another one is closed with 1013.", low=0, high=100_000)
    max_frame_megabytes: float = _setting(
        2.0, "Largest message of a stream; a larger one closes it.", low=0.001, high=1000
    )
    max_bad_frames: int = _setting(
        50, "Unreadable messages in a row after which a stream is closed with 1008.", low=1, high=1_000_000
    )
    idle_stream_seconds: float = _setting(
        60.0, "Silence after which a stream is closed with 1000.", low=0.01, high=86_400
    )
    max_connections: int = _setting(
        512, "Connections open at once, idle ones too; another one gets 503.", low=1, high=1_000_000
    )
    header_seconds: float = _setting(10.0, "Time in which a request's headers must be complete.", low=0.01, high=3600)
    body_seconds: float = _setting(
        60.0, "Time in which a request's body must be complete; then 408.", low=0.01, high=86_400
    )
    keep_alive_seconds: int = _setting(5, "How long a connection may be idle between requests.", low=1, high=3600)
    drain_seconds: float = _setting(
        0.5, "How long a stopping server still takes requests, while /readyz says 503.", low=0, high=600
    )
    shutdown_seconds: int = _setting(30, "Longest wait for work under way when stopping.", low=1, high=3600)
    access_log: bool = _setting(False, "Log a line per request: address, path and status, nothing else.")

    def __post_init__(self) -> None:
        problems = list(_problems(self))
        if problems:
            raise ConfigError(" ".join(problems))

    @property
    def max_body_bytes(self) -> int:
        """Largest body of a request."""
        return round(self.max_body_megabytes * MEBIBYTE)

    @property
    def max_held_bytes(self) -> int:
        """Bodies of all requests together."""
        return round(self.max_held_megabytes * MEBIBYTE)

    @property
    def max_frame_bytes(self) -> int:
        """Largest message of a stream."""
        return round(self.max_frame_megabytes * MEBIBYTE)

    @property
    def max_pixels(self) -> int:
        """Most pixels of a decoded image."""
        return round(self.max_megapixels * 1_000_000)

    @property
    def images_at_once(self) -> int:
        """Images analysed at once by each worker."""
        return self.concurrency or self.cores_per_worker

    @property
    def cores_per_worker(self) -> int:
        """Each worker's share of the cores, at least one."""
        return max(1, usable_cores() // self.workers)


_FIELDS = {field.name: field for field in dataclasses.fields(ServerSettings)}
_SHORTEST_TOKEN = 16


def _problems(settings: ServerSettings) -> Iterator[str]:
    for name, field in _FIELDS.items():
        value, low, high = getattr(settings, name), field.metadata["low"], field.metadata["high"]
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if is_number and not (low <= value <= high and math.isfinite(value)):
            span = f"from {low:g} to {high:g}" if math.isfinite(high) else f"of at least {low:g}"
            yield f"Expected {name} {span}. Received: {value}."
    if settings.token and (len(settings.token) < _SHORTEST_TOKEN or not _is_token(settings.token)):
        yield (
            f"Expected a token of at least {_SHORTEST_TOKEN} letters, digits and -._~+. Received: "
            f"{len(settings.token)} characters. Make one with: "
            "python -c 'import secrets; print(secrets.token_urlsafe())'."
        )
    for origin in settings.allowed_origins:
        scheme, separator, host = origin.partition("://")
        if scheme not in ("http", "https") or not separator or not host or set(host) & set("/*? "):
            yield f"Expected allowed_origins such as https://example.org, without path or *. Received: {origin!r}."
    for host in settings.allowed_hosts:
        if not host or set(host) & set("/*? :"):
            yield f"Expected allowed_hosts such as mien.example.org, without port or *. Received: {host!r}."
    if settings.max_held_megabytes < settings.max_body_megabytes:
        yield (
            "Expected max_held_megabytes of at least max_body_megabytes. "
            f"Received: {settings.max_held_megabytes:g} and {settings.max_body_megabytes:g}."
        )
    if settings.max_files > settings.max_waiting:
        yield (
            "Expected max_files of at most max_waiting, since each file of a batch waits for its turn. "
            f"Received: {settings.max_files} and {settings.max_waiting}."
        )


def _is_token(text: str) -> bool:
    # What RFC 6750 allows, less the slash and equals sign, which a WebSocket's subprotocol cannot carry.
    return text.isascii() and all(character.isalnum() or character in "-._~+" for character in text)


def is_local(host: str) -> bool:
    """Whether only this machine can reach what listens on a host."""
    return host in ("localhost", "::1") or host.startswith("127.")


def variable_of(name: str) -> str:
    """The environment variable of a setting."""
    return PREFIX + name.upper()


def load_settings(
    flags: Mapping[str, Any] | None = None,
    *,
    environment: Mapping[str, str] | None = None,
    config_path: str | os.PathLike[str] | None = None,
) -> ServerSettings:
    """Settings from flags, environment and file, in this order of precedence.

    Args:
        flags: What was given on the command line; None as a value means not given.
        environment: Variables; None takes those of the process.
        config_path: A TOML file with settings at its top level; None reads none.

    Raises:
        ConfigError: A key that is unknown (the nearest known one is named), or a value that does not fit.
    """
    environment = os.environ if environment is None else environment
    values: dict[str, Any] = {}
    for key, value in (_read_toml(Path(config_path)) if config_path is not None else {}).items():
        values[key] = _fitting(key, value, origin=str(config_path))
    for key in _FIELDS:
        text = environment.get(variable_of(key))
        if text is not None:
            values[key] = _from_text(key, text)
    for key, value in (flags or {}).items():
        if value is not None:
            values[key] = _from_text(key, value) if isinstance(value, str) else _fitting(key, value, origin="a flag")
    return ServerSettings(**values)


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"Expected a TOML file of settings. Received: {path} ({error.strerror}).") from error
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"Expected TOML in {path}. Received: {error}.") from error
    for key, value in found.items():
        if isinstance(value, int) and abs(value) >= 2**63:  # what TOML has numbers for
            raise ConfigError(f"Expected {key} of at most 64 bits in {path}. Received: a longer number.")
        if key not in _FIELDS:
            near = difflib.get_close_matches(key, _FIELDS, n=1, cutoff=0.5)
            hint = f"Did you mean {near[0]}?" if near else f"Known: {', '.join(_FIELDS)}."
            raise ConfigError(f"Expected a setting of mien serve in {path}. Received: {key!r}. {hint}")
    return found


def _kind(key: str) -> Any:
    return typing.get_type_hints(ServerSettings)[key]


_TRUE, _FALSE = ("1", "true", "yes", "on"), ("0", "false", "no", "off", "")


def _from_text(key: str, text: str) -> Any:
    """A value as a variable or flag writes it; numbers and truth values are read, nothing is guessed."""
    kind = _kind(key)
    try:
        if kind is bool:
            if text.strip().lower() not in (*_TRUE, *_FALSE):
                raise ValueError
            return text.strip().lower() in _TRUE
        if kind in (int, float):
            return kind(text)
    except ValueError as error:
        raise ConfigError(f"Expected {variable_of(key)} to be {_said(kind)}. Received: {text[:100]!r}.") from error
    if kind is str:
        return text
    return tuple(part.strip().rstrip("/") for part in text.split(",") if part.strip())


def _fitting(key: str, value: Any, *, origin: str) -> Any:
    kind = _kind(key)
    if kind is float and type(value) in (int, float):
        return float(value)
    if kind in (int, bool, str):
        if type(value) is kind:
            return value
    elif isinstance(value, str):
        return _from_text(key, value)
    elif isinstance(value, (list, tuple)) and all(isinstance(item, str) for item in value):
        return tuple(item.rstrip("/") for item in value)
    raise ConfigError(f"Expected {key} to be {_said(kind)} in {origin}. Received: {value!r}.")


def _said(kind: Any) -> str:
    names = {int: "a whole number", float: "a number", bool: "true or false", str: "a text"}
    return names.get(kind, "a list of texts")


def settings_table() -> list[tuple[str, str, str, str, str]]:
    """The rows of the documentation: setting, flag, variable, default, meaning."""
    rows = []
    for name, field in _FIELDS.items():
        flag = "--" + name.replace("_", "-")
        rows.append((name, flag, variable_of(name), shown_default(field.default), field.metadata["help"]))
    return rows


def shown_default(value: Any) -> str:
    """A default as help and documentation write it; nothing for none."""
    if value in ("", ()):
        return ""
    return str(value).lower() if isinstance(value, bool) else f"{value:g}" if isinstance(value, float) else str(value)
