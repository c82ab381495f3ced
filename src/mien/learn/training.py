"""The training loop: fit on train, choose the epoch on val, write the run folder, resume to the same result.

There is no test argument. One epoch is one call of Keras' `fit`, so the compiled step is Keras' own; what happens
between epochs (averaging, scoring, choosing, saving) is here.
"""

from __future__ import annotations

import csv
import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import keras
import numpy as np

from mien.config import TRANSFER_ARCHITECTURES, Config, config_to_dict
from mien.data.dataset import Split, dataset_fingerprint
from mien.emotions import NUM_EMOTIONS
from mien.errors import DataError, RunError
from mien.files import atomic_write
from mien.inference.ensemble import mean_probabilities
from mien.learn.averaging import averaged_weights, keep_raw_weights, refresh_batch_norm
from mien.learn.checkpoint import Origin, TrainingState, load_state, restore_variables, save_state
from mien.learn.distill import Teacher, load_teachers, soft_targets
from mien.learn.environment import environment_facts, policy_for
from mien.learn.initial import copy_matching_weights, load_initial
from mien.learn.layers import with_fused_norms
from mien.learn.models import build_model, copy_weights, logits_model
from mien.learn.models.transfer import set_trainable
from mien.learn.pipeline import EpochBatches
from mien.learn.schedules import learning_rate_schedule, make_optimizer, plateau_rate
from mien.learn.scoring import predict_heads
from mien.learn.targets import head_accuracy, head_loss, heads_of, priors_of, targets_of
from mien.run import HISTORY_COLUMNS, Run

__all__ = ["TrainResult", "TrainingObserver", "train"]

# Batches that batch norms of averaged weights are measured on: 12 · 128 images leave a channel's mean a standard error
# below 3 % of its deviation even where the map has one pixel, and cost under 2 s on two cores.
_REFRESH_BATCHES = 12
# A hundred times the loss of knowing nothing, ln 7; no epoch of a training that comes to anything has a mean above it.
_DIVERGED_LOSS = 200.0


class TrainingObserver(Protocol):
    """What a caller may watch; `mien.cli` draws it."""

    def labelled(self, *, done: int, total: int) -> None:
        """Distillation: so many training images have the teachers' answer, before training begins."""

    def started(self, *, steps_per_epoch: int, first_epoch: int, epochs: int, batch_size: int) -> None:
        """Training begins, or goes on at `first_epoch` (from 0)."""

    def stepped(self, *, epoch: int, step: int, loss: float, accuracy: float) -> None:
        """A step of an epoch is done; both numbers are means over the epoch so far."""

    def finished_epoch(self, row: Mapping[str, float], *, best: bool) -> None:
        """An epoch is done, scored and saved; `row` has `HISTORY_COLUMNS`."""


@dataclass(frozen=True)
class TrainResult:
    """What a run reached.

    Attributes:
        run: Its folder.
        epochs: Epochs done, over all resumptions.
        best_epoch: The epoch whose weights are in `model.keras`, from 1.
        val_accuracy: Accuracy of those weights on val, 0 to 1.
        interrupted: Whether Ctrl-C ended it.
    """

    run: Run
    epochs: int
    best_epoch: int
    val_accuracy: float
    interrupted: bool


def train(
    config: Config,
    train_split: Split,
    val_split: Split,
    run: Run,
    *,
    resume: bool = False,
    data_facts: Mapping[str, Any] | None = None,
    observer: TrainingObserver | None = None,
) -> TrainResult:
    """Train a network, or go on with a run that was stopped.

    Args:
        config: What to do; with `resume` it must equal the run's own.
        train_split: The images to fit.
        val_split: The images to choose the epoch on.
        run: The folder to write.
        resume: Go on after the last finished epoch; with other data, another config or other teachers than the run
            began with, it is refused. On a CPU, with TensorFlow or JAX and the same number of threads,
            the result is the one an uninterrupted run gives, bit for bit; on PyTorch it is close to it.
        data_facts: Written to environment.json: source, protocol, fingerprint of the dataset.
        observer: Told of progress.

    Returns:
        What was reached. Ctrl-C ends training cleanly after at least one epoch.

    Raises:
        DataError: A split is empty.
        RunError: The folder holds another run, is in use, cannot be written, or its checkpoint is damaged; what a
            resumed run began with is not what it is given now; or training diverged.
        ConfigError: The config asks for something that data or initial weights do not have.
        ModelError: Initial weights, pretrained weights or teachers are not there.
    """
    if not len(train_split) or not len(val_split):
        raise DataError(f"Expected images to train and to validate on. Received: {train_split!r}, {val_split!r}.")
    with run.locked():
        state = _open_run(run, resume=resume)
        teachers = load_teachers(config.distill, heads_of(config.model.predicts))
        origin = _origin(config, train_split, val_split, teachers, state)
        if state is not None:
            _check_origin(run, state.origin, origin)
        loop = _Loop(origin, config, train_split, val_split, run, observer=observer)
        loop.begin(state, initial=_initial_model(config, train_split) if state is None else None)
        if state is None:  # the facts of a run are those of its beginning
            priors = priors_of(train_split, config.model.predicts)
            _write_facts(run, config, data_facts or {}, origin, priors)
        loop.teach(teachers)
        return loop.go()


