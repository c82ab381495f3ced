"""Files are written whole or not at all, and never over what is being read."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mien.errors import ImageError, OutputError
from mien.files import Output, atomic_write, atomic_writes, cache_folder, sha256_of, user_path, write_json


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_finished_write_replaces_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "metrics.json"
    for value in (1, 2):
        write_json(path, {"value": value})
    assert json.loads(path.read_text()) == {"value": 2}
    assert [p.name for p in path.parent.iterdir()] == ["metrics.json"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


@pytest.mark.parametrize("interruption", [ZeroDivisionError, KeyboardInterrupt, OSError])
def test_an_interrupted_write_keeps_the_old_file(tmp_path: Path, interruption: type[BaseException]) -> None:
    path = tmp_path / "model.keras"
    path.write_text("old")
    expected = OutputError if interruption is OSError else interruption
    with pytest.raises(expected), atomic_write(path) as temporary:
        temporary.write_text("half")
        raise interruption
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_temporary_file_keeps_the_suffix_and_the_folder(tmp_path: Path) -> None:
    with atomic_write(tmp_path / "model.keras") as temporary:
        assert temporary.suffix == ".keras"
        assert temporary.parent == tmp_path


def test_a_folder_that_is_a_file_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(OutputError, match=r"Expected a folder with room to write config\.json\. Received: .+\."):
        write_json(tmp_path / "file" / "config.json", {})
    assert (tmp_path / "file").read_text() == "not a folder"


def test_a_target_that_is_a_folder_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "config.json").mkdir()
    with pytest.raises(OutputError, match="which is a folder"):
        write_json(tmp_path / "config.json", {})
    assert [p.name for p in tmp_path.iterdir()] == ["config.json"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the device that is always full is a Linux one")
def test_a_full_disk_is_one_sentence_and_no_file(tmp_path: Path) -> None:
    with (
        pytest.raises(OutputError, match=r"Received: No space left on device .* Free some space"),
        atomic_write(tmp_path / "history.csv") as temporary,
    ):
        temporary.write_text("half")
        with Path("/dev/full").open("w") as full:
            full.write("the other half")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {1, 2}])
def test_what_is_no_json_is_a_defect_and_leaves_nothing(tmp_path: Path, value: object) -> None:
    with pytest.raises((ValueError, TypeError)):
        write_json(tmp_path / "metrics.json", {"value": value})
    assert list(tmp_path.iterdir()) == []


def test_an_error_of_mien_that_is_an_oserror_too_stays_what_it_is(tmp_path: Path) -> None:
    class MissingError(ImageError, FileNotFoundError):
        pass

    with pytest.raises(MissingError), atomic_write(tmp_path / "a.csv"):
        raise MissingError("Expected an image.")


def test_new_files_have_the_permissions_that_the_user_gives_files(tmp_path: Path) -> None:
    code = "import os, pathlib, sys; from mien.files import write_json; os.umask(0o077); "
    code += "write_json(pathlib.Path(sys.argv[1]), 1)"
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "a.json")], check=True)
    assert stat.S_IMODE((tmp_path / "a.json").stat().st_mode) == 0o600


def test_a_replaced_file_keeps_its_permissions(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text("old")
    path.chmod(0o640)
    write_json(path, 1)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_link_is_written_through(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link.json").symlink_to(tmp_path / "real" / "a.json")
    write_json(tmp_path / "link.json", 1)
    assert (tmp_path / "link.json").is_symlink()
    assert (tmp_path / "real" / "a.json").read_text() == "1\n"


@pytest.mark.parametrize("name", ["x" * 250 + ".csv", "ä" * 120 + ".csv", "a." + "y" * 250, "no-suffix", ".hidden"])
def test_any_name_that_the_disk_takes_can_be_written(tmp_path: Path, name: str) -> None:
    write_json(tmp_path / name, 1)
    assert _names(tmp_path) == [name]


@pytest.mark.parametrize("name", ["x" * 300, "a\0b"])
def test_a_name_that_the_disk_does_not_take_is_one_sentence(tmp_path: Path, name: str) -> None:
    with pytest.raises(OutputError, match="Expected a folder with room to write"):
        write_json(tmp_path / name, 1)
    assert _names(tmp_path) == []


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes")
def test_a_pipe_or_device_is_never_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    for path in (tmp_path / "pipe.csv", Path(os.devnull)):
        with pytest.raises(OutputError, match="a device or pipe"):
            write_json(path, 1)
        assert not path.is_file()


# Sources


def _by_the_same_name(tmp_path: Path) -> Path:
    return tmp_path / "clip.mp4"


def _by_a_detour(tmp_path: Path) -> Path:
    (tmp_path / "folder").mkdir()
    return tmp_path / "folder" / ".." / "clip.mp4"


def _by_a_link(tmp_path: Path) -> Path:
    (tmp_path / "link.mp4").symlink_to("clip.mp4")
    return tmp_path / "link.mp4"


def _by_a_hard_link(tmp_path: Path) -> Path:  # what a name of other case is where case does not count
    (tmp_path / "Clip.mp4").hardlink_to(tmp_path / "clip.mp4")
    return tmp_path / "Clip.mp4"


@pytest.mark.parametrize("other_name", [_by_the_same_name, _by_a_detour, _by_a_link, _by_a_hard_link])
def test_what_is_read_is_not_replaced(tmp_path: Path, other_name) -> None:
    source = tmp_path / "clip.mp4"
    source.write_text("a clip")
    with pytest.raises(OutputError, match="Expected another file than the one that is read"):
        Output(other_name(tmp_path), sources=[tmp_path / "gone", source])
    assert source.read_text() == "a clip"
    assert not list(tmp_path.glob(".mien-*"))


# Partial files


@pytest.mark.parametrize("stop", [KeyboardInterrupt(), ValueError("x"), OSError(errno.ENOSPC, "No space left")])
def test_what_was_written_until_a_failure_is_kept_and_said(tmp_path: Path, stop: BaseException) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("the old rows")
    with pytest.raises(BaseException) as caught, Output(path, keep_partial=True) as output:
        output.path.write_text("half")
        raise stop
    assert isinstance(caught.value, OutputError if isinstance(stop, OSError) else type(stop))
    assert caught.value.__notes__ == [f"What was written until then is kept in {path}.partial."]
    assert path.read_text() == "the old rows"
    assert (tmp_path / "rows.csv.partial").read_text() == "half"
    assert _names(tmp_path) == ["rows.csv", "rows.csv.partial"]


def test_nothing_written_is_nothing_kept(tmp_path: Path) -> None:
    output = Output(tmp_path / "rows.csv", keep_partial=True)
    assert output.abandon(error := ValueError("x")) is None
    assert not hasattr(error, "__notes__")
    assert _names(tmp_path) == []


def test_a_disk_that_turns_out_full_at_the_end_keeps_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("old")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match="No space left on device"), Output(path, keep_partial=True) as output:
        output.path.write_text("new")
    assert path.read_text() == "old"
    assert (tmp_path / "rows.csv.partial").read_text() == "new"


# Files that belong together


def test_files_that_belong_together_are_replaced_together(tmp_path: Path) -> None:
    model, card = tmp_path / "model.onnx", tmp_path / "model.json"
    for text in ("old", "new"):
        with atomic_writes(model, card) as (model_part, card_part):
            model_part.write_text(text)
            card_part.write_text(text)
    assert model.read_text() == card.read_text() == "new"
    assert _names(tmp_path) == ["model.json", "model.onnx"]


@pytest.mark.parametrize("stop", [KeyboardInterrupt, OSError, "full"])
def test_none_of_them_is_replaced_when_one_fails(tmp_path: Path, stop, monkeypatch: pytest.MonkeyPatch) -> None:
    model, card = tmp_path / "model.onnx", tmp_path / "model.json"
    for path in (model, card):
        path.write_text("old")
    flushed = iter([None, OSError(errno.ENOSPC, "No space left")])

    def second_is_full(_: int) -> None:
        if error := next(flushed):
            raise error

    if stop == "full":
        monkeypatch.setattr(os, "fsync", second_is_full)
    expected = KeyboardInterrupt if stop is KeyboardInterrupt else OutputError
    with pytest.raises(expected), atomic_writes(model, card) as (model_part, card_part):
        model_part.write_text("new")
        card_part.write_text("new")
        if stop != "full":
            raise stop
    assert model.read_text() == card.read_text() == "old"
    assert _names(tmp_path) == ["model.json", "model.onnx"]


# Leftovers

_WRITE_AND_DIE = """
import os, pathlib, signal, sys
from mien.files import Output
output = Output(pathlib.Path(sys.argv[1]))
output.path.write_text("half")
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_what_a_killed_process_left_is_removed_by_the_next(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", _WRITE_AND_DIE, str(tmp_path / "a.csv")], check=False)
    assert done.returncode == -signal.SIGKILL
    assert len(_names(tmp_path)) == 1
    write_json(tmp_path / "b.json", 1)
    assert _names(tmp_path) == ["b.json"]


def test_what_others_are_writing_stays(tmp_path: Path) -> None:
    (elsewhere_folder := tmp_path.with_name("elsewhere")).mkdir(exist_ok=True)
    with atomic_write(elsewhere_folder / "x") as temporary:
        host = temporary.name.split("-")[1]
    alive = tmp_path / f".mien-{host}-{os.getppid()}-01234567.csv"  # another process, which is alive
    elsewhere = tmp_path / ".mien-00000000-1-01234567.csv"  # on another host, perhaps alive
    forgotten = tmp_path / ".mien-00000000-2-01234567.csv"  # on another host, a week ago
    own = tmp_path / f".mien-{host}-{os.getpid()}-01234567"  # of a process that had this one's number
    foreign = tmp_path / ".mien-notes.txt"
    for path in (alive, elsewhere, forgotten, own, foreign):
        path.write_text("")
    os.utime(forgotten, (time.time() - 7 * 86_400,) * 2)
    with atomic_write(tmp_path / "a.csv") as first, atomic_write(tmp_path / "b.csv") as second:
        assert first.exists()
        assert second.exists()
    assert _names(tmp_path) == sorted([alive.name, elsewhere.name, foreign.name, "a.csv", "b.csv"])


# Hashes and folders


def test_digest_is_that_of_the_bytes(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(b"abc" * 100_000)
    assert sha256_of(path) == hashlib.sha256(b"abc" * 100_000).hexdigest()


@pytest.fixture
def _no_cache_chosen(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("MIEN_CACHE_DIR", "XDG_CACHE_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.usefixtures("_no_cache_chosen")
@pytest.mark.skipif(sys.platform != "linux", reason="the system's own variable")
def test_the_cache_is_where_the_system_or_the_user_wants_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache" / "mien"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "x"))
    assert cache_folder() == tmp_path / "x" / "mien"
    monkeypatch.setenv("MIEN_CACHE_DIR", "~/mine")
    assert cache_folder() == tmp_path / "mine"


@pytest.mark.usefixtures("_no_cache_chosen")
@pytest.mark.skipif(os.name == "nt", reason="Windows asks elsewhere")
def test_a_user_without_a_home_has_no_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    import pwd

    def nobody(_: object) -> None:
        raise KeyError("uid not found")

    monkeypatch.setattr(pwd, "getpwuid", nobody)
    assert cache_folder() is None
    assert user_path("~/x") == Path("~/x")
    assert user_path("~no-such-user/x") == Path("~no-such-user/x")


def test_the_users_home_is_known(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("USERPROFILE" if os.name == "nt" else "HOME", str(tmp_path))
    assert user_path("~/x") == tmp_path / "x"
