"""The run folder: the only place that spells its file names.

    runs/<name>/
      config.json                  what was asked, complete
      environment.json             versions, backend, device, seed, git commit, data fingerprint, protocol
      history.csv                  one row per epoch (see HISTORY_COLUMNS)
      checkpoint/state.npz         resumable training state
      model.keras                  the best epoch by val_accuracy
      probabilities_<split>.npz    sample_id (N,), y_true (N,), probabilities (N, 7), and what they come from; of a
                                   model with a head for people's votes, votes_probabilities (N, 7) too
      metrics_<split>.json
      figures/*.png, report.html
      other_data/<dataset>/        scores, figures and report on a dataset that the run was not trained on
      model.onnx, model.json
      int8/                        model.onnx, model.json of an int8 copy

Every file is written whole or not at all (`mien.files`).
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mien.emotions import NUM_EMOTIONS
from mien.errors import RunError
from mien.files import atomic_write, sha256_of, unwritable, write_json
from mien.probabilities import SUM_TOLERANCE

if TYPE_CHECKING:
    from mien.config import Config

__all__ = ["HISTORY_COLUMNS", "SCHEMA_VERSION", "Probabilities", "Provenance", "Run", "Scores"]

SCHEMA_VERSION = 1
HISTORY_COLUMNS = (
    "epoch",
    "loss",
    "accuracy",
    "val_loss",
    "val_accuracy",
    "val_votes_loss",
    "val_votes_accuracy",
    "learning_rate",
    "seconds",
    "images_per_second",
)


@dataclass(frozen=True)
class Provenance:
    """What scores were computed from; an empty string where that is not known."""

    model_sha256: str = ""
    """Of model.keras, or of model.onnx where there is no other model."""
    config_sha256: str = ""
    """Of config.json."""
    data_fingerprint: str = ""
    """Of the dataset that was scored."""
    precision: str = "float32"
    """Number format of the computation."""


@dataclass(frozen=True)
class Probabilities:
    """What a model said about one split: all that evaluation needs.

    Attributes:
        sample_ids: str (N,).
        y_true: int64 (N,), codes 0 to 6.
        probabilities: float32 (N, 7), rows sum to 1, in `EMOTIONS` order.
        provenance: The model and the data that they come from.
        votes_probabilities: float32 (N, 7), what the model's other head says about the taggers' votes; None where it
            has none.
    """

    sample_ids: np.ndarray
    y_true: np.ndarray
    probabilities: np.ndarray
    provenance: Provenance = Provenance()
    votes_probabilities: np.ndarray | None = None


class Scores:
    """A folder with what one model said about one dataset, by split.

    Args:
        path: The folder; it need not exist yet.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self.figures_path = self.path / "figures"
        self.report_path = self.path / "report.html"

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self.path)!r})"

    def probabilities_path(self, split: str) -> Path:
        """Where the probabilities of `train`, `val` or `test` lie."""
        return self.path / f"probabilities_{split}.npz"

    def metrics_path(self, split: str) -> Path:
        """Where the metrics of `train`, `val` or `test` lie."""
        return self.path / f"metrics_{split}.json"

    def require(self, path: Path, make_it: str) -> Path:
        """`path`, or a RunError that says how to make it.

        Args:
            path: A file of this run.
            make_it: The command that writes it, such as `mien train --run runs/first`.
        """
        if not path.is_file():
            raise RunError(f"Expected {path.name} in {self.path}. Received: no such file. Make it with: {make_it}")
        return path

    def read_json(self, path: Path, make_it: str = "mien train") -> dict[str, Any]:
        """A JSON object of this run.

        Raises:
            RunError: It is missing, is no JSON object, or has a schema newer than this mien reads.
        """
        try:
            value = json.loads(self.require(path, make_it).read_text(encoding="utf-8"))
        except (ValueError, OSError, RecursionError) as error:
            raise RunError(f"Expected JSON in {path}. Received: {error}. Make it again with: {make_it}") from error
        if not isinstance(value, dict):
            raise RunError(f"Expected a JSON object in {path}. Received: {type(value).__name__}.")
        version = value.get("schema_version", SCHEMA_VERSION)
        if not isinstance(version, int) or version > SCHEMA_VERSION:
            raise RunError(
                f"Expected schema_version {SCHEMA_VERSION} or older in {path}. Received: {version}. "
                "The run was written by a newer mien: pip install -U mien"
            )
        return value

    def write_json(self, path: Path, value: dict[str, Any]) -> None:
        """Write a JSON object with the schema version, atomically."""
        write_json(path, {"schema_version": SCHEMA_VERSION, **value})

    def write_probabilities(self, split: str, result: Probabilities) -> Path:
        """Write `probabilities_<split>.npz`, atomically."""
        path = self.probabilities_path(split)
        other = result.votes_probabilities
        votes: dict[str, Any] = {} if other is None else {"votes_probabilities": other}
        _write_npz(
            path,
            lambda handle: np.savez_compressed(
                handle,
                sample_id=np.asarray(result.sample_ids, np.str_),  # an array of objects could not be read back
                y_true=result.y_true,
                probabilities=result.probabilities,
                provenance=np.array(json.dumps(dataclasses.asdict(result.provenance))),
                **votes,
            ),
        )
        return path

    def has_probabilities(self, split: str, provenance: Provenance) -> bool:
        """Whether stored probabilities of a split come from exactly this; no file, or a damaged one, does not."""
        try:
            return self.read_probabilities(split).provenance == provenance
        except RunError:
            return False

    def read_probabilities(self, split: str) -> Probabilities:
        """Read `probabilities_<split>.npz`.

        Raises:
            RunError: It is missing, truncated, or its arrays do not fit each other.
        """
        path = self.require(self.probabilities_path(split), f"mien evaluate {self.path} --split {split}")
        try:
            with np.load(path, allow_pickle=False) as file:
                result = Probabilities(
                    file["sample_id"],
                    file["y_true"],
                    file["probabilities"],
                    _provenance(file.get("provenance")),
                    file.get("votes_probabilities"),
                )
        except Exception as error:  # zipfile, zlib, numpy and KeyError all say "damaged" in words of their own
            raise RunError(
                f"Expected sample_id, y_true and probabilities in {path}. Received: {error}. "
                f"Make it again with: mien evaluate {self.path} --split {split}"
            ) from error
        for problem in _misfits(result):
            raise RunError(f"{problem} ({path}) Make it again with: mien evaluate {self.path} --split {split}")
        return result


