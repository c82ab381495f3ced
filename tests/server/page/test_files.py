"""Photos and video files: however they come in, they are answered; what cannot be shown is said."""

from __future__ import annotations

import base64
import csv
import re
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from mien.emotions import EMOTIONS

from .conftest import HEIGHT_PX, WIDTH_PX, GridDetector, label_mask, pixels, wait_until

DROP = """async ([name, type, base64]) => {
    const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
    const data = new DataTransfer();
    data.items.add(new File([bytes], name, { type }));
    for (const kind of ["dragenter", "dragover", "drop"])
        document.body.dispatchEvent(new DragEvent(kind, { dataTransfer: data, bubbles: true, cancelable: true }));
}"""
COPY = """async (base64) => {
    const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
    await navigator.clipboard.write([new ClipboardItem({ "image/png": new Blob([bytes], { type: "image/png" }) })]);
}"""


def _expect(page: Any, selector: str) -> Any:
    from playwright.sync_api import expect

    return expect(page.locator(selector))


def _base64(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()


def _table(page: Any) -> list[dict[str, str]]:
    with page.expect_download() as saved:
        page.click("#save-csv")
    return list(csv.DictReader(saved.value.path().read_text(encoding="utf-8").splitlines()))


def _wait_until_last_is(page: Any, seconds: float) -> list[float]:
    """Places in the video that were answered, in the order of the answers, once the newest is near one."""
    places: list[float] = []

    def is_answered() -> bool:
        places[:] = [float(row["media_seconds"]) for row in _table(page)]
        return places[-1] == pytest.approx(seconds, abs=0.1)

    wait_until(page, is_answered, f"an answer to the frame at {seconds:g} s")
    return places


def _is_answered(page: Any) -> None:
    _expect(page, "#stage").to_have_attribute("data-source", "photo")
    _expect(page, "#cards .card").to_have_count(1)
    wait_until(page, lambda: label_mask(page).sum() > 200, "a box with its label")
    assert page.locator("#timeline").is_hidden()
    _expect(page, "#announcer").to_contain_text("1 face. face 1:")


def test_a_chosen_photo_is_answered(site: Any, open_page: Any, media: Path) -> None:
    page = open_page(site)
    with page.expect_file_chooser() as chooser:
        page.click("#open-file")
    chooser.value.set_files(media / "face.jpg")
    _is_answered(page)


def test_a_dropped_photo_is_answered(site: Any, open_page: Any, media: Path) -> None:
    page = open_page(site)
    page.evaluate(DROP, ["face.jpg", "image/jpeg", _base64(media / "face.jpg")])
    _is_answered(page)
    _expect(page, "#drop").not_to_have_attribute("data-over", "")


def test_a_pasted_photo_is_answered(site: Any, open_page: Any, media: Path) -> None:
    page = open_page(site)
    page.evaluate(COPY, _base64(media / "face.png"))
    page.keyboard.press("Control+V")
    _is_answered(page)


def test_what_the_server_does_not_read_is_sent_as_a_jpeg(site: Any, open_page: Any, media: Path) -> None:
    page = open_page(site)
    inside = f'<image width="640" height="480" href="data:image/png;base64,{_base64(media / "face.png")}"/>'
    picture = f'<svg xmlns="http://www.w3.org/2000/svg" width="640" height="480">{inside}</svg>'
    page.set_input_files("#file", {"name": "drawn.svg", "mimeType": "image/svg+xml", "buffer": picture.encode()})
    _is_answered(page)


def test_a_photo_larger_than_the_limit_is_made_smaller(serve: Any, open_page: Any, tmp_path: Path, media: Path) -> None:
    large = cv2.resize(cv2.imread(str(media / "face.png")), None, fx=4, fy=4)
    noise = np.random.default_rng(0).integers(0, 12, large.shape, dtype=np.uint8)
    cv2.imwrite(str(tmp_path / "large.png"), np.clip(large, 0, 240) + noise)
    assert (tmp_path / "large.png").stat().st_size > 2**20
    page = open_page(serve(max_body_megabytes=1.0, max_held_megabytes=4.0))
    page.set_input_files("#file", tmp_path / "large.png")
    _is_answered(page)


def test_mirroring_moves_boxes_with_the_picture_and_never_the_writing(serve: Any, open_page: Any, media: Path) -> None:
    page = open_page(serve(detector=GridDetector(3), key="three"))
    page.set_input_files("#file", media / "face.jpg")
    _expect(page, "#cards .card").to_have_count(3)
    straight = label_mask(page)
    page.click("#mirror")
    _expect(page, "#mirror").to_have_attribute("aria-pressed", "true")
    mirrored = label_mask(page)
    middles = [np.nonzero(mask)[1].mean() / mask.shape[1] for mask in (straight, mirrored)]
    assert abs(middles[0] - 0.5) > 0.1
    assert middles[1] == pytest.approx(1 - middles[0], abs=0.1)
    # Labels keep their writing, so the whole is not simply turned round.
    assert (mirrored != straight[:, ::-1]).sum() > 100


def test_no_face_is_an_answer(site: Any, open_page: Any, media: Path) -> None:
    page = open_page(site)
    page.set_input_files("#file", media / "blank.png")
    _expect(page, "#no-face").to_be_visible()
    _expect(page, "#announcer").to_have_text("No face found.")
    _expect(page, "#rows").to_have_text("0 rows")


def test_what_cannot_be_shown_is_said(site: Any, open_page: Any, media: Path, tmp_path: Path) -> None:
    page = open_page(site)
    (tmp_path / "notes.txt").write_text("not a picture")
    for path in (media / "broken.jpg", tmp_path / "notes.txt"):
        page.set_input_files("#file", path)
        _expect(page, ".notice-title").to_have_text(f"{path.name} cannot be shown here")
        assert page.locator("#invitation").is_visible()


def test_a_photo_that_the_server_missed_can_be_sent_again(serve: Any, open_page: Any, media: Path) -> None:
    site = serve(key="to be stopped for a photo")
    page = open_page(site, expected=("ERR_CONNECTION_REFUSED", "ERR_EMPTY_RESPONSE", "ERR_CONNECTION_RESET"))
    site.stop()
    page.set_input_files("#file", media / "face.jpg")
    _expect(page, ".notice-title").to_have_text("The server does not answer")
    _expect(page, "#state").to_have_attribute("data-state", "lost")
    site.start()
    page.click("text=Try again")
    _is_answered(page)
    _expect(page, "#state").to_have_attribute("data-state", "ready")


def test_several_photos_stand_in_a_strip_and_each_is_shown(site: Any, open_page: Any, media: Path) -> None:
    page = open_page(site)
    page.set_input_files("#file", [media / "face.jpg", media / "blank.png", media / "face.png", media / "clip.webm"])
    _is_answered(page)
    _expect(page, "#strip .strip-item").to_have_count(4)
    counts = page.locator(".strip-count")
    _expect(page, "#strip .strip-item[aria-current]").to_contain_text("face.jpg")
    wait_until(page, lambda: counts.all_text_contents() == ["1 face", "0 faces", "1 face", ""], "answers to all photos")
    assert sorted(row["source"] for row in _table(page)) == ["face.jpg", "face.png"]

    page.click(".strip-item >> nth=1")
    _expect(page, "#no-face").to_be_visible()
    page.click(".strip-item >> nth=2")
    _expect(page, "#cards .card").to_have_count(1)
    assert len(_table(page)) == 2  # what is shown again is not counted again
    page.click(".strip-item >> nth=3")
    _expect(page, "#stage").to_have_attribute("data-source", "video")

    page.click("#camera")  # and back
    _expect(page, "#stage").to_have_attribute("data-source", "camera")
    page.click(".strip-item >> nth=0")
    _is_answered(page)
    page.click("#stop")
    _expect(page, "#strip").to_be_hidden()


def test_one_photo_is_the_way_back_from_the_camera(site: Any, open_page: Any, media: Path) -> None:
    page = open_page(site)
    page.set_input_files("#file", media / "face.jpg")
    _is_answered(page)
    _expect(page, "#strip").to_be_hidden()
    page.click("#camera")
    page.click(".strip-item")
    _is_answered(page)
    _expect(page, "#strip").to_be_hidden()


def test_more_files_than_a_page_is_for_are_said(site: Any, open_page: Any, media: Path) -> None:
    page = open_page(site)
    data = (media / "blank.png").read_bytes()
    page.set_input_files("#file", [{"name": f"{k}.png", "mimeType": "image/png", "buffer": data} for k in range(101)])
    _expect(page, ".notice-title").to_contain_text("101 files came")
    _expect(page, "#strip .strip-item").to_have_count(100)


def test_a_click_selects_a_face_in_the_picture_and_in_the_list(serve: Any, open_page: Any, media: Path) -> None:
    page = open_page(serve(detector=GridDetector(3), key="three"))
    page.set_input_files("#file", media / "face.jpg")
    _expect(page, "#cards .card").to_have_count(3)
    before = label_mask(page)
    page.click(".card:nth-child(2) summary")
    _expect(page, ".card[data-selected] .card-number").to_have_text("2")
    page.mouse.move(0, 0)
    wait_until(page, lambda: (label_mask(page) != before).sum() > 20, "the marked face")

    box = page.locator("#overlay").bounding_box()
    # Of three faces in rows of two, the first lies in the upper left quarter.
    page.mouse.click(box["x"] + box["width"] / 4, box["y"] + box["height"] / 4)
    _expect(page, ".card[data-selected] .card-number").to_have_text("1")
    assert page.locator(".card[data-selected] .bar:visible").count() == 7
    page.mouse.click(box["x"] + box["width"] * 0.9, box["y"] + box["height"] / 2)
    _expect(page, ".card[data-selected]").to_have_count(0)


def test_each_card_shows_its_face(serve: Any, open_page: Any, media: Path) -> None:
    page = open_page(serve(detector=GridDetector(3), key="three"))
    page.set_input_files("#file", media / "face.jpg")
    _expect(page, "#cards .card").to_have_count(3)
    crops = [pixels(page, f".card:nth-child({k}) .card-face") for k in (1, 2, 3)]
    assert all(crop[:, :, 3].min() == 255 for crop in crops)
    assert np.abs(crops[0].astype(int) - crops[1]).mean() > 2


def test_a_crowd_is_summed_up_folded_and_has_labels_where_one_points(serve: Any, open_page: Any, media: Path) -> None:
    page = open_page(serve(detector=GridDetector(130), key="crowd", max_faces=100))
    page.set_input_files("#file", media / "face.jpg")
    _expect(page, "#cards .card").to_have_count(100)
    _expect(page, "#faces-note").to_have_text("the 100 largest of 130")
    counts = re.findall(r"(\d+) \w+", page.inner_text("#faces-summary"))
    assert sum(map(int, counts)) == 100
    assert page.locator("#cards .card:visible").count() == 12
    plain = label_mask(page).sum()
    box = page.locator("#overlay").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 24, box["y"] + box["height"] / 22)
    wait_until(page, lambda: label_mask(page).sum() > plain + 100, "the label of the face that is pointed at")
    page.click("#more-faces")
    assert page.locator("#cards .card:visible").count() == 100
    _expect(page, "#more-faces").to_be_hidden()


