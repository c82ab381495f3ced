"""Work on many items by several threads, with results in the order of the items and few of them under way."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

__all__ = ["in_order"]

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_order(
    work: Callable[[Item], Result], items: Iterable[Item], *, workers: int, ahead: int
) -> Generator[Result, None, None]:
    """Results of `work` for each item, in the order of the items.

    Nothing is left running when the caller stops taking results, or when `work` or `items` raise: what has begun is
    waited for, the rest is dropped.

    Args:
        work: Called in other threads.
        items: Taken in the caller's thread, as they are needed.
        workers: Number of threads; 1 works in the caller's own.
        ahead: Most items that are under way or waiting at a time.
    """
    if workers == 1:
        yield from map(work, items)
        return
    pool = ThreadPoolExecutor(workers, thread_name_prefix="mien-worker")
    under_way: deque[Future[Result]] = deque()
    try:
        for item in items:
            under_way.append(pool.submit(work, item))
            if len(under_way) >= ahead:
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
