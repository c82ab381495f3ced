"""One self-contained page that says everything about a run: `write_report`.

`material` gathers what a run and its dataset know, `content` says what is to be said of it, `report.html.jinja` puts
that on a page, `writing` keeps the page and its figures. A section whose part is missing says nothing, and the page
loads nothing from anywhere.
"""

from __future__ import annotations

from mien.evaluate.report.material import Picture, first_scored
from mien.evaluate.report.writing import Report, write_report

__all__ = ["Picture", "Report", "first_scored", "write_report"]
