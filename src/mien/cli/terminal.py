"""How commands write on a terminal: sentences, tables, and bars, which are gone when the work is done.

It owns how wide and in what characters something is written, not what. Bars are drawn on standard error, and only where
that is a terminal. Commands import this module when they run, because it loads Rich.
"""

from __future__ import annotations

import itertools
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Protocol, TextIO

from rich.console import Console, RenderableType
from rich.live import Live
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.style import StyleType
from rich.table import Column, Table
from rich.text import Text

from mien.cli.streams import printable

__all__ = [
    "Advance",
    "TrainingDisplay",
    "console",
    "facts_table",
    "fitted_table",
    "plain_table",
    "progress_bar",
    "say",
    "show",
    "working",
]

# Without a terminal there is no width to keep to, and paths are better whole.
_FILE_WIDTH = 200


def console(out: TextIO | None = None, *, stderr: bool = False) -> Console:
    """A console on standard output, standard error, or `out`."""
    shown = Console(file=out, stderr=stderr, highlight=False)
    if not shown.is_terminal:
        shown.width = max(shown.width, _FILE_WIDTH)
    return shown


def say(message: str | Text, *, style: StyleType = "", out: TextIO | None = None, stderr: bool = False) -> None:
    """Write sentences: as they are, without markup, wrapped between words; a path stays whole, so it can be copied."""
    where = console(out, stderr=stderr)
    text = message if isinstance(message, Text) else Text(printable(message), style)
    text.overflow = "ignore"
    where.print(text, soft_wrap=not where.is_terminal, crop=False)


def show(drawn: RenderableType, *, out: TextIO | None = None) -> None:
    """Write a table."""
    console(out).print(drawn)


def plain_table(
    rows: Sequence[Sequence[str | Text]], *headings: str, left: Sequence[str] = (), title: str | None = None
) -> Table:
    """A table without frames.

    Args:
        rows: A cell for each heading; strings are written as they are, without markup.
        headings: The columns. The first is aligned to the left, the others to the right, as numbers are.
        left: Other headings of columns that are aligned to the left.
        title: Stands above.
    """
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for position, heading in enumerate(headings):
        is_left = position == 0 or heading in left
        table.add_column(Text(heading, "bold"), justify="left" if is_left else "right", overflow="fold")
    for row in rows:
        table.add_row(*(cell if isinstance(cell, Text) else Text(printable(cell)) for cell in row))
    return table


def fitted_table(
    rows: Sequence[Sequence[str | Text]],
    *headings: str,
    left: Sequence[str] = (),
    least: Sequence[str] = (),
    out: TextIO | None = None,
) -> Table:
    """`plain_table`, without as many columns of `least`, in this order, as it takes that no cell is folded."""
    for count in range(len(least) + 1):
        kept = [position for position, heading in enumerate(headings) if heading not in least[:count]]
        shown = [[row[position] for position in kept] for row in rows]
        table = plain_table(shown, *(headings[position] for position in kept), left=left)
        # Its natural width is measured where there is room for all of it.
        if Console(width=10_000, height=1).measure(table).maximum <= console(out).width:
            break
    return table


def facts_table(title: str, facts: Mapping[str, str]) -> Table:
    """Names and values as a table of two columns."""
    table = plain_table(list(facts.items()), "", "", left=("",), title=title)
    table.show_header = False
    return table


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
    where = console(stderr=True)
    with Progress(
        *_columns(rate),
        console=where,
        transient=True,
        disable=not _can_draw(where),
        redirect_stdout=sys.stdout.isatty(),  # else Rich would send to the screen what belongs into a pipe
    ) as bar:
        task = bar.add_task(printable(description), total=None, facts="")

        def advance(done: float, total: float | None, facts: str = "") -> None:
            bar.update(task, completed=done, total=total, facts=facts)

        yield advance


def _can_draw(where: Console) -> bool:
    """Whether a line can be written over: on a terminal, and one that is not dumb."""
    return where.is_terminal and not where.is_dumb_terminal


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


@contextmanager
def working(description: str) -> Iterator[None]:
    """Say that something is being done whose length nobody knows, for as long as the block runs."""
    where = console(stderr=True)
    if not _can_draw(where):
        yield
        return
    with where.status(Text(printable(description)), spinner="line"):  # in ASCII, for every terminal
        yield


class TrainingDisplay:
    """Watches `mien.learn.training.train`: a bar for the epoch, a bar for the run, one line per finished epoch.

    Where standard output is no terminal, only the finished epochs are printed.
    """

    def __init__(self) -> None:
        self._console = console()
        columns = [
            TextColumn("{task.description:<7}"),
            BarColumn(bar_width=32),
            MofNCompleteColumn(),
            TextColumn("{task.fields[facts]}"),
            TimeRemainingColumn(elapsed_when_finished=True),
        ]
        self._progress = Progress(*columns, console=self._console)
        self._live = Live(self._progress, console=self._console, refresh_per_second=8, transient=True)
        self._started = 0.0
        self._batch_size = 0
        self._label_task: TaskID | None = None

    def __enter__(self) -> TrainingDisplay:
        if _can_draw(self._console):
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def labelled(self, *, done: int, total: int) -> None:
        """The teachers answer."""
        if self._label_task is None:
            self._label_task = self._progress.add_task("teach", total=total, facts="teachers' answers")
        self._progress.update(self._label_task, completed=done, visible=done < total)

    def started(self, *, steps_per_epoch: int, first_epoch: int, epochs: int, batch_size: int) -> None:
        """Training begins."""
        self._batch_size = batch_size
        self._run_task = self._progress.add_task("run", total=epochs, completed=first_epoch, facts="")
        self._epoch_task = self._progress.add_task("epoch", total=steps_per_epoch, facts="")
        if first_epoch:
            self._console.print(f"Going on after epoch {first_epoch}.")
        self._print("epoch", "loss", "accuracy", "val_loss", "val_accuracy", "rate", "images/s")

    def stepped(self, *, epoch: int, step: int, loss: float, accuracy: float) -> None:
        """A step is done."""
        if step == 1:
            self._started = time.perf_counter()
            speed = ""
        else:
            images = (step - 1) * self._batch_size
            speed = f"{images / (time.perf_counter() - self._started):,.0f} images/s"
        facts = f"loss {loss:.3f}  accuracy {accuracy:.1%}  {speed}"
        self._progress.update(self._epoch_task, completed=step, description=f"epoch {epoch + 1}", facts=facts)

    def finished_epoch(self, row: Mapping[str, float], *, best: bool) -> None:
        """An epoch is scored and saved."""
        self._progress.update(self._run_task, completed=row["epoch"])
        self._print(
            f"{row['epoch']:.0f}",
            f"{row['loss']:.4f}",
            f"{row['accuracy']:.2%}",
            f"{row['val_loss']:.4f}",
            f"{row['val_accuracy']:.2%}" + (" *" if best else "  "),
            f"{row['learning_rate']:.2g}",
            f"{row['images_per_second']:,.0f}",
            style="bold" if best else "",
        )

    def _print(self, *cells: str, style: str = "") -> None:
        """As many cells as fit beside each other."""
        widths = (6, 9, 10, 10, 14, 10, 10)
        line = "".join(cell.rjust(width) for cell, width in zip(cells, widths, strict=True))
        fitting = max(end for end in itertools.accumulate(widths) if end <= max(self._console.width, widths[0]))
        self._console.print(Text(line[:fitting], style))