def _open_run(run: Run, *, resume: bool) -> TrainingState | None:
    if not resume:
        run.require_new()
        return None
    return load_state(run)


def _initial_model(config: Config, split: Split) -> keras.Model | None:
    if not config.model.initial:
        return None
    return load_initial(config.model.initial, config.model, split.images)


def _origin(
    config: Config,
    train_split: Split,
    val_split: Split,
    teachers: Sequence[Teacher],
    state: TrainingState | None,
) -> Origin:
    # `auto` is decided once for a run: its state goes on as it began, also on a machine that is fast at something else.
    decided = state is not None and config.train.precision == "auto"
    return Origin(
        config=config_to_dict(config),
        data_sha256=_data_sha256(train_split, val_split, votes=config.model.predicts != "labels"),
        precision=state.origin.precision if state is not None and decided else policy_for(config.train),
        teachers_sha256=[teacher.onnx_sha256 for teacher in teachers],
    )


def _data_sha256(train_split: Split, val_split: Split, *, votes: bool) -> str:
    digest = hashlib.sha256(dataset_fingerprint([("train", train_split), ("val", val_split)]).encode())
    for split in (train_split, val_split):
        if votes and split.votes is not None:
            digest.update(np.ascontiguousarray(split.votes, "<f4").data)
    return digest.hexdigest()


def _check_origin(run: Run, began: Origin, now: Origin) -> None:
    differences = began.differences(now)
    if differences:
        raise RunError(
            f"Expected to go on with what {run.path} began with. Received: {'; '.join(differences)}. "
            "Put that back, or start another run with --run."
        )


def _write_facts(
    run: Run, config: Config, data_facts: Mapping[str, Any], origin: Origin, priors: Mapping[str, list[float]]
) -> None:
    run.write_json(run.config_path, config_to_dict(config))
    facts = environment_facts() | {"seed": config.train.seed, "policy": origin.precision, "priors": dict(priors)}
    if origin.teachers_sha256:
        facts["teachers_sha256"] = list(origin.teachers_sha256)
    run.write_json(run.environment_path, facts | {"data": dict(data_facts), "data_sha256": origin.data_sha256})


