"""A training run drawn in the terminal."""

from __future__ import annotations

import time
from collections.abc import Mapping

from rich.console import Console
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table

__all__ = ["TrainingDisplay"]


class TrainingDisplay:
    """Watches `mien.learn.training.train`: a bar for the epoch, a bar for the run, one line per finished epoch.

    Args:
        console: Where to draw. When it is no terminal, only the finished epochs are printed.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        columns = [
            TextColumn("{task.description:<7}"),
            BarColumn(bar_width=32),
            MofNCompleteColumn(),
            TextColumn("{task.fields[facts]}"),
            TimeRemainingColumn(elapsed_when_finished=True),
        ]
        self._progress = Progress(*columns, console=console)
        self._live = Live(self._progress, console=console, refresh_per_second=8, transient=True)
        self._started = 0.0
        self._batch_size = 0
        self._label_task: TaskID | None = None

    def __enter__(self) -> TrainingDisplay:
        if self._console.is_terminal:
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
        self._console.print(_line("epoch", "loss", "accuracy", "val_loss", "val_accuracy", "rate", "images/s"))

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
        line = _line(
            f"{row['epoch']:.0f}",
            f"{row['loss']:.4f}",
            f"{row['accuracy']:.2%}",
            f"{row['val_loss']:.4f}",
            f"{row['val_accuracy']:.2%}" + (" *" if best else "  "),
            f"{row['learning_rate']:.2g}",
            f"{row['images_per_second']:,.0f}",
        )
        self._console.print(line, style="bold" if best else None)


def _line(*cells: str) -> str:
    widths = (6, 9, 10, 10, 14, 10, 10)
    return "".join(cell.rjust(width) for cell, width in zip(cells, widths, strict=True))


def facts_table(title: str, rows: Mapping[str, str]) -> Table:
    """Names and values as a table of two columns."""
    table = Table(title=title, show_header=False, title_justify="left")
    for name, value in rows.items():
        table.add_row(name, value)
    return table
