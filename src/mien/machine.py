"""The machine that mien runs on: how many cores it may use, the signals that tell it to stop, OpenCV's own limit."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

__all__ = ["OPENCV_MOST_PIXELS", "limit_opencv", "stop_signals_as_interrupt", "usable_cores"]

# Five times what mien reads unless asked to; larger images are left to Pillow.
OPENCV_MOST_PIXELS = 2**28

_CGROUPS = Path("/sys/fs/cgroup")
_OWN_CGROUP = Path("/proc/self/cgroup")


def usable_cores(*, cgroups: Path = _CGROUPS, own_cgroup: Path = _OWN_CGROUP) -> int:
    """How many cores this process may keep busy, at least 1.

    `os.cpu_count` counts the machine's. A process may be bound to some of them (affinity), and a container may have a
    quota of their time. Threads beyond a quota are stopped by the kernel in the middle of their work, so a fraction is
    rounded down, as Uber's automaxprocs does.

    Args:
        cgroups: Where Linux mounts control groups.
        own_cgroup: The file that names the group of this process.
    """
    if hasattr(os, "process_cpu_count"):  # Python 3.13
        bound = os.process_cpu_count()
    else:
        bound = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(1, min([bound or 1, *(int(quota) for quota in _quotas(cgroups, own_cgroup))]))


def _quotas(cgroups: Path, own_cgroup: Path) -> Iterator[float]:
    """Cores' worth of time that each control group around this process may take."""
    for line in _text(own_cgroup).splitlines():
        number, _, rest = line.partition(":")
        controllers, _, name = rest.partition(":")
        if number == "0":  # version 2: one tree
            for group in _upwards(cgroups, name):
                quota, _, period = _text(group / "cpu.max").partition(" ")
                yield from _quota(quota, period)
        elif "cpu" in controllers.split(","):
            for group in _upwards(cgroups / "cpu", name):
                yield from _quota(_text(group / "cpu.cfs_quota_us"), _text(group / "cpu.cfs_period_us"))


def _upwards(root: Path, name: str) -> list[Path]:
    """The group and all around it; inside a container the names of outside lead nowhere, but the root is its own."""
    parts = [part for part in name.split("/") if part not in ("", ".", "..")]
    return [root.joinpath(*parts[:depth]) for depth in range(len(parts), -1, -1)]


def _quota(quota: str, period: str) -> Iterator[float]:
    with contextlib.suppress(ValueError, ZeroDivisionError):  # "max", and -1 in version 1: no limit
        if (cores := int(quota) / int(period)) > 0:
            yield cores


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


@contextlib.contextmanager
def stop_signals_as_interrupt() -> Iterator[None]:
    """Within the block, SIGTERM and SIGHUP raise KeyboardInterrupt, as Ctrl-C does, so that files are left whole.

    A signal that is ignored stays so (`nohup`), as does one that has a handler already. Only the main thread of a
    process can do this; in another one the block changes nothing.
    """
    names = ("SIGTERM", "SIGHUP") if threading.current_thread() is threading.main_thread() else ()
    numbers = [getattr(signal, name) for name in names if hasattr(signal, name)]
    changed = [number for number in numbers if signal.getsignal(number) is signal.SIG_DFL]
    for number in changed:
        signal.signal(number, _interrupt)
    try:
        yield
    finally:
        for number in changed:
            if signal.getsignal(number) is _interrupt:
                signal.signal(number, signal.SIG_DFL)


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt(signal.Signals(number).name)


def limit_opencv() -> None:
    """Have OpenCV itself refuse images beyond `OPENCV_MOST_PIXELS`, should a file deceive `mien.images`.

    OpenCV reads this once, when it is imported; so it is for programs, such as the command line, not for libraries.
    """
    os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(OPENCV_MOST_PIXELS))
