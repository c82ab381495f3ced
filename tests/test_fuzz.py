"""A short form of benchmarks/fuzz_readers.py: every reader, on some mutants."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

_SCRIPT = Path(__file__).resolve().parent.parent / "benchmarks" / "fuzz_readers.py"
_SPEC = importlib.util.spec_from_file_location("fuzz_readers", _SCRIPT)
assert _SPEC and _SPEC.loader
fuzz_readers = sys.modules.setdefault("fuzz_readers", importlib.util.module_from_spec(_SPEC))
_SPEC.loader.exec_module(fuzz_readers)


@pytest.mark.parametrize("name", fuzz_readers.READERS)
def test_mutated_files_end_in_a_value_or_in_one_sentence(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MIEN_CACHE_DIR", "overwritten")
    tally = fuzz_readers.fuzz(name, count=100, seed=1)
    assert tally.problem == ""
    assert capsys.readouterr().out == ""  # where results go
    assert set(tally.ends) == ({"read"} if name == "cache" else {"read", "refused"})  # a cache never raises


def test_the_fuzz_sees_a_reader_that_breaks(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(path: Path) -> object:
        raise KeyError("x")

    monkeypatch.setitem(fuzz_readers.READERS, "votes", fuzz_readers.READERS["votes"]._replace(read=broken))
    assert "KeyError('x')" in fuzz_readers.fuzz("votes", count=9, seed=1).problem
