"""The live camera: answers come and go on coming, it can be paused and stopped, and says what is wrong."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import pytest

from .conftest import label_mask, pixels, wait_until

# Of the one card, at one moment.
CARD = """(card) => ({
    emotion: card.querySelector(".card-emotion").textContent,
    top: card.querySelector(".bar[data-top] .bar-name").textContent,
    values: [...card.querySelectorAll(".bar-value")].map((value) => parseInt(value.textContent)),
})"""

LIVE = re.compile(r"^(?!0\.0)\d+\.\d$")
SOME_ROWS = re.compile(r"^[1-9][\d,]* rows?$")


def _expect(page: Any, selector: str) -> Any:
    from playwright.sync_api import expect

    return expect(page.locator(selector))


def _rows(page: Any) -> int:
    return int(page.inner_text("#rows").split()[0].replace(",", ""))


def _wait_for_more_rows(page: Any, than: int) -> None:
    _expect(page, "#rows").to_have_text(re.compile(rf"^(?!{than:,} )[1-9][\d,]* rows?$"))


def _start(page: Any) -> None:
    page.click("#start-camera")
    _expect(page, "#cards .card").to_have_count(1)


def test_a_face_gets_a_box_bars_and_a_timeline(site: Any, open_page: Any) -> None:
    page = open_page(site)
    _start(page)
    _expect(page, "#rate-value").to_have_text(LIVE)
    _expect(page, "#latency-value").to_have_text(re.compile(r"^\d+$"))
    _expect(page, "#state").to_have_attribute("data-state", "open")
    _wait_for_more_rows(page, _rows(page))
    # A box goes while no answer comes for two seconds, and comes again.
    wait_until(page, lambda: label_mask(page).sum() > 300, "a box with its label")
    wait_until(page, lambda: np.count_nonzero(pixels(page, "#chart")[:, :, 3]) > 300, "the timeline")
    card = page.locator(".card").evaluate(CARD)
    assert card["emotion"] == card["top"]
    assert len(card["values"]) == 7
    assert 95 <= sum(card["values"]) <= 105
    _expect(page, "#announcer").to_have_text(re.compile("face"))
    _expect(page, "#chart").to_have_attribute("aria-label", re.compile("face"))


def test_pausing_sends_nothing_and_resuming_goes_on(site: Any, open_page: Any) -> None:
    page = open_page(site)
    sent: list[int] = []
    page.on("websocket", lambda opened: opened.on("framesent", lambda data: sent.append(len(data))))
    _start(page)
    page.click("#pause")
    _expect(page, "#pause").to_contain_text("Resume")
    _expect(page, "#veil").to_have_text("Paused")
    before = len(sent)
    page.wait_for_timeout(2000)
    assert before > 0
    # The frame that stands still may be sent yet, and one that was being encoded.
    assert len(sent) <= before + 2
    rows = _rows(page)
    page.click("#pause")
    _wait_for_more_rows(page, rows)


def test_stopping_lets_the_camera_go(site: Any, open_page: Any) -> None:
    page = open_page(site)
    _start(page)
    page.evaluate("window.track = document.getElementById('video').srcObject.getTracks()[0]")
    page.click("#stop")
    assert page.evaluate("window.track.readyState") == "ended"
    _expect(page, "#invitation").to_be_visible()
    _expect(page, "#state").to_have_attribute("data-state", "ready")


def test_a_lost_connection_is_seen_and_comes_back(serve: Any, open_page: Any) -> None:
    site = serve(key="to be stopped")
    lost = ("WebSocket", "ERR_CONNECTION_REFUSED")
    page = open_page(site, expected=lost)
    _start(page)
    site.stop()
    _expect(page, "#state").to_have_attribute("data-state", "lost")
    _expect(page, "#veil").to_contain_text("Connection lost")
    rows = _rows(page)
    site.start()
    _expect(page, "#state").to_have_attribute("data-state", "open")
    _wait_for_more_rows(page, rows)


def test_a_server_that_is_away_is_named_and_found_again(serve: Any, open_page: Any) -> None:
    site = serve()
    page = open_page(
        site, script="window.realFetch = fetch; window.fetch = () => Promise.reject(new TypeError());", ready=False
    )
    _expect(page, ".notice-title").to_have_text("The server does not answer")
    assert "mien serve" in page.inner_text(".notice-body")
    page.evaluate("() => { window.fetch = window.realFetch; }")
    _expect(page, "#state").to_have_attribute("data-state", "ready")
    _expect(page, ".notice").to_have_count(0)


def test_a_busy_server_is_named_and_asked_again(serve: Any, open_page: Any) -> None:
    page = open_page(serve(max_streams=0))
    page.click("#start-camera")
    _expect(page, "#veil").to_have_text("The server is busy. Trying again …")
    _expect(page, "#state-text").to_have_text("The server is busy, trying again")


def test_a_refused_permission_is_explained(site: Any, open_page: Any) -> None:
    page = open_page(site, camera=False)
    page.click("#start-camera")
    _expect(page, ".notice-title").to_have_text("The camera was not allowed")
    assert "address bar" in page.inner_text(".notice-body")
    assert page.locator("#invitation").is_visible()


def test_a_camera_that_does_not_come_is_explained(site: Any, open_page: Any) -> None:
    refuse = "navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('no', window.reason));"
    page = open_page(site, script=refuse)
    # Each of another title than the one before it.
    for error, title in (
        ("NotFoundError", "No camera was found"),
        ("NotReadableError", "The camera did not start"),
        ("OverconstrainedError", "This camera is not there any more"),
        ("SomethingElse", "The camera did not start"),
    ):
        page.evaluate("(reason) => { window.reason = reason; }", error)
        page.click("#start-camera")
        _expect(page, ".notice[role=alert] .notice-title").to_have_text(title)
        assert len(page.inner_text(".notice-body")) > 20


def test_an_insecure_address_is_explained_and_photos_work_there(serve: Any, open_page: Any, media: Any) -> None:
    site = serve(allowed_hosts=("mien.test",))
    page = open_page(site, host="mien.test", expected=("Cross-Origin-Opener-Policy",))
    page.click("#start-camera")
    _expect(page, ".notice-title").to_have_text("The browser gives no camera to this address")
    assert f"http://localhost:{site.port}" in page.inner_text(".notice-body")
    page.set_input_files("#file", media / "face.jpg")
    _expect(page, "#cards .card").to_have_count(1)


def test_a_camera_that_is_taken_away_is_explained(site: Any, open_page: Any) -> None:
    page = open_page(site)
    _start(page)
    page.evaluate("document.getElementById('video').srcObject.getTracks()[0].dispatchEvent(new Event('ended'))")
    _expect(page, ".notice-title").to_have_text("The camera was taken away")
    assert page.locator("#invitation").is_visible()


def test_a_token_is_asked_for_once_and_used_everywhere(serve: Any, open_page: Any, media: Any) -> None:
    token = "correct-horse-battery"
    page = open_page(serve(token=token))
    page.click("#start-camera")
    page.fill("#token", token)
    page.press("#token", "Enter")
    _expect(page, "#cards .card").to_have_count(1)
    page.set_input_files("#file", media / "face.jpg")
    _expect(page, "#rows").to_have_text(SOME_ROWS)
    _expect(page, "#stage").to_have_attribute("data-source", "photo")
    _expect(page, "#cards .card").to_have_count(1)
    assert not page.locator("#token-dialog").is_visible()


def test_a_wrong_token_is_asked_for_again(serve: Any, open_page: Any) -> None:
    token = "correct-horse-battery"
    page = open_page(serve(token=token), expected=("401", "WebSocket"))
    page.click("#start-camera")
    page.fill("#token", "wrong-horse-battery")
    page.press("#token", "Enter")
    _expect(page, "#token-problem").to_contain_text("does not accept")
    page.fill("#token", token)
    page.press("#token", "Enter")
    _expect(page, "#cards .card").to_have_count(1)


def test_the_session_can_be_saved(site: Any, open_page: Any) -> None:
    page = open_page(site)
    _start(page)
    _wait_for_more_rows(page, _rows(page))
    with page.expect_download() as saved:
        page.click("#save-json")
    told = json.loads(saved.value.path().read_text(encoding="utf-8"))
    assert saved.value.suggested_filename.endswith(".json")
    assert told["model"] == "base"
    assert len(told["rows"]) > 1
    row = told["rows"][-1]
    assert row["source"] == "camera"
    assert sum(row["probabilities"].values()) == pytest.approx(1, abs=0.01)
    assert row["seconds"] >= told["rows"][0]["seconds"] == 0
    page.click("#stop")
    page.click("#clear")
    _expect(page, "#rows").to_have_text("0 rows")
    assert page.is_disabled("#save-csv")