class _Loop:
    """One training run in memory.

    Two models share no variable: `_trained` computes fast (fused batch norm, perhaps bfloat16), `_saved` is what is
    scored and written: stock Keras layers in float32, so that history.csv tells of exactly the file that is kept.
    """

    def __init__(
        self,
        origin: Origin,
        config: Config,
        train_split: Split,
        val_split: Split,
        run: Run,
        *,
        observer: TrainingObserver | None,
    ) -> None:
        self._origin = origin
        self._config = config
        self._train_split = train_split
        self._targets: np.ndarray | None = None
        self._teachers: Sequence[Teacher] = ()
        self._val_split = val_split
        self._run = run
        self._observer = observer
        self._steps = len(self._batches(0))
        self._history: list[dict[str, float]] = []
        keras.utils.set_random_seed(config.train.seed)
        self._trained = with_fused_norms(build_model(config.model, policy=origin.precision))
        self._saved = build_model(config.model)
        self._fitted = logits_model(self._trained)
        self._phase = -1
        self._pretrained = config.model.weights != "none"

    def begin(self, state: TrainingState | None, *, initial: keras.Model | None) -> None:
        """Take the weights of another model, or everything from a saved state."""
        if initial is not None:
            copy_matching_weights(initial, self._trained)
        if state is not None:
            self._history = state.history
            self._enter_phase(state.phase)
            restore_variables(self._trained.variables, state.model_values)
            restore_variables(self._fitted.optimizer.variables, state.optimizer_values)

    def teach(self, teachers: Sequence[Teacher]) -> None:
        """Learn from teachers: they answer once here, or are asked at every step."""
        if not teachers or self._config.distill.each_view:
            self._teachers = teachers
            return
        observer, split = self._observer, self._train_split

        def told(done: int) -> None:
            if observer:
                observer.labelled(done=done, total=len(split))

        answers = mean_probabilities(teachers, split.images, on_progress=told)
        self._targets = soft_targets(targets_of(split, self._config.model.predicts), answers, self._config.distill)

    def go(self) -> TrainResult:
        """Train to the end, or until Ctrl-C."""
        epochs, batch_size = self._config.train.epochs, self._config.train.batch_size
        if self._observer:
            self._observer.started(
                steps_per_epoch=self._steps,
                first_epoch=len(self._history),
                epochs=epochs,
                batch_size=min(batch_size, len(self._train_split)),
            )
        interrupted = False
        try:
            while len(self._history) < epochs and not self._should_stop():
                self._epoch(len(self._history))
        except KeyboardInterrupt:
            if not self._history:
                raise
            interrupted = True
        return self._result(interrupted)

    def _result(self, interrupted: bool) -> TrainResult:
        best = self._best()
        return TrainResult(self._run, len(self._history), best + 1, self._history[best]["val_accuracy"], interrupted)

    def _best(self) -> int:
        """The earliest epoch with the highest val_accuracy, from 0; with two heads, with the highest mean of both."""
        return int(np.argmax([row["val_accuracy"] + row.get("val_votes_accuracy", 0.0) for row in self._history]))

    def _should_stop(self) -> bool:
        patience = self._config.train.early_stopping_epochs
        return bool(patience and self._history and len(self._history) - 1 - self._best() >= patience)

    def _epoch(self, epoch: int) -> None:
        self._enter_phase(self._phase_of(epoch))
        self._lower_rate_on_plateau()
        started = time.perf_counter()
        batches = self._batches(epoch, self._teachers)
        callbacks = [_StepWatcher(self._observer, epoch)] if self._observer else []
        logs = self._fitted.fit(batches, epochs=1, shuffle=False, verbose=0, callbacks=callbacks).history
        fit_seconds = time.perf_counter() - started
        loss = float(logs["loss"][0])
        self._refuse_divergence(epoch, loss)
        self._fill_saved_model(epoch)
        images_per_second = len(batches) * min(self._config.train.batch_size, len(self._train_split)) / fit_seconds
        self._finish_epoch(
            {
                "epoch": epoch + 1,
                "loss": loss,
                "accuracy": float(logs["accuracy"][0]),
                **self._validate(),
                "learning_rate": float(keras.ops.convert_to_numpy(self._fitted.optimizer.learning_rate)),
                "seconds": round(time.perf_counter() - started, 3),
                "images_per_second": round(images_per_second, 1),
            }
        )

    def _batches(self, epoch: int, teachers: Sequence[Teacher] = ()) -> EpochBatches:
        return EpochBatches(self._train_split, self._config, epoch=epoch, targets=self._targets, teachers=teachers)

    def _fill_saved_model(self, epoch: int) -> None:
        if self._config.optimizer.ema_momentum:
            with averaged_weights(self._trained, self._fitted.optimizer):
                # The epoch's own images again, from a stream of their own; each epoch decides its result alone.
                batches = self._batches(epoch)
                count = min(_REFRESH_BATCHES, len(batches))
                refresh_batch_norm(self._trained, (batches[index][0] for index in range(count)))
                copy_weights(self._trained, self._saved)
        else:
            copy_weights(self._trained, self._saved)

    def _validate(self) -> dict[str, float]:
        """Loss and accuracy of the last head on val, and with two heads, of the votes' head beside them."""
        heads = heads_of(self._config.model.predicts)
        answers = predict_heads(self._saved, self._val_split.images)
        scores = [
            _scores(probabilities, targets_of(self._val_split, head))
            for head, probabilities in zip(heads, answers, strict=True)
        ]
        of_votes = {f"val_votes_{key}": value for key, value in scores[0].items()} if len(heads) > 1 else {}
        return {f"val_{key}": value for key, value in scores[-1].items()} | of_votes

    def _refuse_divergence(self, epoch: int, loss: float) -> None:
        if loss < _DIVERGED_LOSS:
            return  # also false of a loss that is no number
        rate = self._config.optimizer.rate
        raise RunError(
            f"Expected a loss near {np.log(NUM_EMOTIONS):.1f} or below. Received: {loss:.3g} in epoch {epoch + 1}: "
            f"training diverged. Lower the rate (--set optimizer.learning_rate={rate / 10:g}), or clip gradients "
            "(--set optimizer.gradient_clip_norm=1), in a new run."
        )

    def _finish_epoch(self, row: dict[str, float]) -> None:
        """Save model, history, then state: a kill between two of them only repeats the epoch on resuming."""
        self._history.append(row)
        best = self._best() == len(self._history) - 1
        if best:
            with atomic_write(self._run.model_path) as temporary:
                self._saved.save(temporary)
        with (
            atomic_write(self._run.history_path) as temporary,
            temporary.open("w", newline="", encoding="utf-8") as file,
        ):
            table = csv.DictWriter(file, HISTORY_COLUMNS, lineterminator="\n")
            table.writeheader()
            table.writerows(self._history)
        save_state(
            self._run,
            origin=self._origin,
            history=self._history,
            phase=self._phase,
            model=self._trained,
            optimizer=self._fitted.optimizer,
        )
        if self._observer:
            self._observer.finished_epoch(row, best=best)

    def _phase_of(self, epoch: int) -> int:
        """0 while a pretrained backbone is frozen, 1 while everything learns."""
        return 0 if self._pretrained and epoch < self._config.train.head_epochs else 1

    def _enter_phase(self, phase: int) -> None:
        if phase == self._phase:
            return
        self._phase = phase
        peak, epochs = self._phase_plan(phase)
        if self._config.model.architecture in TRANSFER_ARCHITECTURES:
            set_trainable(self._trained, backbone=phase == 1, norms=not self._pretrained)
        rate = learning_rate_schedule(self._config, peak=peak, steps_per_epoch=self._steps, epochs=epochs)
        optimizer = make_optimizer(self._config, self._fitted, rate)
        keep_raw_weights(optimizer)
        self._fitted.compile(
            optimizer=optimizer,
            loss=head_loss(self._config),
            metrics=[keras.metrics.MeanMetricWrapper(head_accuracy, name="accuracy")],
        )
        if keras.backend.backend() != "tensorflow":
            # A fit on JAX or PyTorch that finds loss and metrics unbuilt takes a batch off the epoch to build them, so
            # the first epoch of every process would differ from the same epoch of an uninterrupted run.
            one = np.zeros((1, *self._fitted.input_shape[1:]), np.float32)
            self._fitted.test_on_batch(one, np.zeros((1, self._fitted.output_shape[-1]), np.float32))

    def _phase_plan(self, phase: int) -> tuple[float, int]:
        """Peak learning rate and number of epochs of a phase."""
        peak, epochs = self._config.optimizer.rate, self._config.train.epochs
        if not self._pretrained:
            return peak, epochs
        head = min(self._config.train.head_epochs, epochs)
        if phase == 0:
            return peak, head
        return peak * self._config.train.fine_tune_factor, epochs - head

    def _lower_rate_on_plateau(self) -> None:
        if self._config.optimizer.schedule == "plateau":
            peak, _ = self._phase_plan(self._phase)
            first = 0 if self._phase == 0 else sum(self._phase_of(e) == 0 for e in range(len(self._history)))
            losses = [row["val_loss"] for row in self._history[first:]]
            self._fitted.optimizer.learning_rate = plateau_rate(peak, losses)


def _scores(probabilities: np.ndarray, targets: np.ndarray) -> dict[str, float]:
    """Mean cross-entropy and accuracy over the rows that have a target, float (N, 7) both."""
    some = targets.any(axis=1)
    probabilities, targets = probabilities[some], targets[some]
    each = -(targets * np.log(np.maximum(probabilities, np.finfo(np.float32).tiny))).sum(axis=1)
    return {
        "loss": float(each.mean()),
        "accuracy": float(np.mean(probabilities.argmax(1) == targets.argmax(1))),
    }


class _StepWatcher(keras.callbacks.Callback):
    """Passes Keras' steps on to the observer."""

    def __init__(self, observer: TrainingObserver, epoch: int) -> None:
        super().__init__()
        self._observer = observer
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        logs = logs or {}
        loss, accuracy = float(logs.get("loss", np.nan)), float(logs.get("accuracy", np.nan))
        self._observer.stepped(epoch=self._epoch, step=batch + 1, loss=loss, accuracy=accuracy)
