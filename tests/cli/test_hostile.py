"""What a person mistypes, and what a machine does not have: one sentence each, and never a traceback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from mien.cli import main
from mien.errors import install_command

LONG = "1" * 5000
TYPED = {
    "a margin that is no number": ["predict", "a.png", "--margin", "nan"],
    "a limit without end": ["predict", "a.png", "--max-megapixels", "inf"],
    "a limit of 5,000 digits": ["predict", "a.png", "--max-megabytes", LONG],
    "faces of 5,000 digits": ["predict", "a.png", "--max-faces", LONG],
    "threads of 21 digits": ["predict", "a.png", "--workers", LONG[:21]],
    "a face of 5,000 digits": ["video", "a.avi", "--smallest-face", LONG],
    "time without end": ["bench", "--seconds", "inf"],
    "time that is no number": ["bench", "--seconds", "nan"],
    "threads of the benchmark": ["bench", "--threads", LONG[:21]],
    "a seed of 5,000 digits": ["data", "check", "a.csv", "--seed", LONG],
    "a seed below zero": ["data", "synthetic", "out", "--seed", "-1"],
}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Image.new("RGB", (60, 60)).save("a.png")
    return tmp_path


@pytest.mark.parametrize("arguments", TYPED.values(), ids=TYPED)
def test_a_value_out_of_range_is_wrong_usage(
    arguments: list[str], here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    assert "Invalid value for" in capsys.readouterr().err


@pytest.mark.parametrize("command", [["predict"], ["explain"], ["train"], ["data", "check"]], ids=" ".join)
def test_an_address_is_not_read(command: list[str], here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*command, "https://example.org/faces.jpg"]) == 1
    assert "Addresses are not read: download it first." in capsys.readouterr().err


def test_an_unknown_model_of_the_benchmark_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "nope"]) == 1
    assert "Received: 'nope'" in capsys.readouterr().err


@pytest.mark.parametrize("ending", ["out.xyz", "out.tar"])
def test_an_unknown_ending_makes_no_folder(
    ending: str, here: Path, toy_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["predict", "a.png", "--model", str(toy_model), "--detector", "none", "--save", ending]) == 1
    assert ending in capsys.readouterr().err
    assert not (here / ending).exists()


def _mien(*arguments: str, start: str = "", **options: object) -> subprocess.CompletedProcess[bytes]:
    code = f"import os, sys\n{start}\nfrom mien.cli import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, capture_output=True, timeout=120, check=False, **options)  # type: ignore[call-overload]


@pytest.mark.parametrize("number", [0, 2])
def test_a_closed_stream_stops_nothing(number: int, here: Path, toy_model: Path) -> None:
    python = (sys.executable, "-m", "mien", "predict", "a.png", "--model", str(toy_model), "--detector", "none")
    redirected = f'exec "$@" {number}{"<" if number == 0 else ">"}&-'
    done = subprocess.run(["sh", "-c", redirected, "sh", *python], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "1 photo, 1 face" in done.stdout


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no disk that is always full")
@pytest.mark.parametrize("form", ["--csv", "--jsonl"])
def test_a_full_disk_behind_standard_output(form: str, here: Path, toy_model: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        command = [sys.executable, "-m", "mien", "predict", "a.png", "--model", str(toy_model), "--detector", "none"]
        done = subprocess.run([*command, form], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("mien: Expected room for all of the output.")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "cp850", "cp932"])
def test_old_code_pages(
    encoding: str, here: Path, toy_model: Path, drawn_csv: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Windows' pipes and the C locale: every character of ours has a stand-in."""
    name = "ü ∞ 日本.png"
    Path("a.png").rename(name)
    script = f"""
import io
for stream in ("stdout", "stderr"):
    setattr(sys, stream, io.TextIOWrapper(getattr(sys, stream).buffer, encoding={encoding!r}))
from mien.cli import main
chosen = ["--model", {str(toy_model)!r}, "--detector", "none"]
for command in (["predict", {name!r}, *chosen], ["explain", {name!r}, *chosen], ["data", "audit", {drawn_csv!r}],
                ["data", "check", {drawn_csv!r}], ["evaluate", "run", "--from-probabilities"], ["--help"]):
    assert main(command) == 0, command
from mien.cli.terminal import facts_table, show
show(facts_table("Exported", {{"parity": "max |Δp| 1e-7"}}))
sys.exit()
"""
    _scores("run")
    done = _mien(start=script, env=os.environ | {"PYTHONUTF8": "0"})
    assert done.returncode == 0, done.stderr.decode(encoding)
    shown = done.stdout.decode(encoding)
    assert "1 photo, 1 face" in shown
    assert "Usage: mien" in shown


def _scores(folder: str) -> None:
    import numpy as np

    from mien.run import Probabilities, Run

    labels = np.arange(28) % 7
    p = np.full((28, 7), 0.05, np.float32)
    p[np.arange(28), labels] = 0.7
    Run(Path(folder)).write_probabilities("val", Probabilities(labels.astype(str), labels, p))


@pytest.fixture
def drawn_csv(here: Path) -> str:
    rows = [f"{n % 7},{' '.join([str(n)] * 2304)},{('Training', 'PublicTest')[n % 2]}" for n in range(28)]
    Path("toy.csv").write_text("\n".join(["emotion,pixels,Usage", *rows]) + "\n")
    return "toy.csv"


@pytest.mark.parametrize(
    ("origin", "command"),
    [
        ({"url": "file:///home/me/mien", "dir_info": {"editable": True}}, "pip install -e '/home/me/mien[train]'"),
        ({"url": "file:///home/me/my%20mien", "dir_info": {}}, "pip install '/home/me/my mien[train]'"),
        ({"url": "file:///t/mien-1.whl", "archive_info": {}}, "pip install '/t/mien-1.whl[train]'"),
        ({"url": "https://x.example/m", "vcs_info": {"vcs": "git"}}, "pip install 'mien[train] @ git+https://x.example/m'"),
        ({}, "pip install 'mien[train]'"),
    ],
)  # fmt: skip
def test_an_extra_comes_from_where_mien_came_from(origin: dict[str, object], command: str) -> None:
    assert install_command("train", direct_url=json.dumps(origin)) == command


def test_this_installation_is_not_from_the_package_index() -> None:
    assert install_command("train") != "pip install 'mien[train]'"
