"""What mien draws on a terminal besides text: progress bars, all on standard error and gone when the work is done.

Nothing is drawn where standard error is no terminal. Commands import this module when they run, because it loads Rich.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Column
from rich.text import Text

__all__ = ["Advance", "progress_bar"]


class Advance(Protocol):
    """Says how far the work is: how much is done of how much (None where nobody knows), and a few words beside it."""

    def __call__(self, done: float, total: float | None, facts: str = "") -> None: ...  # noqa: D102


@contextmanager
def progress_bar(description: str, *, rate: str | None = None) -> Iterator[Advance]:
    """Draw a bar for as long as the block runs.

    Args:
        description: What is being done.
        rate: The unit of the speed, such as "images/s", to be shown as soon as it is known; None shows none.
    """
    console = Console(stderr=True)
    with Progress(
        *_columns(rate),
        console=console,
        transient=True,
        disable=not console.is_terminal,
        redirect_stdout=sys.stdout.isatty(),  # else Rich would send to the screen what belongs into a pipe
    ) as bar:
        task = bar.add_task(description, total=None, facts="")

        def advance(done: float, total: float | None, facts: str = "") -> None:
            bar.update(task, completed=done, total=total, facts=facts)

        yield advance


def _columns(rate: str | None) -> tuple[ProgressColumn, ...]:
    return (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[facts]}", markup=False, table_column=Column(no_wrap=True)),
        *([_Rate(rate)] if rate else []),
        TimeRemainingColumn(),
    )


class _Rate(ProgressColumn):
    """The speed since the start, once something is done; Rich's own, of the last steps, leaps."""

    def __init__(self, unit: str) -> None:
        super().__init__(table_column=Column(no_wrap=True))  # it is the bar that gives way
        self._unit = unit

    def render(self, task: Task) -> Text:
        """See `ProgressColumn.render`."""
        if not task.completed or not task.elapsed:
            return Text()
        return Text(f"{task.completed / task.elapsed:.1f} {self._unit}")
