"""The resumable state of a training run, in one file that is replaced whole after every epoch.

The state says itself what it came from, so that it is never continued with anything else, whatever the files beside it
say by then.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import ops

from mien.errors import RunError
from mien.files import atomic_write
from mien.run import Run

__all__ = ["Origin", "TrainingState", "load_state", "restore_variables", "save_state"]


@dataclass(frozen=True)
class Origin:
    """What a training state comes from: a run goes on with exactly this, or not at all."""

    config: Mapping[str, Mapping[str, Any]]
    """The whole config as nested dicts; the seed is in it."""
    data_sha256: str
    """Of what is learnt and validated on: images, labels, and votes where they are learnt."""
    precision: str
    """The Keras dtype policy."""
    teachers_sha256: Sequence[str] = ()
    """Of the teachers' ONNX files, in order."""

    def differences(self, other: Origin) -> list[str]:
        """What `other` has instead, each as a few words; empty where nothing differs."""
        found = [
            f"{section}.{key} {theirs} instead of {ours}"
            for section, values in self.config.items()
            for key, ours in values.items()
            if (theirs := other.config.get(section, {}).get(key)) != ours
        ]
        for name, ours, theirs in (
            ("the data", self.data_sha256[:12], other.data_sha256[:12]),
            ("the precision", self.precision, other.precision),
            ("the teachers", _short(self.teachers_sha256), _short(other.teachers_sha256)),
        ):
            if ours != theirs:
                found.append(f"{name} {theirs} instead of {ours}")
        return found


def _short(digests: Sequence[str]) -> str:
    return ", ".join(digest[:12] for digest in digests) or "none"


@dataclass(frozen=True)
class TrainingState:
    """Everything that the next epoch depends on.

    Attributes:
        origin: What it comes from.
        history: One dict per finished epoch, keys as in `mien.run.HISTORY_COLUMNS`.
        phase: Which phase of training the optimizer belongs to (transfer learning has two).
        model_values: Values of all model variables: weights, batch-norm statistics, dropout seeds.
        optimizer_values: Values of all optimizer variables: step count, momenta, averaged weights.
    """

    origin: Origin
    history: list[dict[str, float]]
    phase: int
    model_values: Sequence[np.ndarray]
    optimizer_values: Sequence[np.ndarray]


def save_state(
    run: Run,
    *,
    origin: Origin,
    history: list[dict[str, float]],
    phase: int,
    model: keras.Model,
    optimizer: keras.optimizers.Optimizer,
) -> None:
    """Write the state atomically: a kill at any moment leaves the one before or this one."""
    arrays = {f"model_{i}": ops.convert_to_numpy(v) for i, v in enumerate(model.variables)}
    arrays |= {f"optimizer_{i}": ops.convert_to_numpy(v) for i, v in enumerate(optimizer.variables)}
    facts = json.dumps({"origin": dataclasses.asdict(origin), "history": history, "phase": phase})
    with atomic_write(run.checkpoint_path) as temporary, temporary.open("wb") as handle:
        np.savez(handle, facts=np.array(facts), **arrays)


def load_state(run: Run) -> TrainingState | None:
    """The last saved state, or None when no epoch was finished.

    Raises:
        RunError: The file is damaged.
    """
    if not run.checkpoint_path.is_file():
        return None
    try:
        with np.load(run.checkpoint_path, allow_pickle=False) as file:
            facts: dict[str, Any] = json.loads(str(file["facts"]))
            values = _numbered(file, "model"), _numbered(file, "optimizer")
            return TrainingState(Origin(**facts["origin"]), facts["history"], facts["phase"], *values)
    except Exception as error:  # zipfile, numpy, json: a damaged file has many faces
        raise RunError(
            f"Expected a training state in {run.checkpoint_path}. Received: {error!r}. "
            "Start again in another run folder."
        ) from error


def _numbered(file: Any, prefix: str) -> list[np.ndarray]:
    count = sum(name.startswith(f"{prefix}_") for name in file.files)
    return [file[f"{prefix}_{index}"] for index in range(count)]


def restore_variables(variables: Sequence[Any], values: Sequence[np.ndarray]) -> None:
    """Put saved values back.

    Raises:
        RunError: They are of another model or optimizer.
    """
    shapes = [tuple(variable.shape) for variable in variables]
    if shapes != [value.shape for value in values]:
        raise RunError(
            f"Expected a checkpoint of the configured model ({len(shapes)} variables). "
            f"Received: {len(values)} variables of other shapes. Resume with the run's own config."
        )
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
