"""Results come in order, few are under way, and nothing runs on."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from mien.inference.thread_pool import in_order


def _left() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("mien-worker")]


@pytest.mark.parametrize("workers", [1, 3])
def test_results_come_in_order(workers: int) -> None:
    def work(item: int) -> int:
        time.sleep(0.01 * (item % 3 == 0))
        return item * item

    assert list(in_order(work, range(20), workers=workers, ahead=4)) == [item * item for item in range(20)]
    assert not _left()


def test_only_so_many_are_under_way() -> None:
    taken = 0

    def items() -> Iterator[int]:
        nonlocal taken
        for item in range(100):
            taken += 1
            yield item

    for given, _ in enumerate(in_order(lambda item: item, items(), workers=2, ahead=3), start=1):
        assert taken - given <= 3


def test_stopping_leaves_no_thread() -> None:
    results = in_order(lambda item: item, iter(range(10**9)), workers=2, ahead=4)
    assert next(results) == 0
    results.close()
    assert not _left()


@pytest.mark.parametrize("where", ["work", "items"])
def test_errors_reach_the_caller(where: str) -> None:
    def items() -> Iterator[int]:
        yield from range(3)
        if where == "items":
            raise ZeroDivisionError

    def work(item: int) -> float:
        return 1 / (2 - item) if where == "work" else item

    with pytest.raises(ZeroDivisionError):
        list(in_order(work, items(), workers=2, ahead=3))
    assert not _left()
