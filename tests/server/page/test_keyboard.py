"""The whole way without a mouse."""

from __future__ import annotations

import re
from typing import Any

from .conftest import GridDetector, label_mask, wait_until


def _expect(page: Any, selector: str) -> Any:
    from playwright.sync_api import expect

    return expect(page.locator(selector))


def _focused(page: Any) -> str:
    return str(page.evaluate("document.activeElement.id || document.activeElement.tagName"))


def _tab_to(page: Any, wanted: str) -> list[str]:
    """Press Tab until an element is reached; what was passed on the way."""
    passed: list[str] = []
    while _focused(page) != wanted:
        page.keyboard.press("Tab")
        passed.append(_focused(page))
        assert len(passed) < 40, f"{wanted} is not reached: {passed}"
    return passed


def test_the_camera_is_started_paused_and_stopped_with_tab_and_enter(site: Any, open_page: Any) -> None:
    page = open_page(site)
    passed = _tab_to(page, "start-camera")
    assert passed == ["A", "SUMMARY", "settings", "help", "start-camera"]
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    page.keyboard.press("Enter")
    _expect(page, "#cards .card").to_have_count(1)
    assert _focused(page) == "pause"
    page.keyboard.press("Enter")
    _expect(page, "#pause").to_contain_text("Resume")
    assert _tab_to(page, "stop") == ["mirror", "snapshot", "stop"]
    page.keyboard.press("Enter")
    _expect(page, "#invitation").to_be_visible()
    assert _focused(page) == "start-camera"


def test_letters_do_what_the_list_of_keys_says(site: Any, open_page: Any) -> None:
    page = open_page(site)
    page.keyboard.press("?")
    _expect(page, "#help-dialog").to_be_visible()
    listed = page.locator("#keys kbd").all_text_contents()
    assert listed == ["C", "O", "P", "M", "S", "D", "J", "?", "Esc"]
    page.keyboard.press("Escape")
    _expect(page, "#help-dialog").to_be_hidden()

    page.keyboard.press("c")
    _expect(page, "#cards .card").to_have_count(1)
    page.keyboard.press("m")
    _expect(page, "#mirror").to_have_attribute("aria-pressed", "false")
    for key, ending in (("s", "png"), ("d", "csv"), ("j", "json")):
        with page.expect_download() as saved:
            page.keyboard.press(key)
        assert saved.value.suggested_filename.endswith(ending)
    page.keyboard.press("p")
    _expect(page, "#pause").to_contain_text("Resume")
    page.keyboard.press("Escape")
    _expect(page, "#invitation").to_be_visible()
    choosers: list[Any] = []
    page.on("filechooser", lambda chooser: choosers.append(chooser))  # noqa: PLW0108, Playwright wants a function
    while not choosers:  # a browser opens none for a key that a busy machine brings it seconds late
        page.keyboard.press("o")
        page.wait_for_timeout(500)


def test_letters_can_be_turned_off(site: Any, open_page: Any) -> None:
    page = open_page(site)
    page.keyboard.press("?")
    page.uncheck("#letters")
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    page.keyboard.press("c")
    assert page.locator("#help-dialog").is_hidden()
    assert page.locator("#invitation").is_visible()


def test_escape_closes_a_message_first(site: Any, open_page: Any, media: Any) -> None:
    page = open_page(site)
    page.set_input_files("#file", media / "face.jpg")
    _expect(page, "#cards .card").to_have_count(1)
    page.set_input_files("#file", media / "broken.jpg")
    _expect(page, ".notice").to_have_count(1)
    page.keyboard.press("Escape")
    _expect(page, ".notice").to_have_count(0)
    _expect(page, "#stage").to_have_attribute("data-source", "photo")
    page.keyboard.press("Escape")
    _expect(page, "#stage").to_have_attribute("data-source", "none")


def test_cards_open_with_the_keyboard_and_mark_their_face(serve: Any, open_page: Any, media: Any) -> None:
    page = open_page(serve(detector=GridDetector(30), key="thirty"))
    page.set_input_files("#file", media / "face.jpg")
    _expect(page, "#cards .card").to_have_count(30)
    before = label_mask(page)
    page.focus(".card:nth-child(1) summary")
    wait_until(page, lambda: (label_mask(page) != before).sum() > 20, "the marked face")
    page.keyboard.press("Enter")
    assert page.locator(".card:nth-child(1) .bar:visible").count() == 7


def test_the_skip_link_leads_to_the_picture(site: Any, open_page: Any) -> None:
    page = open_page(site)
    page.keyboard.press("Tab")
    assert re.search("Skip", page.evaluate("document.activeElement.textContent"))
    page.keyboard.press("Enter")
    assert _focused(page) == "main"
