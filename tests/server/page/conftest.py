"""The page in headless Chromium, served by mien itself, with a camera that plays a generated clip.

Every page watches for what must never happen: errors on the console, broken content policy, requests to elsewhere.
The browser is shared by the tests of this folder and closed with the last of them: while it is open, its library
occupies the thread's event loop, which other tests may need.
"""

from __future__ import annotations

import base64
import functools
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from skimage.data import astronaut

from mien import Predictor
from mien.inference.results import Box, DetectedFace

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

# Nothing here is about speed, and machines may be busy.
PATIENCE_MS = 90_000

WIDTH_PX, HEIGHT_PX = 640, 480
FACE_PX = 260


class GridDetector:
    """Finds so many faces, in rows, whatever the picture shows."""

    name = "grid"
    margin = 0.0

    def __init__(self, count: int) -> None:
        self._count = count

    def detect(self, image_rgb: np.ndarray) -> tuple[DetectedFace, ...]:
        height, width = image_rgb.shape[:2]
        columns = max(1, int(np.ceil(np.sqrt(self._count * width / height))))
        side = min(width / columns, height / (-(-self._count // columns))) * 0.5
        places = [divmod(number, columns) for number in range(self._count)]
        return tuple(
            DetectedFace(Box((column + 0.25) * 2 * side, (row + 0.25) * 2 * side, side, side)) for row, column in places
        )


def _face() -> np.ndarray:
    return cv2.resize(cv2.cvtColor(astronaut()[:260, 95:355], cv2.COLOR_RGB2BGR), (FACE_PX, FACE_PX))


def _frames(count: int) -> Iterator[np.ndarray]:
    """A face that wanders over a plain background, and comes back to where it was."""
    for number in range(count):
        frame = np.full((HEIGHT_PX, WIDTH_PX, 3), (168, 160, 150), np.uint8)
        x = round(190 + 40 * np.sin(2 * np.pi * number / count))
        frame[120 : 120 + FACE_PX, x : x + FACE_PX] = _face()
        yield frame


@pytest.fixture(scope="package")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `camera.mjpeg`, `clip.webm`, `face.png`, `face.jpg`, `blank.png` and `broken.jpg`."""
    folder = tmp_path_factory.mktemp("media")
    frames = list(_frames(30))
    (folder / "camera.mjpeg").write_bytes(b"".join(cv2.imencode(".jpg", frame)[1].tobytes() for frame in frames))
    writer = cv2.VideoWriter(str(folder / "clip.webm"), cv2.VideoWriter.fourcc(*"VP80"), 15, (WIDTH_PX, HEIGHT_PX))
    for frame in frames:
        writer.write(frame)
    writer.release()
    for name in ("face.png", "face.jpg"):
        assert cv2.imwrite(str(folder / name), frames[0])
    assert cv2.imwrite(str(folder / "blank.png"), np.full((200, 300, 3), 200, np.uint8))
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 not a picture")
    return folder


@pytest.fixture(scope="package")
def browser(media: Path) -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("chromium is not installed")
    arguments = [
        "--no-sandbox",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-video-capture={media / 'camera.mjpeg'}",
        # An address that browsers do not trust with a camera, on this machine.
        "--host-resolver-rules=MAP mien.test 127.0.0.1",
    ]
    playwright.expect.set_options(timeout=PATIENCE_MS)
    with playwright.sync_playwright() as library:
        opened = library.chromium.launch(executable_path=CHROMIUM, args=arguments, timeout=PATIENCE_MS)
        yield opened
        opened.close()


class Site:
    """The server, on a port of its own, in a thread; it can go away and come back."""

    def __init__(self, predictor: Predictor, settings: Any) -> None:
        self._predictor, self._settings = predictor, settings
        self._server: Any = None
        self._thread: threading.Thread | None = None
        # Bound for good, listening never: nobody else gets the port while the server is away.
        self._place = _bound(0)
        self.port = int(self._place.getsockname()[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def start(self) -> None:
        import uvicorn

        from mien.server.app import create_app
        from mien.server.serving import uvicorn_config

        listener = _bound(self.port)
        listener.listen(128)
        app = functools.partial(create_app, self._predictor, self._settings)
        self._server = uvicorn.Server(uvicorn_config(app, self._settings))
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [listener]}, daemon=True)
        self._thread.start()
        deadline = time.monotonic() + PATIENCE_MS / 1000
        while not self._server.started:
            assert self._thread.is_alive()
            assert time.monotonic() < deadline, "the server did not start"
            time.sleep(0.01)

    def stop(self) -> None:
        if self._thread is not None:
            self._server.should_exit = True
            self._thread.join(timeout=PATIENCE_MS / 1000)
            assert not self._thread.is_alive()
            self._thread = None

    def close(self) -> None:
        self.stop()
        self._place.close()


def _bound(port: int) -> socket.socket:
    place = socket.socket()
    for option in ("SO_REUSEADDR", "SO_REUSEPORT"):  # the one lets Linux bind a port twice, the other macOS
        if hasattr(socket, option):
            place.setsockopt(socket.SOL_SOCKET, getattr(socket, option), 1)
    place.bind(("127.0.0.1", port))
    return place


Serve = Callable[..., Site]


@pytest.fixture(scope="package")
def serve() -> Iterator[Serve]:
    """Starts a server; the same one again for the same arguments, since starting takes time."""
    from mien.server.settings import ServerSettings

    sites: dict[Any, Site] = {}

    def start(*, detector: str | GridDetector = "yunet", key: Any = None, **settings: Any) -> Site:
        key = key or (str(detector), tuple(settings.items()))
        if key not in sites:
            predictor = Predictor(detector=detector, threads=1)
            site = Site(predictor, ServerSettings(shutdown_seconds=1, **settings))
            site.start()
            sites[key] = site
        return sites[key]

    yield start
    for site in sites.values():
        site.close()


@pytest.fixture(scope="package")
def site(serve: Serve) -> Site:
    return serve()


@dataclass
class Watch:
    """What a page did that it must not do."""

    origin: str
    expected: tuple[str, ...] = ()
    troubles: list[str] = field(default_factory=list)

    def on(self, page: Any) -> None:
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.troubles.append(f"uncaught: {error}"))
        page.on("request", lambda request: self._request(request.url))
        page.on("websocket", lambda opened: self._request(opened.url.replace("ws", "http", 1)))

    def _console(self, message: Any) -> None:
        if message.type in ("error", "warning") and not any(text in message.text for text in self.expected):
            self.troubles.append(f"console: {message.text} ({message.location['url']})")

    def _request(self, url: str) -> None:
        if not url.startswith((self.origin, f"blob:{self.origin}", "data:")):
            self.troubles.append(f"request: {url}")


Opener = Callable[..., Any]


@pytest.fixture
def open_page(browser: Any) -> Iterator[Opener]:
    """Opens a page of a site; at the end, none of them may have done what it must not do."""
    contexts: list[Any] = []
    watches: list[Watch] = []

    def opened(
        site: Site, *, camera: bool = True, host: str = "127.0.0.1", script: str = "", expected: tuple[str, ...] = (),
        ready: bool = True, **options: Any
    ) -> Any:  # fmt: skip
        permissions = ["clipboard-read", "clipboard-write", *(["camera"] if camera else [])]
        context = browser.new_context(accept_downloads=True, **options)
        contexts.append(context)
        context.set_default_timeout(PATIENCE_MS)
        context.grant_permissions(permissions, origin=site.url)
        if script:
            context.add_init_script(script)
        page = context.new_page()
        address = f"http://{host}:{site.port}/"
        watches.append(Watch(address, expected))
        watches[-1].on(page)
        page.goto(address)
        if ready:
            page.wait_for_selector("#state[data-state=ready]")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert [watch.troubles for watch in watches if watch.troubles] == []


def wait_until(page: Any, holds: Callable[[], object], what: str) -> None:
    """Look again and again: what a page shows of live pictures comes and goes as fast as the machine lets it."""
    deadline = time.monotonic() + PATIENCE_MS / 1000
    while not holds():
        assert time.monotonic() < deadline, f"not seen in {PATIENCE_MS / 1000:g} s: {what}"
        page.wait_for_timeout(100)


# A copy is read, so that the page's own canvas is left as it is.
_PIXELS = """(canvas) => {
    const copy = new OffscreenCanvas(canvas.width, canvas.height);
    const context = copy.getContext("2d", { willReadFrequently: true });
    context.drawImage(canvas, 0, 0);
    const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
    let text = "";
    for (let k = 0; k < data.length; k += 8192) text += String.fromCharCode(...data.subarray(k, k + 8192));
    return [btoa(text), canvas.height, canvas.width];
}"""


def pixels(page: Any, canvas: str) -> np.ndarray:
    """What is drawn on a canvas: uint8 (H, W, 4), RGB and opacity."""
    text, height, width = page.locator(canvas).evaluate(_PIXELS)
    return np.frombuffer(base64.b64decode(text), np.uint8).reshape(height, width, 4)


def label_mask(page: Any) -> np.ndarray:
    """Where the overlay shows the colour of a box or label: bool (H, W)."""
    colours = page.evaluate(
        """async () => {
            const palette = await import(new URL("static/scripts/palette.js", document.baseURI).href);
            return [0, 1, 2, 3, 4, 5, 6].map(palette.pictureColour);
        }"""
    )
    drawn = pixels(page, "#overlay")
    wanted = [[int(colour[k : k + 2], 16) for k in (1, 3, 5)] for colour in colours]
    return np.any([np.all(drawn[:, :, :3] == colour, axis=2) for colour in wanted], axis=0)
