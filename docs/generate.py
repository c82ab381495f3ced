"""Writes the pages that are made from the code: docs/cli.md from the commands, docs/config.md from the config fields,
docs/model-card.md from what lies beside the bundled weights; and the table of settings inside docs/serving.md.

    python docs/generate.py           write the pages (`make docs`)
    python docs/generate.py --picture demo/overview.png    make the README's picture of what `make demo` left
    python docs/generate.py --check   exit 1 when a committed page is out of date; `tests/test_docs.py` does the same

The command reference is read from the same objects that `--help` prints, not from its picture, which differs between
versions of Typer and between widths of terminals.
"""

from __future__ import annotations

import enum
import inspect
import sys
import types
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer.main

from mien.cli import app
from mien.config import Config, config_to_dict, config_to_toml, field_docs
from mien.server.settings import settings_table

FOLDER = Path(__file__).resolve().parent
MADE_BY = "<!-- Written by docs/generate.py (`make docs`) from the code. Change the code, not this page. -->"

_METAVARS = {int: "NUMBER", float: "NUMBER", Path: "PATH", str: "TEXT"}


def commands(group: Any = None, words: tuple[str, ...] = ("mien",)) -> Iterator[tuple[str, Any]]:
    """Every command with its full name, such as `mien data audit`; groups come before their commands."""
    group = typer.main.get_command(app) if group is None else group
    yield " ".join(words), group
    for name, command in getattr(group, "commands", {}).items():
        if not command.hidden:
            yield from commands(command, (*words, name))


def cli_page() -> str:
    lines = [
        "# Command line",
        "",
        MADE_BY,
        "",
        "Every command prints its options with `--help`. A known error is one line on stderr and exit code 1, wrong "
        "usage is exit code 2, Ctrl-C is 130.",
        "",
    ]
    for name, command in commands():
        lines += _command_section(name, command)
    return "\n".join(lines).rstrip() + "\n"


def _command_section(name: str, command: Any) -> list[str]:
    lines = [f"## `{name}`", "", inspect.cleandoc(command.help or ""), ""]
    if hasattr(command, "commands"):
        shown = [(sub, item) for sub, item in command.commands.items() if not item.hidden]
        lines += ["| command | does |", "|---|---|"]
        lines += [f"| [`{name} {sub}`](#{_anchor(f'{name} {sub}')}) | {_first_sentence(item)} |" for sub, item in shown]
        return [*lines, ""]
    hints = typing.get_type_hints(command.callback, include_extras=False)
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    options = [p for p in command.params if p.param_type_name == "option" and not p.hidden and p.name != "help"]
    usage = " ".join([name, *(["[OPTIONS]"] if options else []), *(_argument_usage(p) for p in arguments)])
    lines += ["```", usage, "```", ""]
    if arguments or options:
        lines += ["| | meaning | default |", "|---|---|---|"]
        lines += [f"| `{_argument_name(p)}` | {_cell(p.help)} | {_default(p)} |" for p in arguments]
        lines += [f"| {_option_name(p, hints.get(p.name))} | {_cell(p.help)} | {_default(p)} |" for p in options]
        lines.append("")
    return lines


def _anchor(name: str) -> str:
    return name.replace(" ", "-")


def _first_sentence(command: Any) -> str:
    return _cell(inspect.cleandoc(command.help or "").partition("\n\n")[0])


def _cell(text: str | None) -> str:
    return " ".join((text or "").split()).replace("|", "\\|").replace("<", "&lt;")


def _argument_name(parameter: Any) -> str:
    return str(parameter.metavar or parameter.name).upper()


def _argument_usage(parameter: Any) -> str:
    name = _argument_name(parameter).rstrip("….") + ("…" if parameter.nargs == -1 else "")
    return name if parameter.required else f"[{name}]"


def _option_name(parameter: Any, hint: Any) -> str:
    flags = ", ".join(f"`{name}`" for name in [*parameter.opts, *parameter.secondary_opts])
    value = parameter.metavar or _metavar(hint)
    return f"{flags} {value}" if value else flags