def test_settings_change_how_answers_are_shown(serve: Any, open_page: Any, media: Path) -> None:
    page = open_page(serve(detector=GridDetector(3), key="three"))
    page.set_input_files("#file", media / "face.jpg")
    _expect(page, "#cards .card").to_have_count(3)
    labelled = label_mask(page).sum()
    page.click("#settings")
    facts = page.inner_text("#facts")
    assert "base" in facts
    assert "grid" in facts
    page.uncheck("#labels")
    assert label_mask(page).sum() < labelled
    page.fill("#threshold", "100")
    _expect(page, ".card[data-uncertain]").to_have_count(3)
    page.fill("#threshold", "0")
    _expect(page, ".card[data-uncertain]").to_have_count(0)
    page.fill("#smallest", "200")
    _expect(page, "#cards .card").to_have_count(0)
    page.click("#settings-close")
    assert len(_table(page)) == 3


def test_many_faces_fold_and_each_opens(serve: Any, open_page: Any, media: Path) -> None:
    page = open_page(serve(detector=GridDetector(30), key="thirty"))
    page.set_input_files("#file", media / "face.jpg")
    _expect(page, "#cards .card").to_have_count(30)
    _expect(page, "#faces-note").to_have_text("30 in the picture")
    assert page.locator(".card details[open]").count() == 0
    page.click("#more-faces")
    page.click(".card:nth-child(7) summary")
    assert page.locator(".card:nth-child(7) .bar:visible").count() == 7
    values = page.locator(".card:nth-child(7) .bar-value").all_text_contents()
    assert 95 <= sum(int(text.removesuffix(" %")) for text in values) <= 105
    assert page.locator(".card-uncertain:visible").count() == page.locator(".card[data-uncertain]").count()


