"""One self-contained page that says everything about a run: `write_report`.

`material` gathers what a run and its dataset know, each section turns a part of it into HTML, `page` puts them
together, `writing` keeps the page and its figures. A section whose part is missing says nothing; no section reads a
file, and the page loads nothing from anywhere.
"""

from __future__ import annotations

from mien.evaluate.report.material import first_scored
from mien.evaluate.report.section import Picture, Section
from mien.evaluate.report.writing import Report, write_report

__all__ = ["Picture", "Report", "Section", "first_scored", "write_report"]
