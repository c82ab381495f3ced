"""The few HTML elements that the sections use; every text given to them is escaped here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape

__all__ = ["card", "cards", "details", "facts", "paragraph", "quiet", "table"]


def paragraph(text: str) -> str:
    """A paragraph."""
    return f"<p>{escape(text)}</p>"


def quiet(text: str) -> str:
    """A remark in small, muted letters."""
    return f'<p class="quiet">{escape(text)}</p>'


def table(headings: Sequence[str], rows: Iterable[Sequence[str]], *, caption: str = "") -> str:
    """A table whose first column is text and whose others are numbers; it scrolls sideways where it does not fit."""
    head = "".join(f'<th scope="col">{escape(heading)}</th>' for heading in headings)
    body = "".join(
        f'<tr><th scope="row">{escape(first)}</th>{"".join(f"<td>{escape(cell)}</td>" for cell in others)}</tr>'
        for first, *others in rows
    )
    title = f"<caption>{escape(caption)}</caption>" if caption else ""
    return f'<div class="scroll"><table>{title}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def facts(values: Mapping[str, str]) -> str:
    """Names and values."""
    rows = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in values.items())
    return f"<dl>{rows}</dl>"


def details(summary: str, inner_html: str) -> str:
    """A part that is closed at first; print shows it open."""
    return f"<details><summary>{escape(summary)}</summary>{inner_html}</details>"


def card(inner_html: str, caption: str = "", *, wide: bool = False) -> str:
    """A figure with its caption; a wide one has a row to itself and scrolls sideways where it would be too small."""
    text = f"<figcaption>{escape(caption)}</figcaption>" if caption else ""
    return f'<figure class="card{" wide" if wide else ""}"><div class="scroll">{inner_html}</div>{text}</figure>'


def cards(figures: Iterable[str]) -> str:
    """Figures beside each other where there is room."""
    return f'<div class="cards">{"".join(figures)}</div>'
