"""Frames in, tracked faces out; who is let in, and how a stream ends."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from mien.emotions import EMOTIONS
from mien.inference.predictor import Predictor

TOKEN = "0123456789abcdef"
Make = Callable[..., TestClient]


def _ended(session: Any) -> int:
    with pytest.raises(WebSocketDisconnect) as caught:
        while True:
            session.receive_text()
    return caught.value.code


def test_it_greets_with_what_a_page_needs(client: TestClient) -> None:
    with client.websocket_connect("/v1/stream", subprotocols=["mien"]) as session:
        hello = json.loads(session.receive_text())["hello"]
        assert session.accepted_subprotocol == "mien"
    assert hello["emotions"] == list(EMOTIONS)
    assert (hello["model"], hello["detector"], hello["uncertain_below"]) == ("toy", "none", 0.5)
    assert {"max_frame_bytes", "accuracy"} <= set(hello)


def test_each_frame_is_answered_with_tracks_that_stay(
    client: TestClient, predictor: Predictor, black: bytes, white: bytes
) -> None:
    with client.websocket_connect("/v1/stream") as session:
        session.receive_text()
        answers = []
        for frame in (black, black, white):
            session.send_bytes(frame)
            answers.append(json.loads(session.receive_text()))
    assert [answer["sequence"] for answer in answers] == [0, 1, 2]
    assert [answer["dropped"] for answer in answers] == [0, 0, 0]
    assert answers[2]["prediction"] == predictor.predict(white).to_dict()
    assert all(answer["milliseconds"] > 0 for answer in answers)
    tracks = [answer["tracks"] for answer in answers]
    assert [[track["track"] for track in one] for one in tracks] == [[1], [1], [1]]
    last = tracks[2][0]
    assert set(last) == {"track", "emotion", "confidence", "uncertain", "probabilities"}
    assert sum(last["probabilities"].values()) == pytest.approx(1, abs=1e-4)
    # Steadied: a moment after black, the white frame alone says neutral, and the track does not yet.
    assert answers[2]["prediction"]["faces"][0]["emotion"] == "neutral"
    assert 0 < last["probabilities"]["angry"] < 1


def test_smoothing_can_be_turned_off(client: TestClient, black: bytes, white: bytes) -> None:
    with client.websocket_connect("/v1/stream") as session:
        session.receive_text()
        session.send_text('{"smoothing_s": 0}')
        for frame in (black, white):
            session.send_bytes(frame)
            answer = json.loads(session.receive_text())
    assert answer["tracks"][0]["probabilities"] == answer["prediction"]["faces"][0]["probabilities"]


@pytest.mark.parametrize(
    "text",
    ["", "hello", "[]", "{}", '{"smoothing_s": -1}', '{"smoothing_s": true}', '{"smoothing_s": NaN}', "[" * 5000],
)
def test_wrong_settings_are_told_and_the_stream_goes_on(client: TestClient, black: bytes, text: str) -> None:
    with client.websocket_connect("/v1/stream") as session:
        session.receive_text()
        session.send_text(text)
        assert json.loads(session.receive_text())["error"]["code"] == "bad_settings"
        session.send_bytes(black)
        assert json.loads(session.receive_text())["sequence"] == 0


def test_an_unreadable_frame_is_told_and_too_many_in_a_row_end_it(make_client: Make, black: bytes) -> None:
    client = make_client(max_bad_frames=3)
    with client.websocket_connect("/v1/stream") as session:
        session.receive_text()
        for sequence, frame in enumerate((b"garbage", b"", black, b"1", b"2", b"3")):
            session.send_bytes(frame)
            answer = json.loads(session.receive_text())
            assert answer["sequence"] == sequence
            assert ("error" in answer) == (frame is not black)
        assert _ended(session) == 1008


def test_only_the_newest_frame_waits(
    make_client: Make, slow_predictor: Predictor, slow_detector: Any, black: bytes
) -> None:
    client = make_client(slow_predictor)
    with client.websocket_connect("/v1/stream") as session:
        session.receive_text()
        session.send_bytes(black)
        assert slow_detector.begun.acquire(timeout=10)
        for _ in range(5):
            session.send_bytes(black)
        deadline = time.monotonic() + 60
        while _value(client, "mien_frames_dropped_total") < 4 and time.monotonic() < deadline:
            time.sleep(0.01)
        slow_detector.go.set()
        answers = [json.loads(session.receive_text()) for _ in range(2)]
    assert [answer["sequence"] for answer in answers] == [0, 5]
    assert answers[1]["dropped"] == 4


def _value(client: TestClient, name: str) -> float:
    lines = client.get("/metrics").text.splitlines()
    return next(float(line.split()[-1]) for line in lines if line.startswith(name + " "))


@pytest.mark.parametrize(
    ("origin", "code"),
    [("http://testserver", None), ("https://friend.example", None), ("https://evil.example", 1008), ("null", 1008)],
)
def test_only_own_and_named_pages_are_let_in(make_client: Make, origin: str, code: int | None) -> None:
    client = make_client(allowed_origins=("https://friend.example",))
    with client.websocket_connect("/v1/stream", headers={"Origin": origin}) as session:
        if code is None:
            assert "hello" in json.loads(session.receive_text())
        else:
            assert _ended(session) == code


@pytest.mark.parametrize(
    ("headers", "subprotocols", "code"),
    [
        ({"Authorization": f"Bearer {TOKEN}"}, [], None),
        ({}, ["mien", f"bearer.{TOKEN}"], None),
        ({}, ["mien", "bearer.wrong"], 1008),
        ({}, ["mien"], 1008),
        ({"Authorization": "Bearer wrong"}, [], 1008),
    ],
)
def test_the_token_comes_as_header_or_subprotocol(
    make_client: Make, headers: dict[str, str], subprotocols: list[str], code: int | None
) -> None:
    client = make_client(token=TOKEN)
    with client.websocket_connect("/v1/stream", subprotocols=subprotocols, headers=headers) as session:
        assert session.accepted_subprotocol == ("mien" if subprotocols else None)
        if code is None:
            assert "hello" in json.loads(session.receive_text())
        else:
            assert _ended(session) == code


def test_one_too_many_is_sent_away_until_there_is_room(make_client: Make) -> None:
    client = make_client(max_streams=1)
    with client.websocket_connect("/v1/stream") as first:
        first.receive_text()
        with client.websocket_connect("/v1/stream") as second:
            assert _ended(second) == 1013
    with client.websocket_connect("/v1/stream") as third:
        assert "hello" in json.loads(third.receive_text())


def test_a_stopping_server_says_so(client: TestClient, black: bytes) -> None:
    context = client.app.state.context  # type: ignore[attr-defined]
    with client.websocket_connect("/v1/stream") as session:
        session.receive_text()
        client.portal.call(context.lifecycle.drain)  # type: ignore[union-attr]
        assert _ended(session) == 1001
    with client.websocket_connect("/v1/stream") as late:
        assert _ended(late) == 1001
    response = client.get("/readyz")
    assert (response.status_code, response.json()["error"]["code"]) == (503, "stopping")
    assert client.get("/healthz").headers["connection"] == "close"
