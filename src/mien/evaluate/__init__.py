"""The evaluation room: a function of arrays. NumPy, scikit-learn and matplotlib; never Keras."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mien.evaluate.comparison import Comparison, compare
    from mien.evaluate.evaluation import Evaluation, evaluate
    from mien.evaluate.report import Report, write_report

__all__ = ["Comparison", "Evaluation", "Report", "compare", "evaluate", "write_report"]

_HOMES = {
    "Comparison": "comparison",
    "Evaluation": "evaluation",
    "Report": "report",
    "compare": "comparison",
    "evaluate": "evaluation",
    "write_report": "report",
}


def __getattr__(name: str) -> Any:
    """Import the public names when they are first used, so that `import mien.evaluate` does no work."""
    if name not in _HOMES:
        raise AttributeError(f"module 'mien.evaluate' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"mien.evaluate.{_HOMES[name]}"), name)
