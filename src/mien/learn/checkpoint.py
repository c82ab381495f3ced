"""The resumable state of a training run, in one file that is replaced whole after every epoch."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import ops

from mien.errors import RunError
from mien.files import atomic_write
from mien.run import Run

__all__ = ["TrainingState", "load_state", "restore_variables", "save_state"]


@dataclass(frozen=True)
class TrainingState:
    """Everything that the next epoch depends on.

    Attributes:
        history: One dict per finished epoch, keys as in `mien.run.HISTORY_COLUMNS`.
        phase: Which phase of training the optimizer belongs to (transfer learning has two).
        model_values: Values of all model variables: weights, batch-norm statistics, dropout seeds.
        optimizer_values: Values of all optimizer variables: step count, momenta, averaged weights.
    """

    history: list[dict[str, float]]
    phase: int
    model_values: Sequence[np.ndarray]
    optimizer_values: Sequence[np.ndarray]


def save_state(
    run: Run,
    *,
    history: list[dict[str, float]],
    phase: int,
    model: keras.Model,
    optimizer: keras.optimizers.Optimizer,
) -> None:
    """Write the state atomically: a kill at any moment leaves the one before or this one."""
    arrays = {f"model_{i}": ops.convert_to_numpy(v) for i, v in enumerate(model.variables)}
    arrays |= {f"optimizer_{i}": ops.convert_to_numpy(v) for i, v in enumerate(optimizer.variables)}
    facts = json.dumps({"history": history, "phase": phase})
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
            return TrainingState(facts["history"], facts["phase"], *values)
    except Exception as error:  # zipfile, numpy, json: a damaged file has many faces
        raise RunError(
            f"Expected a training state in {run.checkpoint_path}. Received: {error}. Start again in another run folder."
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