def test_a_photo_can_be_saved_with_boxes_and_as_csv(site: Any, open_page: Any, media: Path) -> None:
    page = open_page(site)
    page.set_input_files("#file", media / "face.png")
    _is_answered(page)
    with page.expect_download() as saved:
        page.click("#snapshot")
    assert re.fullmatch(r"mien-[\d-]+\.png", saved.value.suggested_filename)
    data = saved.value.path().read_bytes()
    assert data.startswith(b"\x89PNG")
    drawn = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    plain = cv2.imread(str(media / "face.png"))
    assert drawn.shape == plain.shape == (HEIGHT_PX, WIDTH_PX, 3)
    changed = (np.abs(drawn.astype(int) - plain).max(axis=2) > 30).mean()
    assert 0.002 < changed < 0.2, "the picture with a box and a label, and nothing else"

    rows = _table(page)
    assert len(rows) == 1
    assert rows[0]["source"] == "face.png"
    assert rows[0]["emotion"] in EMOTIONS
    assert sum(float(rows[0][name]) for name in EMOTIONS) == pytest.approx(1, abs=0.01)
    assert float(rows[0]["width"]) > 30


def test_a_video_plays_and_is_answered(site: Any, open_page: Any, media: Path) -> None:
    page = open_page(site)
    page.set_input_files("#file", media / "clip.webm")
    _expect(page, "#stage").to_have_attribute("data-source", "video")
    _expect(page, "#cards .card").to_have_count(1)
    _expect(page, "#pause").to_contain_text("Play again")
    _expect(page, "#scrub-time").to_have_text("0:02 of 0:02")
    # The last frame of a clip is answered, however slow the server is; how many before it, the machine decides.
    places = _wait_until_last_is(page, 29 / 15)
    assert places == sorted(places)


