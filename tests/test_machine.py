"""Cores as a container or an affinity leaves them, and signals that stop a command as Ctrl-C does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mien.machine import stop_signals_as_interrupt, usable_cores


@pytest.fixture
def _eight_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "process_cpu_count", lambda: 8, raising=False)


def _tree(tmp_path: Path, own: str, files: dict[str, str]) -> dict[str, Path]:
    (tmp_path / "own").write_text(own)
    for name, text in files.items():
        path = tmp_path / "cgroup" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return {"cgroups": tmp_path / "cgroup", "own_cgroup": tmp_path / "own"}


@pytest.mark.usefixtures("_eight_cores")
@pytest.mark.parametrize(
    ("own", "files", "cores"),
    [
        ("0::/\n", {"cpu.max": "200000 100000\n"}, 2),
        ("0::/\n", {"cpu.max": "max 100000\n"}, 8),
        ("0::/\n", {"cpu.max": "350000 100000\n"}, 3),
        ("0::/\n", {"cpu.max": "50000 100000\n"}, 1),
        ("0::/\n", {"cpu.max": "6400000 100000\n"}, 8),
        ("0::/\n", {"cpu.max": "nonsense"}, 8),
        ("0::/a/b\n", {"a/b/cpu.max": "max 100000", "a/cpu.max": "400000 100000", "cpu.max": "max 1"}, 4),
        ("0::/docker/123\n", {"cpu.max": "100000 100000"}, 1),  # the name as it is outside of the container
        ("0::/../../etc\n", {"cpu.max": "100000 100000"}, 1),
        ("4:cpu,cpuacct:/x\n", {"cpu/x/cpu.cfs_quota_us": "300000", "cpu/x/cpu.cfs_period_us": "100000"}, 3),
        ("4:cpu,cpuacct:/\n", {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, 8),
        ("4:cpuset:/\n", {"cpu/cpu.cfs_quota_us": "100000", "cpu/cpu.cfs_period_us": "100000"}, 8),
        ("", {}, 8),
    ],
)
def test_a_quota_counts(tmp_path: Path, own: str, files: dict[str, str], cores: int) -> None:
    assert usable_cores(**_tree(tmp_path, own, files)) == cores


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="Linux binds processes to cores")
def test_an_affinity_counts() -> None:
    core = min(os.sched_getaffinity(0))
    code = f"import os; os.sched_setaffinity(0, [{core}]); from mien.machine import usable_cores; print(usable_cores())"
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True).stdout.strip() == b"1"


def test_this_machine_has_some() -> None:
    assert 1 <= usable_cores() <= (os.cpu_count() or 1)


# Signals


@pytest.mark.skipif(os.name == "nt", reason="signals")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_to_stop_interrupts(number: int) -> None:
    before = signal.getsignal(number)
    with pytest.raises(KeyboardInterrupt), stop_signals_as_interrupt():
        os.kill(os.getpid(), number)
    assert signal.getsignal(number) is before


@pytest.mark.skipif(os.name == "nt", reason="signals")
@pytest.mark.parametrize("set_before", [signal.SIG_IGN, lambda *_: None], ids=["nohup", "a handler"])
def test_a_signal_that_is_taken_care_of_stays_so(set_before) -> None:
    before = signal.signal(signal.SIGHUP, set_before)
    try:
        with stop_signals_as_interrupt():
            os.kill(os.getpid(), signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) is set_before
    finally:
        signal.signal(signal.SIGHUP, before)


def test_another_thread_changes_nothing() -> None:
    from concurrent.futures import ThreadPoolExecutor

    def within() -> None:
        with stop_signals_as_interrupt():
            pass

    with ThreadPoolExecutor(1) as pool:
        pool.submit(within).result()


def test_cores_are_counted_here_only() -> None:
    source = Path(__file__).resolve().parent.parent / "src" / "mien"
    assert [p.name for p in source.rglob("*.py") if "cpu_count" in p.read_text(encoding="utf-8")] == ["machine.py"]


def test_opencv_refuses_by_itself_what_would_deceive_the_guard() -> None:
    code = (
        "import numpy; from mien.machine import limit_opencv; limit_opencv(); import cv2\n"
        "cv2.imdecode(numpy.frombuffer(b'P6 20000 20000 255 ' + bytes(99), numpy.uint8), cv2.IMREAD_COLOR)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "CV_IO_MAX_IMAGE_PIXELS" in done.stderr