def _metavar(hint: Any) -> str:
    """What stands after an option: nothing for a flag, the choices, or the kind of value."""
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Literal:
        return " \\| ".join(f"`{choice}`" for choice in inner)
    if origin in (typing.Union, types.UnionType, list, tuple):
        return _metavar(next(item for item in inner if item is not type(None)))
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return " \\| ".join(f"`{choice.value}`" for choice in hint)
    return _METAVARS.get(hint, "")


def _default(parameter: Any) -> str:
    if parameter.required:
        return "required"
    value = parameter.default
    if value is None and isinstance(parameter.show_default, str):
        return f"`{parameter.show_default}`"  # unset, and something else says what then holds
    if value is None or value in ([], ()):
        return ""
    if isinstance(value, bool):
        return "on" if value else ""
    return f"`{value.value if isinstance(value, enum.Enum) else value}`"


def config_page() -> str:
    defaults, sections = config_to_dict(Config()), field_docs()
    hints = typing.get_type_hints(Config)
    lines = [
        "# Configuration of a training run",
        "",
        MADE_BY,
        "",
        "`mien train --config FILE.toml` reads this; `--set section.key=value` goes on top. A key that is left out "
        "keeps its default, an unknown key is an error that names the nearest known one, and contradictions are "
        "refused together before any work starts.",
        "",
    ]
    for section, docs in sections.items():
        lines += [f"## `[{section}]`", "", inspect.getdoc(hints[section]) or "", ""]
        lines += ["| key | type | default | meaning |", "|---|---|---|---|"]
        kinds = typing.get_type_hints(hints[section])
        for key, text in docs.items():
            kind, default = _type_name(kinds[key]), _toml(defaults[section][key])
            lines.append(f"| `{key}` | {kind} | `{default}` | {_cell(text)} |")
        lines.append("")
    lines += ["## Everything at its default", "", "```toml", config_to_toml(Config()).rstrip(), "```"]
    return "\n".join(lines) + "\n"


def _type_name(kind: Any) -> str:
    names = {int: "whole number", float: "number", bool: "true or false", str: "text"}
    if typing.get_origin(kind) is typing.Literal:
        return ", ".join(f"`{choice}`" for choice in typing.get_args(kind))
    if typing.get_origin(kind) is tuple:
        return f"list of {names[typing.get_args(kind)[0]]}s"
    return names[kind]


def _toml(value: Any) -> str:
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else repr(value).replace("'", '"')


def model_card_page() -> str:
    sys.path.insert(0, str(FOLDER))  # the tests load this file from elsewhere
    try:
        import model_card
    finally:
        sys.path.pop(0)
    return str(model_card.page(MADE_BY))


TABLE_BEGINS, TABLE_ENDS = "<!-- settings: written by docs/generate.py -->", "<!-- end of settings -->"


def serving_page() -> str:
    """The page as it is, with its table made anew."""
    text = (FOLDER / "serving.md").read_text(encoding="utf-8")
    before, _, rest = text.partition(TABLE_BEGINS)
    _, _, after = rest.partition(TABLE_ENDS)
    rows = ["| setting | variable | default | meaning |", "|---|---|---|---|"]
    for name, flag, variable, default, meaning in settings_table():
        del name
        rows.append(f"| `{flag}` | `{variable}` | {f'`{default}`' if default else ''} | {_cell(meaning)} |")
    return "\n".join([before + TABLE_BEGINS, "", *rows, "", TABLE_ENDS + after])


PAGES = {"cli.md": cli_page, "config.md": config_page, "model-card.md": model_card_page, "serving.md": serving_page}


def write_picture(overview: Path) -> None:
    """The demo's page as a JPEG that a README can afford."""
    from PIL import Image

    with Image.open(overview) as page:
        small = page.convert("RGB").resize((1600, 1000), Image.Resampling.LANCZOS)
    small.save(FOLDER / "images" / "overview.jpg", quality=82, optimize=True, progressive=True)


def main(arguments: list[str]) -> int:
    if arguments[:1] == ["--picture"]:
        write_picture(Path(arguments[1]))
        return 0
    stale = 0
    for name, make in PAGES.items():
        path, text = FOLDER / name, make()
        if "--check" in arguments:
            if not path.is_file() or path.read_text(encoding="utf-8") != text:
                print(f"docs/{name} is out of date. Run: make docs")
                stale = 1
        else:
            path.write_text(text, encoding="utf-8")
    return stale


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
