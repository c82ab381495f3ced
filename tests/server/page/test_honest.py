"""Beside somebody's picture stands the server's answer on it, or nothing: never a sample, never an older answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .conftest import label_mask, wait_until

# Every percentage, bar and name of an expression that a person could take for an answer; the legend is none.
SAID = """() => [...document.querySelectorAll("#faces .bar-value, #faces .card-emotion, #faces .card-confidence")]
    .filter((one) => one.checkVisibility()).map((one) => one.textContent)"""
HOLD = """window.realFetch = fetch;
window.fetch = (address, options) => {
    if (!String(address).includes("predict")) return realFetch(address, options);
    return new Promise((resolve, reject) => { window.answer = resolve; window.fail = reject; });
};"""
BUSY = """() => { window.fetch = () => Promise.resolve(new Response(
    JSON.stringify({ error: { code: "too_busy", message: "Too many.", hint: "Later." } }),
    { status: 429, headers: { "Retry-After": "1" } })); }"""


def _expect(page: Any, selector: str) -> Any:
    from playwright.sync_api import expect

    return expect(page.locator(selector))


def test_the_sample_says_so_and_stands_beside_a_drawn_face_only(site: Any, open_page: Any, media: Path) -> None:
    page = open_page(site)
    _expect(page, "#example figcaption").to_have_text("Example")
    _expect(page, "#example .drawn-face").to_be_visible()
    assert len(page.evaluate(SAID)) == 7
    page.set_input_files("#file", media / "face.jpg")
    _expect(page, "#cards .card").to_have_count(1)
    _expect(page, "#example").to_be_hidden()
    page.click("#stop")
    _expect(page, "#example").to_be_visible()


def test_nothing_is_said_while_looking_nor_after_an_error(site: Any, open_page: Any, media: Path) -> None:
    page = open_page(site, script=HOLD)
    page.set_input_files("#file", media / "face.jpg")
    _expect(page, "#veil").to_have_text("Looking …")
    _expect(page, "#skeleton").to_be_visible()
    assert page.evaluate(SAID) == []
    page.evaluate("window.fail(new TypeError())")
    _expect(page, ".notice").to_have_count(1)
    _expect(page, "#skeleton").to_be_hidden()
    _expect(page, "#no-answer").to_be_visible()
    assert page.evaluate(SAID) == []


def test_nothing_is_said_while_the_server_is_busy(site: Any, open_page: Any, media: Path) -> None:
    page = open_page(site)
    page.set_input_files("#file", media / "face.jpg")
    _expect(page, "#cards .card").to_have_count(1)
    page.evaluate(BUSY)
    page.set_input_files("#file", media / "face.png")
    _expect(page, "#cards .card").to_have_count(0)
    assert page.evaluate(SAID) == []
    _expect(page, ".notice-title").to_have_text("Too many.")
    assert page.evaluate(SAID) == []


def test_nothing_is_said_while_no_stream_is_free(serve: Any, open_page: Any) -> None:
    page = open_page(serve(max_streams=0))
    page.click("#start-camera")
    _expect(page, "#veil").to_have_text("The server is busy. Trying again …")
    assert page.evaluate(SAID) == []


def test_the_last_answer_goes_with_the_server(serve: Any, open_page: Any) -> None:
    site = serve(key="to die under the camera")
    page = open_page(site, expected=("WebSocket", "ERR_CONNECTION_REFUSED"))
    page.click("#start-camera")
    _expect(page, "#cards .card").to_have_count(1)
    wait_until(page, lambda: label_mask(page).sum() > 200, "a box with its label")
    site.stop()
    _expect(page, "#state").to_have_attribute("data-state", "lost")
    _expect(page, "#cards .card").to_have_count(0)
    page.wait_for_timeout(500)  # longer than what may still be on its way to the cards
    assert page.evaluate(SAID) == []
    assert label_mask(page).sum() == 0
    site.start()
    _expect(page, "#cards .card").to_have_count(1)
