"""How numbers and splits are written, on the page and in the terminal."""

from __future__ import annotations

from mien.evaluate.evaluation import Estimate

__all__ = ["interval", "number", "percent", "share", "split_title"]

_OFFICIAL = {"train": "Training", "val": "PublicTest", "test": "PrivateTest"}


def split_title(split: str, protocol: str) -> str:
    """`test (PrivateTest)` where the split is FER-2013's own, `test` elsewhere."""
    return f"{split} ({_OFFICIAL[split]})" if protocol == "official" else split


def share(value: float | None) -> str:
    """`70.1%`, or a dash where nothing is known."""
    return "–" if value is None else f"{value:.1%}"


def percent(estimate: Estimate | None) -> str:
    """`70.1 (68.6–71.6)`: percent with its 95% interval."""
    if estimate is None:
        return "–"
    return f"{100 * estimate.value:.1f} ({100 * estimate.low:.1f}–{100 * estimate.high:.1f})"


def number(estimate: Estimate | None) -> str:
    """`0.812 (0.790–0.834)`."""
    return "–" if estimate is None else f"{estimate.value:.3f} ({estimate.low:.3f}–{estimate.high:.3f})"


def interval(estimate: Estimate) -> str:
    """`68.6% to 71.6%`."""
    return f"{estimate.low:.1%} to {estimate.high:.1%}"