class Run(Scores):
    """A run folder on disk; its own scores are those on the dataset that it was trained on.

    Args:
        path: The folder; it need not exist yet.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        super().__init__(path)
        self.name = self.path.resolve().name
        self.config_path = self.path / "config.json"
        self.environment_path = self.path / "environment.json"
        self.history_path = self.path / "history.csv"
        self.checkpoint_path = self.path / "checkpoint" / "state.npz"
        self.model_path = self.path / "model.keras"
        self.model_h5_path = self.path / "model.h5"
        self.onnx_path = self.path / "model.onnx"
        self.card_path = self.path / "model.json"
        self.int8_path = self.path / "int8"

    def read_config(self) -> Config:
        """What was asked of the run.

        Raises:
            RunError: There is no config, or a newer mien wrote it.
            ConfigError: It holds a key or value that is not allowed.
        """
        from mien.config import config_from_dict  # not needed for predictions

        value = self.read_json(self.config_path, f"mien train --run {self.path}")
        return config_from_dict({key: item for key, item in value.items() if key != "schema_version"})

    def require_new(self) -> None:
        """Refuse a folder that holds a run already.

        Raises:
            RunError: It does.
        """
        if self.config_path.exists():
            raise RunError(
                f"Expected a new run folder. Received: {self.path}, which holds a run. Go on with it by --resume, "
                "or choose another with --run."
            )

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder, which is made if need be, for one training at a time; an empty one is removed at the end.

        Raises:
            RunError: Another process holds it.
            OutputError: It cannot be written.
        """
        from filelock import FileLock, Timeout

        lock = FileLock(self.path / ".lock", blocking=False)
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            lock.acquire()
        except Timeout:
            raise RunError(
                f"Expected a run folder that is not in use. Received: {self.path}, which another process trains in. "
                "Wait for it, or choose another folder with --run."
            ) from None
        except OSError as error:
            raise unwritable(self.config_path, error) from error
        try:
            yield
        finally:
            with suppress(OSError):  # Windows keeps a file that is open
                Path(lock.lock_file).unlink()
            lock.release()
            with suppress(OSError):  # it has something in it
                self.path.rmdir()

    def read_probabilities(self, split: str) -> Probabilities:
        """Read `probabilities_<split>.npz`.

        Raises:
            RunError: It is missing or damaged, or is of another model than the run has now.
        """
        result = super().read_probabilities(split)
        if self.model_path.is_file() and result.provenance.model_sha256 != sha256_of(self.model_path):
            raise RunError(
                f"Expected scores of the model as it is now in {self.probabilities_path(split)}. Received: scores of "
                f"an earlier one. Make them again with: mien evaluate {self.path} --split {split}"
            )
        return result

    def scores_on(self, fingerprint: str, source: str) -> Scores:
        """Where the scores on a dataset lie: the run itself for the one it was trained on, else a folder of that one.

        Args:
            fingerprint: Of the dataset.
            source: The path that it was read from, whose name is in the folder's.
        """
        environment = self.read_json(self.environment_path) if self.environment_path.is_file() else {}
        if environment.get("data", {}).get("fingerprint") == fingerprint:
            return self
        stem = re.sub(r"[^\w.-]", "_", Path(source).name.partition(".")[0])[:60] or "data"
        return Scores(self.path / "other_data" / f"{stem}-{fingerprint[:8]}")

    def provenance(self, data_fingerprint: str) -> Provenance:
        """What scores of this run as it is now come from: compare with those that are stored.

        Raises:
            RunError: The model or the config is there and cannot be read.
        """
        models = (path for path in (self.model_path, self.onnx_path) if path.is_file())
        model = next(models, None)
        return Provenance(
            model_sha256=sha256_of(model) if model else "",
            config_sha256=sha256_of(self.config_path) if self.config_path.is_file() else "",
            data_fingerprint=data_fingerprint,
        )


