"""The documentation agrees with the code: generated pages are fresh, commands and links in prose exist."""

from __future__ import annotations

import importlib.util
import json
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import typer.main
from skimage.data import astronaut

from mien.cli import app
from mien.config import config_to_dict, field_docs, load_config
from mien.emotions import EMOTIONS
from mien.inference.image_files import write_image
from mien.inference.model_files import find_model

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
CONFIGS = sorted((ROOT / "configs").glob("*.toml"))


def _generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["cli.md", "config.md", "model-card.md", "serving.md"])
def test_generated_pages_are_fresh(name: str) -> None:
    made = _generator().PAGES[name]()
    assert (ROOT / "docs" / name).read_text(encoding="utf-8") == made, "out of date; run: make docs"


def test_every_command_and_option_is_in_the_reference() -> None:
    page = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    sections = dict(re.findall(r"^## `(.*?)`\n(.*?)(?=^## |\Z)", page, re.DOTALL | re.MULTILINE))
    for name, command in _generator().commands():
        section = sections[name]
        for option in (flag for p in command.params for flag in p.opts if p.name not in ("help", "version")):
            assert f"`{option}`" in section or not option.startswith("-")
        assert all(" ".join(p.help.split())[:20] in section for p in command.params if p.param_type_name == "argument")


def test_every_config_field_is_in_the_reference() -> None:
    page = (ROOT / "docs" / "config.md").read_text(encoding="utf-8")
    for section, docs in field_docs().items():
        assert f"## `[{section}]`" in page
        for key in docs:
            assert f"| `{key}` |" in page


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_configs_are_accepted(path: Path) -> None:
    written = tomllib.loads(path.read_text(encoding="utf-8"))
    complete = config_to_dict(load_config(path))
    for section, values in written.items():
        assert values.items() <= complete[section].items()


def test_there_are_configs() -> None:
    assert CONFIGS


def _shell_lines(page: Path) -> Iterator[str]:
    for block in re.findall(r"```(?:sh|bash|console)\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL):
        yield from block.replace("\\\n", " ").splitlines()


def _mien_commands(page: Path) -> list[list[str]]:
    words = [shlex.split(line.removeprefix("$ "), comments=True) for line in _shell_lines(page)]
    return [line[1:] for line in words if line and line[0] == "mien"]


SHOWN = [(page.name, words) for page in PAGES for words in _mien_commands(page)]


@pytest.mark.parametrize(
    ("page", "words"), SHOWN, ids=lambda value: value if isinstance(value, str) else " ".join(value)
)
def test_commands_in_the_documentation_exist(page: str, words: list[str]) -> None:
    del page
    assert _unknown_words(words) == []


def _unknown_words(words: list[str]) -> list[str]:
    """The first word that names no command, and options that the command does not have."""
    command: Any = typer.main.get_command(app)
    rest = list(words)
    while hasattr(command, "commands"):
        if not rest or rest[0] not in command.commands:
            return rest[:1]
        command = command.commands[rest.pop(0)]
    known = {flag for parameter in command.params for flag in [*parameter.opts, *parameter.secondary_opts]} | {"--help"}
    return [word for word in rest if word.startswith("-") and word.partition("=")[0] not in known]


@pytest.mark.parametrize("line", ["nonsense", "train --no-such-option", "data nonsense"])
def test_the_check_sees_a_command_that_does_not_exist(line: str) -> None:
    assert _unknown_words(line.split())


def test_the_readme_shows_the_two_commands() -> None:
    assert [words for name, words in SHOWN if name == "README.md"]
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "pip install" in text
    assert "mien predict" in text


def _python_snippets() -> list[str]:
    return re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)


def test_the_accuracy_in_the_readme_is_that_of_the_bundled_model() -> None:
    metrics = json.loads(find_model("base").metrics_path("test").read_text(encoding="utf-8"))
    accuracy, without = metrics["scores"]["accuracy"], metrics["scores_without_identical"]["accuracy"]
    value, low, high, rest = (100 * x for x in (accuracy["value"], accuracy["low"], accuracy["high"], without["value"]))
    text = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    assert f"right on {value:.1f}% of FER-2013's PrivateTest (95% interval {low:.1f} to {high:.1f})" in text
    assert f"on {rest:.1f}% without the images that are also in Training" in text


@pytest.mark.parametrize("snippet", _python_snippets())
def test_python_in_the_readme_runs(snippet: str, tmp_path: Path) -> None:
    write_image(tmp_path / "photo.jpg", astronaut())
    done = subprocess.run(
        [sys.executable, "-c", snippet], check=True, capture_output=True, text=True, timeout=60, cwd=tmp_path
    )
    assert any(name in done.stdout for name in EMOTIONS)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_and_pictures_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    local = [target for target in targets if "://" not in target]
    assert [target for target in local if not (page.parent / target).exists()] == []


def test_the_changelog_knows_this_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert f"## [{version}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
