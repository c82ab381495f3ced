"""Readable in both themes, on small and large windows, with many faces, and calm for those who asked for it."""

from __future__ import annotations

import itertools
import re
from pathlib import Path
from typing import Any

import pytest

from .conftest import GridDetector, wait_until

# What is written on what; and graphics that carry meaning, which need 3 only but get more.
TEXT = [
    *itertools.product(("--ink", "--soft", "--link", "--bad"), ("--ground", "--surface")),
    ("--ink", "--sunk"),
    ("--soft", "--sunk"),
    ("--ground", "--ink"),
    ("--notice-ink", "--notice"),
    *(("--on-emotion", f"--emotion-{index}") for index in range(7)),
]
GRAPHICS = [
    *itertools.product((f"--emotion-{index}" for index in range(7)), ("--ground", "--surface", "--sunk")),
    ("--edge", "--ground"),
    ("--good", "--ground"),
    ("--wait", "--ground"),
]


def _luminance(colour: str) -> float:
    parts = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one: str, other: str) -> float:
    """WCAG 2.2, contrast ratio."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_contrast_is_computed_as_in_the_standard() -> None:
    assert _contrast("#000000", "#ffffff") == pytest.approx(21)
    assert _contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_colours_have_contrast(site: Any, open_page: Any, theme: str) -> None:
    page = open_page(site, color_scheme=theme)
    names = sorted({name for pair in TEXT + GRAPHICS for name in pair})
    read = "(names) => names.map((name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim())"
    colours = dict(zip(names, page.evaluate(read, names), strict=True))
    assert all(re.fullmatch("#[0-9a-f]{6}", colour) for colour in colours.values()), colours
    weak = [(*pair, 4.5) for pair in TEXT if _contrast(*(colours[name] for name in pair)) < 4.5]
    weak += [(*pair, 3.0) for pair in GRAPHICS if _contrast(*(colours[name] for name in pair)) < 3]
    assert weak == []


def test_colours_of_the_page_are_the_librarys(site: Any, open_page: Any) -> None:
    from mien.emotions import COLOURS_ON_DARK, COLOURS_ON_LIGHT

    read = """(name) => [0, 1, 2, 3, 4, 5, 6].map((index) =>
        getComputedStyle(document.documentElement).getPropertyValue(`--${name}-${index}`).trim())"""
    for theme, colours in (("light", COLOURS_ON_LIGHT), ("dark", COLOURS_ON_DARK)):
        page = open_page(site, color_scheme=theme)
        assert page.evaluate(read, "emotion") == list(colours)
        assert page.evaluate(read, "plate") == list(COLOURS_ON_DARK)


def test_no_colour_of_an_expression_is_written_in_the_page() -> None:
    from importlib.resources import files

    from mien.emotions import COLOURS_ON_DARK, COLOURS_ON_LIGHT

    texts = [
        file.read_text("utf-8")
        for name in ("scripts", "styles")
        for file in (files("mien.server") / "static" / name).iterdir()
    ]
    assert [colour for colour in COLOURS_ON_LIGHT + COLOURS_ON_DARK if any(colour in text for text in texts)] == []
    assert [text[:60] for text in texts if re.search(r"--(emotion|plate)-\d: ", text)] == []


def test_nothing_is_wider_than_the_window(serve: Any, open_page: Any, media: Path) -> None:
    page = open_page(serve(detector=GridDetector(30), key="thirty"))
    beyond = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    clipped = """() => [...document.querySelectorAll("button, summary, h2, .note")]
        .filter((element) => element.offsetParent && element.scrollWidth > element.clientWidth + 1)
        .map((element) => element.outerHTML)"""

    def too_wide() -> dict[int, Any]:
        found = {}
        for width_px in (320, 360, 768, 1024, 1920):
            page.set_viewport_size({"width": width_px, "height": 800})
            found[width_px] = (page.evaluate(beyond), page.evaluate(clipped))
        return {width_px: one for width_px, one in found.items() if one[0] > 0 or one[1]}

    assert too_wide() == {}
    page.set_input_files("#file", media / "face.jpg")
    page.wait_for_selector(".card >> nth=11")
    assert too_wide() == {}


def test_fingers_find_the_buttons(site: Any, open_page: Any, media: Path) -> None:
    page = open_page(site, viewport={"width": 360, "height": 780}, has_touch=True)
    page.set_input_files("#file", media / "face.jpg")
    page.wait_for_selector(".card")
    sizes = """() => [...document.querySelectorAll("button, select, summary")].filter((one) => one.offsetParent)
        .map((one) => [one.outerHTML.slice(0, 60), one.offsetWidth, one.offsetHeight])"""
    assert [size for size in page.evaluate(sizes) if min(size[1:]) < 44] == []


def test_nothing_moves_for_those_who_asked_for_it(site: Any, open_page: Any, media: Path) -> None:
    read = "getComputedStyle(document.querySelector('.bar-fill')).transitionDuration"
    calm = open_page(site, reduced_motion="reduce")
    assert float(calm.evaluate(read).removesuffix("s")) == 0
    usual = open_page(site)
    assert float(usual.evaluate(read).removesuffix("s")) > 0


def test_the_canvas_is_as_sharp_as_the_screen(site: Any, open_page: Any, media: Path) -> None:
    page = open_page(site, device_scale_factor=2)
    page.set_input_files("#file", media / "face.jpg")
    page.wait_for_selector(".card")
    sizes = "[document.getElementById('overlay').width, document.getElementById('overlay').clientWidth]"

    def is_sharp() -> bool:
        width, shown = page.evaluate(sizes)
        return bool(width == 2 * shown > 0)

    wait_until(page, is_sharp, "two pixels of the canvas for each of the page")  # the frame may still find its size
