"""Turns and bytes: what is let in, what waits, what is refused."""

from __future__ import annotations

import asyncio

import pytest

from mien.server.errors import ApiError
from mien.server.gateway.admission import Gate, HeldBytes


def _gate(**options: float) -> Gate:
    return Gate(**({"at_once": 1, "max_waiting": 1, "max_wait_seconds": 5} | options))  # type: ignore[arg-type]


def test_more_than_may_wait_are_refused_with_a_time_to_come_back() -> None:
    gate = _gate()
    with gate.admit(), gate.admit():
        assert gate.waiting == 2
        with pytest.raises(ApiError) as caught, gate.admit():
            pass
    assert caught.value.status == 429
    assert int(caught.value.headers["Retry-After"]) >= 1
    with gate.admit(2):  # places are free again
        pass


def test_turns_are_taken_one_after_the_other_in_order() -> None:
    order = []

    async def work(gate: Gate, number: int) -> None:
        async with gate.turn():
            assert gate.working == 1
            await asyncio.sleep(0)
            order.append(number)

    async def run() -> None:
        gate = _gate()
        await asyncio.gather(*(work(gate, number) for number in range(5)))
        assert gate.working == 0

    asyncio.run(run())
    assert order == [0, 1, 2, 3, 4]


def test_a_turn_that_does_not_come_is_a_503_and_leaves_nothing_behind() -> None:
    async def run() -> None:
        gate = _gate(max_wait_seconds=0.02)
        async with gate.turn():
            with pytest.raises(ApiError) as caught:
                async with gate.turn():
                    pass
        assert (caught.value.status, caught.value.code) == (503, "waited_too_long")
        assert "Retry-After" in caught.value.headers
        async with gate.turn():
            assert gate.working == 1

    asyncio.run(run())


def test_who_would_wait_too_long_is_told_at_once() -> None:
    async def run() -> None:
        gate = _gate(max_waiting=1000, max_wait_seconds=2.5)
        for _ in range(15):  # each takes longer than the gate thought, which it learns
            async with gate.turn():
                await asyncio.sleep(0.04)
        with gate.admit(2):
            gate.check()
        with gate.admit(100), pytest.raises(ApiError) as caught:
            gate.check()
        assert (caught.value.status, caught.value.code) == (429, "too_busy")

    asyncio.run(run())


def test_bytes_are_held_by_all_requests_together() -> None:
    held = HeldBytes(10)
    with held.account() as first, held.account() as second:
        first.take(6)
        second.take(4)
        with pytest.raises(ApiError) as caught:
            second.take(1)
        assert (caught.value.status, held.held) == (429, 10)
    assert held.held == 0
