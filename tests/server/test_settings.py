"""Settings: precedence, reading, and what is refused."""

from __future__ import annotations

import dataclasses
import pickle
from pathlib import Path

import pytest

from mien.errors import ConfigError
from mien.server.settings import ServerSettings, is_local, load_settings, settings_table, variable_of


def test_a_flag_goes_before_a_variable_before_the_file_before_the_default(tmp_path: Path) -> None:
    file = tmp_path / "serve.toml"
    file.write_text("port = 1\nthreads = 2\nmax_files = 3\n")
    variables = {"MIEN_PORT": "10", "MIEN_THREADS": "20", "MIEN_HOME": "/no/setting"}
    settings = load_settings({"port": 100, "threads": None}, environment=variables, config_path=file)
    assert (settings.port, settings.threads, settings.max_files) == (100, 20, 3)
    assert settings.max_faces == ServerSettings().max_faces


def test_every_setting_can_be_a_variable() -> None:
    defaults = ServerSettings()
    for field in dataclasses.fields(ServerSettings):
        value = getattr(defaults, field.name)
        text = ",".join(value) if isinstance(value, tuple) else str(value)
        assert getattr(load_settings(environment={variable_of(field.name): text}), field.name) == value


@pytest.mark.parametrize(("text", "value"), [("false", False), ("0", False), ("True", True), ("on", True), ("", False)])
def test_truth_values_are_read_as_people_write_them(text: str, value: bool) -> None:
    assert load_settings(environment={"MIEN_ACCESS_LOG": text}).access_log is value


def test_origins_come_as_a_list_or_with_commas(tmp_path: Path) -> None:
    expected = ("https://a.example", "http://b.example:8080")
    file = tmp_path / "serve.toml"
    file.write_text(f"allowed_origins = {list(expected)}")
    text = "https://a.example/, http://b.example:8080"
    assert load_settings(environment={}, config_path=file).allowed_origins == expected
    assert load_settings(environment={"MIEN_ALLOWED_ORIGINS": text}).allowed_origins == expected
    assert load_settings({"allowed_origins": text}, environment={}).allowed_origins == expected


@pytest.mark.parametrize(
    ("variables", "part"),
    [
        ({"MIEN_PORT": "http"}, "MIEN_PORT to be a whole number"),
        ({"MIEN_PORT": "70000"}, "port from 0 to 65535"),
        ({"MIEN_ACCESS_LOG": "maybe"}, "true or false"),
        ({"MIEN_MAX_WAIT_SECONDS": "nan"}, "max_wait_seconds"),
        ({"MIEN_MAX_BODY_MEGABYTES": "inf"}, "max_body_megabytes"),
        ({"MIEN_TOKEN": "short"}, "at least 16"),
        ({"MIEN_TOKEN": "with a blank in the middle"}, "letters, digits"),
        ({"MIEN_ALLOWED_ORIGINS": "*"}, "allowed_origins"),
        ({"MIEN_ALLOWED_ORIGINS": "https://a.example/path"}, "allowed_origins"),
        ({"MIEN_MAX_HELD_MEGABYTES": "1"}, "max_held_megabytes"),
        ({"MIEN_MAX_FILES": "100"}, "max_files"),
    ],
)
def test_what_does_not_fit_is_refused_in_a_sentence(variables: dict[str, str], part: str) -> None:
    with pytest.raises(ConfigError, match=part) as caught:
        load_settings(environment=variables)
    assert "Received" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("prot = 1", "Did you mean port"),
        ("port = '1'", "port to be a whole number"),
        ("access_log = 1", "true or false"),
        ("port = ", "TOML"),
        ("[serve]", "Known"),
    ],
)
def test_a_wrong_file_is_refused_in_a_sentence(tmp_path: Path, text: str, part: str) -> None:
    file = tmp_path / "serve.toml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=part):
        load_settings(environment={}, config_path=file)


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        load_settings(environment={}, config_path=tmp_path / "absent.toml")


def test_all_problems_are_told_together() -> None:
    with pytest.raises(ConfigError, match=r"port.*threads"):
        ServerSettings(port=-1, threads=0)


def test_the_table_has_every_setting_with_a_meaning() -> None:
    rows = settings_table()
    assert [row[0] for row in rows] == [field.name for field in dataclasses.fields(ServerSettings)]
    assert all(row[4].endswith((".", "ps.")) for row in rows)
    assert ("max_wait_seconds", "--max-wait-seconds", "MIEN_MAX_WAIT_SECONDS", "10") in [row[:4] for row in rows]


def test_settings_travel_to_workers() -> None:
    settings = ServerSettings(port=1, allowed_origins=("https://a.example",))
    assert pickle.loads(pickle.dumps(settings)) == settings


@pytest.mark.parametrize(
    ("host", "local"), [("127.0.0.1", True), ("localhost", True), ("::1", True), ("0.0.0.0", False), ("::", False)]
)
def test_it_is_known_who_can_reach_a_host(host: str, local: bool) -> None:
    assert is_local(host) is local


@pytest.mark.parametrize("field", [one for one in dataclasses.fields(ServerSettings) if one.type in ("int", "float")])
@pytest.mark.parametrize("text", ["nan", "inf", "-inf", "1e308", "9" * 5000, "0x" + "f" * 5000])
def test_no_number_is_without_end(field: dataclasses.Field[object], text: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=rf"(?i){field.name}"):
        load_settings({field.name: text}, environment={})
    with pytest.raises(ConfigError, match=rf"(?i){field.name}"):
        load_settings(environment={variable_of(field.name): text})
    (tmp_path / "serve.toml").write_text(f"{field.name} = {text}\n")
    with pytest.raises(ConfigError):
        load_settings(environment={}, config_path=tmp_path / "serve.toml")