def _provenance(stored: np.ndarray | None) -> Provenance:
    return Provenance() if stored is None else Provenance(**json.loads(str(stored)))


def _misfits(result: Probabilities) -> Iterator[str]:
    """What is wrong with arrays read from a file, the first thing first."""
    n = result.y_true.size
    answers = [p for p in (result.probabilities, result.votes_probabilities) if p is not None]
    shapes = (result.sample_ids.shape, result.y_true.shape, *(p.shape for p in answers))
    if shapes != ((n,), (n,), *[(n, NUM_EMOTIONS)] * len(answers)):
        yield f"Expected sample ids (N,), labels (N,) and probabilities (N, {NUM_EMOTIONS}). Received: {shapes}."
    if result.y_true.dtype.kind not in "iu" or not np.isin(result.y_true, range(NUM_EMOTIONS)).all():
        yield f"Expected labels 0 to {NUM_EMOTIONS - 1}. Received: others, as {result.y_true.dtype}."
    sum_to_1 = ((np.abs(p.sum(axis=-1) - 1) < SUM_TOLERANCE).all() for p in answers)
    if any(p.dtype.kind != "f" for p in answers) or not all(sum_to_1):
        yield "Expected probabilities that sum to 1 in each row. Received: others, or not a number."


def _write_npz(path: Path, save: Callable[[Any], None]) -> None:
    with atomic_write(path) as temporary, temporary.open("wb") as handle:
        save(handle)
