"""The notebook runs from its first cell to its last on drawn faces."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

NOTEBOOK = Path(__file__).resolve().parent.parent / "notebooks" / "fer2013_from_data_to_model.ipynb"


def code_cells() -> list[str]:
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]


def test_notebook_runs_on_drawn_faces(tmp_path: Path) -> None:
    script = tmp_path / "notebook.py"
    script.write_text("\n\n".join(code_cells()), encoding="utf-8")
    settings = {"MIEN_NOTEBOOK_EPOCHS": "2", "MIEN_NOTEBOOK_SAMPLES": "30", "MIEN_NOTEBOOK_RUN": str(tmp_path / "run")}
    done = subprocess.run(
        [sys.executable, str(script)],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={key: value for key, value in os.environ.items() if key != "MIEN_NOTEBOOK_SOURCE"} | settings,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "test accuracy" in done.stdout
    assert "answer" in done.stdout.splitlines()[-1]
    assert (tmp_path / "run" / "model.onnx").is_file()


def test_notebook_is_committed_without_outputs() -> None:
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in cells)
    assert NOTEBOOK.stat().st_size < 50_000
