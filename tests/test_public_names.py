"""What is public: looked up when it is asked for, whole, and explained."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import mien
from mien import errors
from mien.inference.predictor import Predictor

# What needs the training libraries, and what is a number.
HEAVY = {"evaluate", "export", "train"}


def test_every_name_is_there_and_says_what_it_is() -> None:
    assert set(mien.__all__) <= set(dir(mien))
    assert mien.Predictor is Predictor
    for name in set(mien.__all__) - HEAVY - {"__version__"}:
        assert inspect.getdoc(getattr(mien, name)), name
    with pytest.raises(AttributeError, match="no attribute 'Predicter'"):
        _ = mien.Predicter


def test_all_errors_are_public() -> None:
    assert set(errors.__all__) <= set(mien.__all__)
    assert all(issubclass(getattr(mien, name), mien.MienError) for name in errors.__all__)
    assert issubclass(mien.ImageNotFoundError, FileNotFoundError)


def test_a_missing_image_is_a_missing_file(toy_model: Path) -> None:
    predictor = Predictor(toy_model, detector="none")
    for error in (FileNotFoundError, mien.ImageError):
        with pytest.raises(error, match="nowhere"):
            predictor.predict("nowhere.jpg")


def test_functions_of_values_are_those_of_their_packages() -> None:
    pytest.importorskip("keras")
    from mien.evaluate.evaluation import evaluate
    from mien.learn.export import export
    from mien.learn.training import train

    assert (mien.train, mien.export, mien.evaluate.evaluate) == (train, export, evaluate)


@pytest.mark.parametrize("name", ["train", "export"])
def test_what_is_missing_is_named(name: str) -> None:
    code = f"import sys; sys.modules['keras'] = None; import mien; mien.{name}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert f"MissingExtraError: mien.{name} needs keras" in done.stderr


def test_importing_mien_does_no_work() -> None:
    code = "import sys, mien; sys.exit(bool({'cv2', 'onnxruntime', 'numpy'} & set(sys.modules)))"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
