"""Faces of concurrent pictures share runs, and each gets its own answer."""

from __future__ import annotations

import asyncio
import threading

import numpy as np
import pytest

from mien.server.batching import MAX_FACES, FaceBatcher


def _crops(count: int, level: int) -> np.ndarray:
    return np.full((count, 48, 48), level, np.uint8)


def _by_level(crops: np.ndarray) -> np.ndarray:
    """float32 (N, 7): the first column says which face it was."""
    answer = np.zeros((len(crops), 7), np.float32)
    answer[:, 0] = crops[:, 0, 0]
    return answer


def test_what_comes_during_a_run_shares_the_next_one() -> None:
    sizes: list[int] = []
    go = threading.Event()

    def model(crops: np.ndarray) -> np.ndarray:
        go.wait(10)
        return _by_level(crops)

    async def run() -> list[np.ndarray]:
        batcher = FaceBatcher(model, told=sizes.append)
        asked = [asyncio.create_task(batcher.classify(_crops(count, count))) for count in (1, 2, 3, 4)]
        await asyncio.sleep(0.05)
        go.set()
        answers = await asyncio.gather(*asked)
        batcher.close()
        return list(answers)

    answers = asyncio.run(run())
    assert [len(answer) for answer in answers] == [1, 2, 3, 4]
    assert [set(answer[:, 0]) for answer in answers] == [{1.0}, {2.0}, {3.0}, {4.0}]
    assert sum(sizes) == 10
    assert len(sizes) <= 2


def test_a_run_is_not_larger_than_it_may_be() -> None:
    sizes: list[int] = []

    async def run() -> None:
        batcher = FaceBatcher(_by_level, told=sizes.append)
        await asyncio.gather(*(batcher.classify(_crops(MAX_FACES // 2, 1)) for _ in range(5)))

    asyncio.run(run())
    assert sum(sizes) == 5 * (MAX_FACES // 2)
    assert max(sizes) <= MAX_FACES


def test_no_faces_need_no_run() -> None:
    def model(crops: np.ndarray) -> np.ndarray:
        raise AssertionError("asked about nothing")

    assert asyncio.run(FaceBatcher(model).classify(_crops(0, 0))).shape == (0, 7)


def test_a_failed_run_fails_its_callers_only() -> None:
    def model(crops: np.ndarray) -> np.ndarray:
        if crops[0, 0, 0] == 9:
            raise RuntimeError("broken")
        return _by_level(crops)

    async def run() -> None:
        batcher = FaceBatcher(model)
        with pytest.raises(RuntimeError, match="broken"):
            await batcher.classify(_crops(1, 9))
        assert len(await batcher.classify(_crops(1, 1))) == 1

    asyncio.run(run())


def test_who_goes_away_does_not_disturb_the_others() -> None:
    async def run() -> None:
        batcher = FaceBatcher(_by_level)
        leaving = asyncio.create_task(batcher.classify(_crops(1, 1)))
        staying = asyncio.create_task(batcher.classify(_crops(1, 2)))
        await asyncio.sleep(0)
        leaving.cancel()
        assert (await staying)[0, 0] == 2

    asyncio.run(run())