def test_a_place_in_a_video_that_is_gone_to_is_answered(site: Any, open_page: Any, media: Path) -> None:
    page = open_page(site)
    page.set_input_files("#file", media / "clip.webm")
    _expect(page, "#pause").to_contain_text("Play again")
    _wait_until_last_is(page, 29 / 15)
    # Several, because browsers may show a frame before or after they say that the seek has ended.
    for seconds in (0.8, 1.4, 0.2):
        page.locator("#scrub").fill(str(seconds))
        _expect(page, "#scrub-time").to_have_text(f"0:0{int(seconds)} of 0:02")
        _wait_until_last_is(page, seconds)


def test_a_clip_has_its_own_time_and_a_click_goes_there(site: Any, open_page: Any, media: Path) -> None:
    page = open_page(site)
    page.set_input_files("#file", media / "clip.webm")
    _expect(page, "#timeline-title").to_have_text("Over the clip")
    _expect(page, "#pause").to_contain_text("Play again")
    _wait_until_last_is(page, 29 / 15)
    box = page.locator("#chart").bounding_box()
    page.mouse.click(box["x"] + 26 + (box["width"] - 26) / 2, box["y"] + 20)
    _expect(page, "#scrub-time").to_have_text("0:01 of 0:02")
    assert page.evaluate("document.getElementById('video').currentTime") == pytest.approx(1, abs=0.1)
