"""Whatever is chosen last is shown: it takes the place of what was being opened, asked for or analysed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .conftest import wait_until

# A camera whose permission is still asked for; `window.allow()` grants it.
PROMPT = """(() => {
    const real = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
    window.given = [];
    navigator.mediaDevices.getUserMedia = (wanted) => new Promise((resolve) => {
        window.allow = () => real(wanted).then((stream) => { window.given.push(stream); resolve(stream); });
    });
})()"""


def _expect(page: Any, selector: str) -> Any:
    from playwright.sync_api import expect

    return expect(page.locator(selector))


def test_a_photo_takes_the_place_of_a_camera_that_is_still_asked_for(site: Any, open_page: Any, media: Path) -> None:
    page = open_page(site, script=PROMPT)
    page.click("#start-camera")
    _expect(page, "#start-camera").to_contain_text("Waiting")
    page.set_input_files("#file", media / "face.jpg")
    _expect(page, "#cards .card").to_have_count(1)
    page.evaluate("window.allow()")
    wait_until(page, lambda: page.evaluate("window.given.length"), "the permission")
    _expect(page, "#stage").to_have_attribute("data-source", "photo")
    ended = "window.given.every((stream) => stream.getTracks().every((track) => track.readyState === 'ended'))"
    wait_until(page, lambda: page.evaluate(ended), "the camera is let go")
    _expect(page, "#cards .card").to_have_count(1)
    _expect(page, ".notice").to_have_count(0)


def test_waiting_for_the_camera_can_be_given_up(site: Any, open_page: Any) -> None:
    page = open_page(site, script=PROMPT)
    for give_up in (lambda: page.click("#start-camera"), lambda: page.keyboard.press("Escape")):
        page.click("#start-camera")
        _expect(page, "#start-camera").to_contain_text("Cancel")
        give_up()
        _expect(page, "#start-camera").to_have_text("Start camera")
        page.evaluate("window.allow()")
        page.wait_for_timeout(300)
        _expect(page, "#stage").to_have_attribute("data-source", "none")
    assert page.evaluate("window.given.length") == 2


def test_of_two_photos_the_last_is_shown_whatever_takes_longer(site: Any, open_page: Any, media: Path) -> None:
    slow = """(() => {
        const real = HTMLImageElement.prototype.decode;
        window.held = [];
        HTMLImageElement.prototype.decode = async function () {
            if (!window.held.length) await new Promise((resolve) => window.held.push(resolve));
            return real.call(this);
        };
    })()"""
    page = open_page(site, script=slow)
    page.set_input_files("#file", media / "blank.png")
    wait_until(page, lambda: page.evaluate("window.held.length"), "the first one is being opened")
    _expect(page, "#opening").to_be_visible()
    page.set_input_files("#file", media / "face.jpg")
    _expect(page, "#cards .card").to_have_count(1)
    page.evaluate("window.held[0]()")
    page.wait_for_timeout(500)
    assert page.title().startswith("face.jpg")
    _expect(page, "#cards .card").to_have_count(1)
    _expect(page, "#opening").to_be_hidden()


def test_a_way_leads_from_a_photo_to_the_camera_and_back(site: Any, open_page: Any, media: Path) -> None:
    page = open_page(site)
    page.set_input_files("#file", media / "face.jpg")
    _expect(page, "#cards .card").to_have_count(1)
    page.click("#camera")
    _expect(page, "#stage").to_have_attribute("data-source", "camera")
    _expect(page, "#camera").to_be_hidden()
    with page.expect_file_chooser() as chooser:
        page.click("#open-other")
    chooser.value.set_files(media / "face.jpg")
    _expect(page, "#stage").to_have_attribute("data-source", "photo")
    _expect(page, "#camera").to_be_visible()


def test_a_photo_takes_the_place_of_the_question_for_a_token(serve: Any, open_page: Any, media: Path) -> None:
    token = "correct-horse-battery"
    page = open_page(serve(token=token))
    page.click("#start-camera")
    _expect(page, "#token-dialog").to_be_visible()
    page.set_input_files("#file", media / "face.jpg")  # as something dropped
    page.fill("#token", token)
    page.press("#token", "Enter")
    _expect(page, "#cards .card").to_have_count(1)
    _expect(page, "#stage").to_have_attribute("data-source", "photo")


def test_a_token_is_corrected_in_place(serve: Any, open_page: Any) -> None:
    token = "correct-horse-battery"
    page = open_page(serve(token=token), expected=("401",))
    page.click("#start-camera")
    page.fill("#token", token + "x")
    page.press("#token", "Enter")
    _expect(page, "#token-problem").to_contain_text("does not accept")
    assert page.input_value("#token") == token + "x"
    page.check("#token-shown")
    assert page.get_attribute("#token", "type") == "text"
    page.focus("#token")
    page.keyboard.press("End")
    page.keyboard.press("Backspace")
    page.keyboard.press("Enter")
    _expect(page, "#cards .card").to_have_count(1)


def test_a_token_that_was_not_given_is_asked_for_again(serve: Any, open_page: Any) -> None:
    page = open_page(serve(token="correct-horse-battery"))
    for _ in range(2):
        page.click("#start-camera")
        _expect(page, "#token-dialog").to_be_visible()
        page.keyboard.press("Escape")
        _expect(page, "#token-dialog").to_be_hidden()
    assert page.locator("#invitation").is_visible()
