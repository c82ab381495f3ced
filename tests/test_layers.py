"""The architecture, read from the source: who may import whom, and what is written in one place only."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from mien.emotions import EMOTIONS

SOURCE = Path(__file__).resolve().parent.parent / "src" / "mien"

# Which rooms (or single modules) each room may import; every room may import its own modules.
NAMES = {"errors", "emotions", "files", "machine", "probabilities"}
CONTRACTS = NAMES | {"images", "config", "run", "card"}
MODULES_ABOVE = {"demo", "explanations", "scoring"}
EVERYTHING = CONTRACTS | MODULES_ABOVE | {"data", "synthetic", "inference", "learn", "evaluate", "server"}
MAY_IMPORT = {
    "__init__": {"errors", "inference", "evaluate", "learn"},  # the public names, looked up when first asked for
    "errors": set[str](),
    "emotions": set[str](),
    "files": {"errors"},
    "machine": set[str](),
    "probabilities": {"errors", "emotions"},
    "images": NAMES,
    "config": NAMES,
    "run": NAMES | {"config"},
    "card": NAMES | {"images", "run"},
    "data": CONTRACTS,
    "synthetic": CONTRACTS | {"data"},
    "inference": CONTRACTS,
    # Metrics and calibration are functions of arrays; figures and reports stay out of the learning room.
    "learn": CONTRACTS | {"data", "inference", "evaluate.metrics", "evaluate.calibration"},
    "evaluate": CONTRACTS | {"data", "inference"},
    "server": CONTRACTS | {"inference"},
    "explanations": CONTRACTS | {"data", "evaluate", "inference", "learn"},
    "scoring": CONTRACTS | {"data", "inference", "learn"},
    "demo": EVERYTHING,
    "cli": EVERYTHING,
    "__main__": {"cli"},
}
# Libraries that take seconds to import, and the one room that may do so.
ONLY_IN = {
    "keras": "learn",
    "tensorflow": "learn",
    "jax": "learn",
    "torch": "learn",
    "onnx": "learn",
    "onnxruntime": "",  # through `import_onnxruntime` alone, which turns its telemetry off
    "matplotlib": "evaluate",
    "seaborn": "evaluate",
    "sklearn": "evaluate",
    "fastapi": "server",
    "uvicorn": "server",
    "typer": "cli",
}
RUN_FILES = {
    "config.json",
    "environment.json",
    "history.csv",
    "checkpoint",
    "state.npz",
    "model.keras",
    "model.h5",
    "model.onnx",
    "model.json",
    "report.html",
    "figures",
}
RUN_FILE_STEMS = ("probabilities_", "metrics_")


def _modules(source: Path) -> list[Path]:
    return sorted(source.rglob("*.py"))


def _room(source: Path, module: Path) -> str:
    return module.relative_to(source).parts[0].removesuffix(".py")


def _imports(tree: ast.Module) -> Iterator[str]:
    """Dotted names of everything imported, at the top or inside functions."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute here, so that they can be read and checked"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _is_allowed(dotted: str, room: str) -> bool:
    top, *rest = dotted.split(".")
    if top != "mien":
        return ONLY_IN.get(top, room) == room
    if not rest or rest[0].startswith("__") or rest[0] == room:
        return True
    return rest[0] in MAY_IMPORT[room] or ".".join(rest[:2]) in MAY_IMPORT[room]


def forbidden_imports(source: Path) -> list[str]:
    found = []
    for module in _modules(source):
        room = _room(source, module)
        names = _imports(ast.parse(module.read_text(encoding="utf-8")))
        found += [f"{module.relative_to(source)} imports {name}" for name in names if not _is_allowed(name, room)]
    return found


