"""The notebook runs under a real kernel from its first cell to its last on drawn faces, and shows what it draws."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

nbformat: Any = pytest.importorskip("nbformat")
nbclient: Any = pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")

NOTEBOOK = Path(__file__).resolve().parent.parent / "notebooks" / "fer2013_from_data_to_model.ipynb"
# What the last line of a cell is where the cell is there to show a figure.
FIGURE_ENDINGS = ("_figure(", ".draw()", "figure")


def _run(notebook: Any, folder: Path, monkeypatch: pytest.MonkeyPatch, *, samples: int) -> Any:
    monkeypatch.setenv("MIEN_NOTEBOOK_EPOCHS", "1")
    monkeypatch.setenv("MIEN_NOTEBOOK_SAMPLES", str(samples))
    monkeypatch.setenv("MIEN_NOTEBOOK_RUNS", str(folder / "runs"))
    monkeypatch.delenv("MIEN_NOTEBOOK_SOURCE", raising=False)
    return nbclient.NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    ).execute()


def _shows_figure(cell: Any) -> bool:
    last = cell.source.rstrip().splitlines()[-1]
    return cell.cell_type == "code" and not last.startswith((" ", "print")) and any(e in last for e in FIGURE_ENDINGS)


def _outputs(notebook: Any) -> list[Any]:
    return [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]


def _printed(notebook: Any) -> str:
    return "".join(output.text for output in _outputs(notebook) if output.output_type == "stream")


def test_every_figure_is_seen_and_nothing_else_is_heard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = _run(nbformat.read(NOTEBOOK, as_version=4), tmp_path, monkeypatch, samples=30)
    figures = [cell for cell in done.cells if _shows_figure(cell)]
    assert len(figures) == 7
    for cell in figures:
        assert any("image/png" in output.get("data", {}) for output in cell.outputs), cell.source
    assert [output for output in _outputs(done) if output.get("name") == "stderr"] == []
    assert "<Figure" not in _printed(done)
    assert "test accuracy" in _printed(done)
    assert "answer" in done.cells[-2].outputs[-1].text
    assert len(list(tmp_path.glob("runs/*/model.onnx"))) == 1


def test_other_data_is_another_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    trained = next(k for k, cell in enumerate(notebook.cells) if "result = train(" in cell.source)
    notebook.cells = notebook.cells[: trained + 1]
    for samples in (20, 30):
        assert "epoch   1" in _printed(_run(notebook, tmp_path, monkeypatch, samples=samples))
    assert len(list(tmp_path.glob("runs/*/model.keras"))) == 2


def test_notebook_is_committed_without_outputs() -> None:
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in cells)
    assert NOTEBOOK.stat().st_size < 50_000
