"""The page around the sections: title, navigation, style; self-contained, for screens and paper, light and dark."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from importlib.resources import files

from mien.evaluate.report.section import Section

__all__ = ["render_page"]


def render_page(*, title: str, subtitle: str, headline_html: str, sections: Sequence[Section], footer: str) -> str:
    """An HTML document that loads nothing from anywhere.

    Args:
        title: The run's name.
        subtitle: One line under it.
        headline_html: What stands before all sections.
        sections: In order.
        footer: One line at the end.
    """
    style = files("mien.evaluate.report").joinpath("style.css").read_text(encoding="utf-8")
    links = "".join(f'<a href="#{section.name}">{escape(section.title)}</a>' for section in sections)
    body = "".join(
        f'<section id="{section.name}"><h2>{escape(section.title)}</h2>{section.html}</section>' for section in sections
    )
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{escape(title)} · mien report</title>\n<style>\n{style}</style>\n</head>\n<body>\n"
        f'<header><h1>{escape(title)}</h1><p class="quiet">{escape(subtitle)}</p></header>\n'
        f"<nav>{links}</nav>\n<main>\n"
        f'<section id="headline">{headline_html}</section>\n{body}\n</main>\n<footer>{escape(footer)}</footer>\n'
        "</body>\n</html>\n"
    )
