"""What it takes to make the run again: versions, machine, and the complete config."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mien.evaluate.report.html import details, facts
from mien.evaluate.report.material import Material
from mien.evaluate.report.section import Section

__all__ = ["environment"]

_LEFT_OUT = ("schema_version", "data")  # data has a section of its own


def environment(material: Material) -> Section | None:
    """Environment and config, closed at first."""
    inside = ""
    if material.environment:
        inside += details("Environment", facts(_flat(material.environment)))
    if material.config:
        inside += details("Config", facts(_flat(material.config)))
    return Section("environment", "Environment and config", inside) if inside else None


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Nested values by dotted names."""
    flat: dict[str, str] = {}
    for key, value in values.items():
        if key in _LEFT_OUT and not prefix:
            continue
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{key}.")
        elif isinstance(value, list):
            flat[prefix + key] = ", ".join(map(str, value)) or "–"
        else:
            flat[prefix + key] = "–" if value is None or value == "" else str(value)
    return flat