def _texts(tree: ast.Module) -> Iterator[str]:
    """Every text in the code, f-string parts included, docstrings left out."""
    prose = {
        id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
            yield node.value


def _spells_run_file(text: str) -> bool:
    last = text.rpartition("/")[2]
    return last in RUN_FILES or (last.startswith(RUN_FILE_STEMS) and " " not in last)


def run_file_spellings(source: Path) -> list[str]:
    found = []
    for module in _modules(source):
        if module != source / "run.py":
            texts = _texts(ast.parse(module.read_text(encoding="utf-8")))
            found += [f"{module.relative_to(source)} spells {text!r}" for text in texts if _spells_run_file(text)]
    return found


def _writes_an_order(node: ast.AST) -> bool:
    if isinstance(node, (ast.Tuple, ast.List)):
        words = [item.value for item in node.elts if isinstance(item, ast.Constant)]
        return set(EMOTIONS) <= set(words)
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        text, place = node.value.lower(), -1
        return all((place := text.find(name, place + 1)) >= 0 for name in EMOTIONS)
    return False


def emotion_orders(source: Path) -> list[str]:
    found = []
    for module in _modules(source):
        tree = ast.parse(module.read_text(encoding="utf-8"))
        if module != source / "emotions.py" and any(_writes_an_order(node) for node in ast.walk(tree)):
            found.append(str(module.relative_to(source)))
    return found


def test_each_room_imports_only_from_below() -> None:
    assert forbidden_imports(SOURCE) == []


def test_run_folder_names_are_spelled_in_run_only() -> None:
    assert run_file_spellings(SOURCE) == []


def test_the_order_of_emotions_is_written_once() -> None:
    assert emotion_orders(SOURCE) == []


def test_cores_are_counted_in_one_place() -> None:
    counting = [m for m in _modules(SOURCE) if "cpu_count" in m.read_text(encoding="utf-8")]
    assert counting == [SOURCE / "machine.py"]


def test_every_module_says_what_it_owns() -> None:
    silent = [m for m in _modules(SOURCE) if not ast.get_docstring(ast.parse(m.read_text(encoding="utf-8")))]
    assert silent == []


def test_every_room_is_in_the_table() -> None:
    assert {_room(SOURCE, module) for module in _modules(SOURCE)} <= set(MAY_IMPORT)


# The checks themselves, on a small tree that breaks each rule.


def _toy(tmp_path: Path, module: str, code: str) -> Path:
    path = tmp_path / module
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(code)
    return tmp_path


@pytest.mark.parametrize(
    ("module", "code"),
    [
        ("data/audit.py", "from mien.inference import predictor"),
        ("data/audit.py", "from mien import inference"),
        ("data/audit.py", "def f():\n    import mien.learn.training"),
        ("data/audit.py", "import matplotlib.pyplot as plt"),
        ("inference/video.py", "from mien.data.dataset import Split"),
        ("evaluate/plots.py", "import keras"),
        ("evaluate/plots.py", "from mien.learn.scoring import score_split"),
        ("learn/training.py", "from mien.evaluate.plots import figures"),
        ("learn/training.py", "from sklearn.metrics import f1_score"),
        ("server/app.py", "from mien.data import sources"),
        ("errors.py", "from mien.emotions import EMOTIONS"),
        ("cli/learn.py", "import keras"),
    ],
)
def test_the_check_sees_a_forbidden_import(tmp_path: Path, module: str, code: str) -> None:
    assert len(forbidden_imports(_toy(tmp_path, module, code))) == 1


@pytest.mark.parametrize(
    ("module", "code"),
    [
        ("learn/training.py", "from mien.evaluate.metrics import accuracy"),
        ("learn/training.py", "from mien.evaluate import metrics"),
        ("learn/training.py", "import keras\nfrom mien.learn import layers"),
        ("evaluate/plots.py", "from matplotlib.figure import Figure"),
        ("cli/learn.py", "def f():\n    from mien.learn.training import train"),
        ("card.py", "from mien import __version__\nfrom mien.run import Run"),
    ],
)
def test_the_check_lets_allowed_imports_pass(tmp_path: Path, module: str, code: str) -> None:
    assert forbidden_imports(_toy(tmp_path, module, code)) == []


@pytest.mark.parametrize("code", ["p = 'model.onnx'", "p = f'{run}/model.json'", "p = f'metrics_{split}.json'"])
def test_the_check_sees_a_spelled_run_file(tmp_path: Path, code: str) -> None:
    assert len(run_file_spellings(_toy(tmp_path, "learn/export.py", code))) == 1


def test_the_check_lets_prose_about_files_pass(tmp_path: Path) -> None:
    code = '"""Writes model.onnx."""\nhint = "Expected the model.onnx of a run."\n'
    assert run_file_spellings(_toy(tmp_path, "learn/export.py", code)) == []


@pytest.mark.parametrize(
    "code", [f"x = {EMOTIONS!r}", f"x = {list(EMOTIONS)!r}", f"x = {' '.join(EMOTIONS)!r}.split()"]
)
def test_the_check_sees_a_second_order(tmp_path: Path, code: str) -> None:
    assert emotion_orders(_toy(tmp_path, "server/schemas.py", code)) == ["server/schemas.py"]
