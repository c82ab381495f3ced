"""WS /v1/stream: frames of a camera in, tracked and smoothed faces out.

One task takes frames as they come and keeps the newest one only; another analyses it and answers. So nothing piles
up, however slow the model or the reader of the answers is.

    client → server   binary: one encoded image. text: settings, {"smoothing_s": seconds}
    server → client   {"hello": …} once; then per analysed frame {"sequence", "dropped", "milliseconds", "prediction",
                      "tracks"}, or {"sequence", "error"}
    close codes       1000 silent for too long · 1001 the server stops · 1008 token, origin or too much garbage
                      1009 too large · 1011 a defect · 1013 too many
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import math
import time
from typing import Any, NamedTuple

import numpy as np
from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from starlette.websockets import WebSocketState

from mien.emotions import EMOTIONS
from mien.inference.results import Face, Prediction
from mien.inference.video.tracking import FaceTracks
from mien.server.context import Context
from mien.server.errors import ApiError
from mien.server.gateway.security import SUBPROTOCOL

__all__ = ["stream_routes"]

NORMAL, GOING_AWAY, POLICY, TOO_LARGE, DEFECT, BUSY = 1000, 1001, 1008, 1009, 1011, 1013
IDLE = "idle"
_log = logging.getLogger("mien.server")
_LONGEST_SMOOTHING_SECONDS = 60.0
_LONGEST_SETTINGS = 1000


class _Frame(NamedTuple):
    sequence: int
    content: bytes
    time_seconds: float


def stream_routes(context: Context) -> APIRouter:
    """The route; OpenAPI does not describe WebSockets, so docs/serving.md does."""
    router = APIRouter()
    live: set[_Session] = set()

    @router.websocket("/v1/stream")
    async def stream(websocket: WebSocket) -> None:
        offered = websocket.scope.get("subprotocols", [])
        # Accepted before it is refused: a browser learns the code of a closed stream, but not of a refused one.
        await websocket.accept(subprotocol=SUBPROTOCOL if SUBPROTOCOL in offered else None)
        refusal = _refusal(context, websocket, len(live))
        if refusal:
            await websocket.close(*refusal)
            return
        session = _Session(context, websocket)
        live.add(session)
        context.metrics.streams.inc()
        forget = context.lifecycle.on_drain(session.stop)
        try:
            await session.run()
        finally:
            forget()
            context.metrics.streams.dec()
            live.discard(session)

    return router


def _refusal(context: Context, websocket: WebSocket, live: int) -> tuple[int, str] | None:
    if context.lifecycle.is_draining:
        return GOING_AWAY, "The server is stopping."
    try:
        context.access.check_host(websocket)
        context.access.check_origin(websocket)
        context.access.check_token(websocket, subprotocols=websocket.scope.get("subprotocols", []))
    except ApiError as error:
        return POLICY, error.code
    if live >= context.settings.max_streams:
        return BUSY, f"Expected at most {context.settings.max_streams} streams at once."
    return None


class _Session:
    """One connection: its newest frame, its people, and how it ends."""

    def __init__(self, context: Context, websocket: WebSocket) -> None:
        self._context, self._websocket = context, websocket
        self._newest: _Frame | None = None
        self._came = asyncio.Event()
        self._received = self._dropped = self._bad_in_a_row = 0
        self._ending: tuple[int, str] | None = None
        self._face_tracks = FaceTracks(remember=False)

    def stop(self) -> None:
        """End once the frame at work is answered."""
        self._end(GOING_AWAY, "The server is stopping.")

    async def run(self) -> None:
        """Answer until one side has enough."""
        await self._send({"hello": _hello(self._context)})
        taking = asyncio.create_task(self._take())
        try:
            with contextlib.suppress(WebSocketDisconnect):  # the other side went in the middle of an answer
                await self._answer_all()
        except Exception:
            _log.exception("A defect in mien, while answering a stream")
            self._end(DEFECT, "The server has a defect; its log says more.")
        finally:
            taking.cancel()
            await asyncio.wait([taking])
        if self._ending and self._websocket.client_state is WebSocketState.CONNECTED:
            with contextlib.suppress(WebSocketDisconnect):
                await self._websocket.close(*self._ending)

    def _end(self, code: int, reason: str) -> None:
        self._ending = self._ending or (code, reason)
        self._came.set()

    # What comes in

    async def _take(self) -> None:
        """Keep the newest frame, until the connection ends."""
        try:
            while self._ending is None:
                async with asyncio.timeout(self._context.settings.idle_stream_seconds):
                    message = await self._websocket.receive()
                if message["type"] == "websocket.disconnect":
                    break
                if message.get("bytes") is not None:
                    self._take_frame(message["bytes"])
                else:
                    await self._take_settings(message.get("text") or "")
        except TimeoutError:
            self._end(NORMAL, IDLE)
        except WebSocketDisconnect:
            pass  # in the middle of a message about wrong settings
        finally:
            self._end(NORMAL, "")

    def _take_frame(self, content: bytes) -> None:
        if self._newest is not None:
            self._dropped += 1
            self._context.metrics.frames_dropped.inc()
        if len(content) > self._context.settings.max_frame_bytes:
            self._end(TOO_LARGE, f"Expected at most {self._context.settings.max_frame_bytes:,} bytes per message.")
        self._newest = _Frame(self._received, content, time.monotonic())
        self._received += 1
        self._came.set()

    async def _take_settings(self, text: str) -> None:
        try:
            self._face_tracks.smoothing_seconds = _smoothing_seconds(text)
        except ApiError as error:
            await self._bad({"error": error.to_dict()})

    # What goes out

    async def _answer_all(self) -> None:
        while True:
            await self._came.wait()
            self._came.clear()
            if self._ending:
                return
            frame, self._newest = self._newest, None
            if frame is not None:
                await self._answer(frame)

    async def _answer(self, frame: _Frame) -> None:
        started = time.perf_counter()
        try:
            with self._context.analyser.gate.admit(always=True), self._context.counted_image():
                prediction = await self._context.analyser.analyse(frame.content)
        except ApiError as error:
            await self._bad({"sequence": frame.sequence, "error": error.to_dict()}, is_busy=error.status == 503)
            return
        self._bad_in_a_row = 0
        await self._send(
            {
                "sequence": frame.sequence,
                "dropped": self._dropped,
                "milliseconds": round(1000 * (time.perf_counter() - started), 2),
                "prediction": prediction.to_dict(),
                "tracks": self._tracks(prediction, frame.time_seconds),
            }
        )

    async def _bad(self, answer: dict[str, Any], *, is_busy: bool = False) -> None:
        self._bad_in_a_row += not is_busy  # that the server is busy is not the frame's fault
        await self._send(answer)
        if self._bad_in_a_row >= self._context.settings.max_bad_frames:
            self._end(POLICY, f"{self._bad_in_a_row} messages in a row could not be read.")

    async def _send(self, value: dict[str, Any]) -> None:
        await self._websocket.send_text(json.dumps(value, separators=(",", ":")))

    def _tracks(self, prediction: Prediction, time_seconds: float) -> list[dict[str, Any]]:
        boxes = [face.box for face in prediction.faces]
        instant = np.array(
            [[face.probabilities[name] for name in EMOTIONS] for face in prediction.faces], np.float32
        ).reshape(-1, len(EMOTIONS))  # (N, 7)
        numbers, smoothed = self._face_tracks.update(boxes, instant, time_seconds)
        predictor = self._context.analyser.predictor
        return [
            _track(number, predictor.with_probabilities(face, p))
            for number, face, p in zip(numbers, prediction.faces, smoothed, strict=True)
        ]


def _track(number: int, smoothed: Face) -> dict[str, Any]:
    face = smoothed.to_dict()
    return {"track": number} | {name: face[name] for name in ("emotion", "confidence", "uncertain", "probabilities")}


def _hello(context: Context) -> dict[str, Any]:
    predictor = context.analyser.predictor
    return {
        "model": predictor.card.name,
        "detector": predictor.detector_name,
        "emotions": list(EMOTIONS),
        "uncertain_below": predictor.uncertain_below,
        "max_frame_bytes": context.settings.max_frame_bytes,
        "accuracy": predictor.card.metrics,
    }


def _smoothing_seconds(text: str) -> float:
    """The one setting out of its JSON.

    Raises:
        ApiError: It is no JSON, or not this.
    """
    try:
        value = json.loads(text[:_LONGEST_SETTINGS])["smoothing_s"]
        if type(value) in (int, float) and math.isfinite(value) and 0 <= value <= _LONGEST_SMOOTHING_SECONDS:
            return float(value)
    except (ValueError, TypeError, KeyError, RecursionError):
        pass
    raise ApiError(
        422,
        "bad_settings",
        f'Expected {{"smoothing_s": 0 to {_LONGEST_SMOOTHING_SECONDS:g}}}. Received: {text[:100]}.',
        "Images go in binary messages.",
    )
