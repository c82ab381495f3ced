"""The page as it comes: complete, from one origin, named for everybody, and in the package."""

from __future__ import annotations

import re
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import pytest

from mien.emotions import EMOTIONS

ROOT = Path(__file__).resolve().parents[3]
STATIC = files("mien.server") / "static"
SCRIPTS = STATIC / "scripts"

# The name that assistive technology reads, much simplified: enough for a page that uses no tricks.
NAMES = """() => {
    const text = (element) => (element?.textContent ?? "").trim();
    const byIds = (ids) => ids.split(" ").map((id) => text(document.getElementById(id))).join(" ").trim();
    return [...document.querySelectorAll("button, input, select, a[href], summary, canvas, dialog, section, [role]")]
        .filter((element) => !element.closest("[aria-hidden=true]"))
        .map((element) => ({
            what: element.outerHTML.slice(0, 80),
            name: element.ariaLabel?.trim() || byIds(element.getAttribute("aria-labelledby") ?? "")
                || [...(element.labels ?? [])].map(text).join(" ") || text(element),
            needsName: !["status", "alert"].includes(element.role),
        }));
}"""


def _read(file: Traversable) -> str:
    return file.read_text(encoding="utf-8")


def _imports(module: str) -> set[str]:
    return set(re.findall(r'from "\./([\w-]+\.js)"|import "\./([\w-]+\.js)"', _read(SCRIPTS / module)))


def test_the_page_says_what_answers_in_an_outline_of_names(site: Any, open_page: Any) -> None:
    page = open_page(site)
    assert page.title() == "mien"
    assert re.search(r"right about \d times in 10", page.inner_text("#model-note"))
    page.click("#model summary")
    assert re.search(r"“base” .* \d\d\.\d %", page.inner_text("#model-facts"))
    assert page.locator("#legend li").all_text_contents() == list(EMOTIONS)
    for sentence in ("nowhere else", "None is stored", "An expression is not a feeling"):
        assert sentence in page.inner_text("body")
    _assert_all_that_can_be_used_has_a_name(page)
    _assert_headings_and_landmarks(page)


def _assert_all_that_can_be_used_has_a_name(page: Any) -> None:
    found = page.evaluate(NAMES)
    assert len(found) > 25
    assert [one["what"] for one in found if one["needsName"] and not one["name"]] == []


def _assert_headings_and_landmarks(page: Any) -> None:
    assert page.locator("h1").count() == 1
    assert page.evaluate("[...document.querySelectorAll('h1, h2, h3')][0].tagName") == "H1"
    for landmark in ("header", "main", "footer"):
        assert page.locator(f"body > {landmark}").count() == 1
    assert page.get_attribute("html", "lang") == "en"
    assert page.get_attribute("#announcer", "aria-live") == "polite"


def test_the_camera_does_not_start_by_itself(site: Any, open_page: Any) -> None:
    page = open_page(site, script="navigator.mediaDevices.getUserMedia = () => { document.title = 'asked'; };")
    assert page.title() == "mien"
    assert page.evaluate("document.getElementById('video').srcObject") is None


def test_what_comes_from_elsewhere_is_refused(site: Any, open_page: Any) -> None:
    page = open_page(site, expected=("Content Security Policy", "Content-Security-Policy"))
    said = page.evaluate("fetch('/healthz').then((r) => r.status)")
    assert said == 200
    tried = """() => new Promise((resolve) => {
        document.addEventListener("securitypolicyviolation", (event) => resolve(event.effectiveDirective));
        const script = document.createElement("script");
        script.textContent = "window.injected = true";
        document.body.append(script);
    })"""
    assert page.evaluate(tried).startswith("script-src")
    assert page.evaluate("window.injected") is None


def test_the_package_holds_every_file_that_the_page_names() -> None:
    named = re.findall(r'(?:src|href)="static/([^"]+)"', _read(STATIC / "index.html"))
    assert len(named) > 8
    assert [name for name in named if not STATIC.joinpath(*name.split("/")).is_file()] == []


def test_every_script_is_reached_from_the_page() -> None:
    reached, waiting = set(), {"main.js"}
    while waiting:
        module = waiting.pop()
        reached.add(module)
        waiting |= {name for pair in _imports(module) for name in pair if name} - reached
    assert reached == {file.name for file in SCRIPTS.iterdir()}


@pytest.mark.parametrize(
    "forbidden", [r"<script(?![^>]*\bsrc=)", r"<style", r"\sstyle=", r"\son\w+=", r"https?://(?!www\.w3)"]
)
def test_nothing_is_written_into_the_page_that_the_policy_forbids(forbidden: str) -> None:
    assert re.findall(forbidden, _read(STATIC / "index.html")) == []


def test_the_documentation_lists_the_keys_of_the_page() -> None:
    page = (ROOT / "docs" / "web-app.md").read_text(encoding="utf-8")
    told = re.findall(r"^\| (\S+) \| ", page.partition("## Keys")[2].partition("## Privacy")[0], re.MULTILINE)
    assert told[1:] == re.findall(r'\{ key: "[^"]+", label: "([^"]+)"', _read(SCRIPTS / "main.js"))


def test_every_module_and_stylesheet_says_what_it_owns() -> None:
    texts = [file for folder in ("scripts", "styles") for file in (STATIC / folder).iterdir()]
    assert [file.name for file in texts if not _read(file).startswith("/*")] == []
