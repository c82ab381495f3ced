"""What a training run is asked to do: frozen dataclasses, read from and written to TOML and JSON.

The string under each field is its documentation: it says the unit, and it is what `mien train --help-config` and
`docs/config.md` print. Contradictions are refused together, before any work starts.
"""

from __future__ import annotations

import ast
import dataclasses
import difflib
import inspect
import itertools
import json
import sys
import tomllib
import typing
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from mien.errors import ConfigError

__all__ = [
    "AugmentConfig",
    "Config",
    "DistillConfig",
    "ModelConfig",
    "OptimizerConfig",
    "TrainConfig",
    "config_from_dict",
    "config_to_dict",
    "config_to_toml",
    "field_docs",
    "load_config",
    "unusual_rate",
    "with_overrides",
]

Architecture = Literal["cnn", "vgg", "resnet", "vgg16", "resnet50v2", "efficientnetv2b0", "mobilenetv3small"]
# The peak rate that each is known at; its steps are of a useful size there.
USUAL_LEARNING_RATES = {"sgd": 0.1, "adam": 1e-3, "adamw": 1e-3}
TRANSFER_ARCHITECTURES = ("vgg16", "resnet50v2", "efficientnetv2b0", "mobilenetv3small")


@dataclass(frozen=True)
class ModelConfig:
    """The network."""

    architecture: Architecture = "resnet"
    """Name of the architecture; see `mien.learn.models`."""
    widths: tuple[int, ...] = ()
    """Channels of each stage; empty takes the architecture's own (not for transfer learning)."""
    blocks: tuple[int, ...] = ()
    """Blocks of each stage, as many numbers as widths; empty takes the architecture's own."""
    predicts: Literal["labels", "votes", "both"] = "labels"
    """`labels`: FER-2013's label. `votes`: what FER+'s ten taggers see, which needs --votes. `both`: two heads."""
    dropout: float = 0.3
    """Share of features dropped before the last layer, 0 to 1."""
    squeeze_excite: bool = False
    """Whether residual blocks weigh their channels (Hu et al. 2018, arXiv:1709.01507); resnet only."""
    weights: str = "none"
    """Transfer learning only: `imagenet`, `none`, or the path of a Keras weights file of the backbone without top."""
    initial: str = ""
    """Run folder whose best model training begins with, as in fine-tuning; it must have this very network."""
    input_size_px: int = 96
    """Transfer learning only: side that the 48 px image is resized to inside the graph, in pixels."""


@dataclass(frozen=True)
class AugmentConfig:
    """Random changes to each training image; every magnitude 0 means none."""

    flip: bool = True
    """Mirror left to right for half of the images."""
    rotation_degrees: float = 15.0
    """Largest rotation either way, in degrees."""
    shift: float = 0.1
    """Largest shift along each axis, as a share of the image side."""
    zoom: float = 0.1
    """Largest change of scale either way: 0.1 draws 0.9 to 1.1."""
    brightness: float = 0.1
    """Largest brightness added or taken away, as a share of the 0 to 255 range."""
    contrast: float = 0.2
    """Largest change of contrast about the image's mean: 0.2 draws 0.8 to 1.2."""
    erasing_probability: float = 0.25
    """Share of images in which one rectangle becomes noise (Zhong et al. 2020, arXiv:1708.04896), 0 to 1."""
    erasing_area: float = 0.2
    """Largest erased area, as a share of the image, above 0.02."""
    degrade_probability: float = 0.0
    """Share of images that suffer what small and bad pictures suffer: few pixels, blur, noise or JPEG, 0 to 1."""
    mixup_alpha: float = 0.0
    """Beta parameter of mixup (Zhang et al. 2018, arXiv:1710.09412); 0 turns it off."""
    cutmix_alpha: float = 0.0
    """Beta parameter of CutMix (Yun et al. 2019, arXiv:1905.04899); 0 turns it off; mixup and it alternate by batch."""
    mix_epochs: int = 0
    """Epochs with mixup and CutMix, after which images are no longer mixed; 0 mixes to the end."""


@dataclass(frozen=True)
class OptimizerConfig:
    """How weights move."""

    name: Literal["sgd", "adam", "adamw"] = "sgd"
    """`sgd` (Nesterov momentum), `adam` or `adamw`."""
    learning_rate: float = 0.0
    """Peak learning rate; 0 takes the usual one: 0.1 with `sgd`, 0.001 with `adam` and `adamw`."""
    momentum: float = 0.9
    """Momentum of sgd, 0 to 1."""
    weight_decay: float = 0.0
    """Decoupled weight decay of kernels per step at the current learning rate; biases and norms are spared."""
    schedule: Literal["constant", "plateau", "onecycle", "cosine"] = "cosine"
    """`constant`; `plateau` (times 0.5 after 5 epochs without a better val_loss); `onecycle`; `cosine` to zero."""
    warmup_epochs: float = 2.0
    """Epochs of linear rise from zero before cosine starts; at most half of all epochs."""
    restart_epochs: tuple[int, ...] = ()
    """Finished epochs after which cosine starts anew (Loshchilov & Hutter 2017, arXiv:1608.03983); cosine only."""
    restart_factor: float = 0.5
    """Peak learning rate after each restart, as a share of the peak before it."""
    ema_momentum: float = 0.0
    """Weight averaging: share of the old average kept at each step; 0 turns it off, 0.999 is usual."""
    gradient_clip_norm: float = 0.0
    """Largest global norm of the gradient; 0 turns clipping off."""

    @property
    def rate(self) -> float:
        """The peak learning rate that is meant."""
        return self.learning_rate or USUAL_LEARNING_RATES[self.name]


@dataclass(frozen=True)
class TrainConfig:
    """The loop."""

    epochs: int = 100
    """Most epochs to train."""
    batch_size: int = 128
    """Images per step."""
    early_stopping_epochs: int = 0
    """Stop after so many epochs without a better val_accuracy; 0 never stops early."""
    votes_weight: float = 0.5
    """With both heads: share of the votes in the loss; the labels have the rest. 0 to 1."""
    label_smoothing: float = 0.0
    """Share of each label spread over all seven emotions (Szegedy et al. 2016, arXiv:1512.00567), 0 to 1."""
    class_weights: Literal["none", "balanced"] = "none"
    """`balanced` weighs each class by the inverse of its frequency."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """`bfloat16` computes in mixed precision; `auto` does so where the hardware is fast at it."""
    head_epochs: int = 5
    """Transfer learning only: epochs with the backbone frozen, before fine-tuning."""
    fine_tune_factor: float = 0.1
    """Transfer learning only: the learning rate of fine-tuning, as a share of the one of the head."""
    seed: int = 0
    """Seed of everything random: initial weights, order, augmentation, dropout."""


@dataclass(frozen=True)
class DistillConfig:
    """Learning from other models' answers (Hinton, Vinyals & Dean 2015, arXiv:1503.02531)."""

    teachers: tuple[str, ...] = ()
    """Bundled models or folders of exported ones; their mean answer to each training image is learnt. Empty: none."""
    weight: float = 0.7
    """Share of the teachers' probabilities in each target; the label has the rest. 0 to 1."""
    temperature: float = 1.0
    """Softens the teachers' probabilities: softmax(log(p) / temperature)."""
    each_view: bool = False
    """Ask the teachers about every augmented and mixed image, as the student sees it (Beyer et al. 2022,
    arXiv:2106.05237), instead of once about the plain image and its mirror image."""


@dataclass(frozen=True)
class Config:
    """A whole training run."""

    model: ModelConfig = field(default_factory=ModelConfig)
    """The network."""
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    """Random changes to each training image."""
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    """How weights move."""
    train: TrainConfig = field(default_factory=TrainConfig)
    """The loop."""
    distill: DistillConfig = field(default_factory=DistillConfig)
    """Learning from other models' answers."""

    def __post_init__(self) -> None:
        # Types first: a range means nothing for a text.
        problems = list(_misfits(self)) or list(_contradictions(self))
        if problems:
            raise ConfigError(" ".join(problems))


# (section, field, lowest, highest); both bounds are allowed values.
_RANGES: tuple[tuple[str, str, float, float], ...] = (
    ("model", "dropout", 0, 0.95),
    ("model", "input_size_px", 32, 512),
    ("augment", "rotation_degrees", 0, 180),
    ("augment", "shift", 0, 0.5),
    ("augment", "zoom", 0, 0.9),
    ("augment", "brightness", 0, 1),
    ("augment", "contrast", 0, 1),
    ("augment", "erasing_probability", 0, 1),
    ("augment", "erasing_area", 0.02, 1),
    ("augment", "degrade_probability", 0, 1),
    ("augment", "mixup_alpha", 0, 10),
    ("augment", "cutmix_alpha", 0, 10),
    ("augment", "mix_epochs", 0, 100_000),
    ("optimizer", "learning_rate", 0, 100),
    ("optimizer", "momentum", 0, 0.9999),
    ("optimizer", "weight_decay", 0, 1),
    ("optimizer", "warmup_epochs", 0, 1000),
    ("optimizer", "restart_factor", 1e-6, 1),
    ("optimizer", "ema_momentum", 0, 0.99999),
    ("optimizer", "gradient_clip_norm", 0, 1e6),
    ("train", "epochs", 1, 100_000),
    ("train", "batch_size", 1, 65_536),
    ("train", "early_stopping_epochs", 0, 100_000),
    ("train", "votes_weight", 0, 1),
    ("train", "label_smoothing", 0, 0.9),
    ("train", "head_epochs", 0, 100_000),
    ("train", "fine_tune_factor", 1e-6, 1),
    ("train", "seed", 0, 2**31 - 1),
    ("distill", "weight", 0, 1),
    ("distill", "temperature", 0.1, 100),
)


def _misfits(config: Config) -> Iterable[str]:
    for section, cls in typing.get_type_hints(Config).items():
        for key, kind in typing.get_type_hints(cls).items():
            try:
                _typed(f"{section}.{key}", kind, getattr(getattr(config, section), key))
            except ConfigError as error:
                yield str(error)


def _contradictions(config: Config) -> Iterable[str]:
    for section, name, low, high in _RANGES:
        value = getattr(getattr(config, section), name)
        if not low <= value <= high:
            yield f"Expected {section}.{name} from {low:g} to {high:g}. Received: {value}."
    model = config.model
    transfer = model.architecture in TRANSFER_ARCHITECTURES
    if len(model.widths) != len(model.blocks):
        yield (
            "Expected model.widths and model.blocks together, one number of each per stage. "
            f"Received: widths {list(model.widths)} and blocks {list(model.blocks) or '(left out)'}."
        )
    if any(number < 1 for number in (*model.widths, *model.blocks)):
        yield f"Expected model.widths and model.blocks above 0. Received: {model.widths} and {model.blocks}."
    if transfer and model.widths:
        yield f"Expected no model.widths with {model.architecture}, whose layers are fixed. Received: {model.widths}."
    if not transfer and model.weights != "none":
        yield (
            f"Expected model.weights 'none' with {model.architecture}, which is trained from scratch. "
            f"Received: {model.weights!r}."
        )
    if model.squeeze_excite and model.architecture != "resnet":
        yield f"Expected model.squeeze_excite only with resnet. Received: {model.architecture}."
    if config.optimizer.name == "adam" and config.optimizer.weight_decay:
        yield "Expected optimizer.weight_decay 0 with adam: choose adamw for decoupled weight decay."
    yield from _restart_contradictions(config)


def _restart_contradictions(config: Config) -> Iterable[str]:
    restarts = config.optimizer.restart_epochs
    if restarts and config.optimizer.schedule != "cosine":
        yield f"Expected optimizer.restart_epochs only with cosine. Received: {config.optimizer.schedule}."
    if restarts and config.model.architecture in TRANSFER_ARCHITECTURES:
        yield f"Expected no optimizer.restart_epochs with {config.model.architecture}, which is trained in phases."
    bounds = [config.optimizer.warmup_epochs, *restarts, config.train.epochs]
    if restarts and any(earlier >= later for earlier, later in itertools.pairwise(bounds)):
        yield (
            "Expected optimizer.restart_epochs rising, after warmup_epochs and before train.epochs. "
            f"Received: {list(restarts)} with {config.optimizer.warmup_epochs:g} and {config.train.epochs}."
        )


def unusual_rate(config: Config) -> str:
    """A sentence on a learning rate that is far from what is usual for the optimizer; empty when it is not."""
    rate, usual = config.optimizer.rate, USUAL_LEARNING_RATES[config.optimizer.name]
    if usual / 100 <= rate <= usual * 10:
        return ""
    far, then = ("high", "training may diverge") if rate > usual else ("low", "little may be learnt")
    return f"optimizer.learning_rate {rate:g} is {far} for {config.optimizer.name} (usual: {usual:g}); {then}."


def config_to_dict(config: Config) -> dict[str, dict[str, Any]]:
    """The config as plain nested dicts, complete with defaults."""
    nested: dict[str, dict[str, Any]] = json.loads(json.dumps(dataclasses.asdict(config)))
    return nested


def config_from_dict(nested: Mapping[str, Any]) -> Config:
    """Build a Config from nested dicts; what is left out keeps its default.

    Raises:
        ConfigError: An unknown key (the nearest known one is named), a wrong type, or a contradiction.
    """
    sections = {f.name: f for f in dataclasses.fields(Config)}
    values = {}
    for name, content in nested.items():
        if name not in sections:
            raise ConfigError(_unknown_key(name, sections))
        if not isinstance(content, Mapping):
            raise ConfigError(f"Expected a table [{name}]. Received: {content!r}.")
        values[name] = _section(name, typing.get_type_hints(Config)[name], content)
    return Config(**values)


def _section(section: str, cls: type, content: Mapping[str, Any]) -> Any:
    hints = typing.get_type_hints(cls)
    values = {}
    for key, value in content.items():
        if key not in hints:
            raise ConfigError(_unknown_key(f"{section}.{key}", [f"{section}.{known}" for known in hints]))
        values[key] = _typed(f"{section}.{key}", hints[key], value)
    return cls(**values)


def _unknown_key(key: str, known: Iterable[str]) -> str:
    # Compared by the last part too, so that `train.mixup_alpha` finds `augment.mixup_alpha`.
    everywhere = [f"{s.name}.{f}" for s in dataclasses.fields(Config) for f in _section_fields(s.name)]
    near = difflib.get_close_matches(key, [*known, *everywhere], n=1, cutoff=0.5)
    hint = f" Did you mean {near[0]}?" if near else f" Known: {', '.join(known)}."
    return f"Expected a known config key. Received: {key!r}.{hint}"


def _section_fields(section: str) -> list[str]:
    return list(typing.get_type_hints(typing.get_type_hints(Config)[section]))


def _typed(key: str, kind: Any, value: Any) -> Any:
    """`value` as `kind`; TOML and JSON give lists for tuples and ints for floats, nothing else is converted."""
    origin = typing.get_origin(kind)
    if origin is Literal:
        choices = typing.get_args(kind)
        if value not in choices:
            raise ConfigError(f"Expected {key} to be one of {', '.join(choices)}. Received: {value!r}.")
        return value
    if origin is tuple:
        of, what = (int, "whole numbers") if typing.get_args(kind)[0] is int else (str, "texts")
        if not isinstance(value, (list, tuple)) or not all(type(item) is of for item in value):
            raise ConfigError(f"Expected {key} to be a list of {what}. Received: {value!r}.")
        return tuple(value)
    if kind is float and type(value) in (int, float) and abs(value) <= sys.float_info.max:
        return float(value)
    if type(value) is kind:
        return value
    names = {int: "a whole number", float: "a number", bool: "true or false", str: "a text"}
    raise ConfigError(f"Expected {key} to be {names[kind]}. Received: {value!r}.")


def load_config(path: str | Path) -> Config:
    """Read a Config from a TOML file.

    Raises:
        ConfigError: The file cannot be read, is no TOML, or holds a key or value that is not allowed.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
        return config_from_dict(tomllib.loads(text))
    except OSError as error:
        raise ConfigError(f"Expected a TOML config file. Received: {path} ({error.strerror}).") from error
    except (ValueError, RecursionError) as error:  # no TOML, no UTF-8, thousands of digits, nested without end
        raise ConfigError(f"Expected TOML in {path}. Received: {error}.") from error


def with_overrides(config: Config, assignments: Iterable[str]) -> Config:
    """A copy of `config` with `section.key=value` assignments on top.

    Args:
        config: The config to start from.
        assignments: Such as `train.epochs=5` or `model.architecture=cnn`. A value is read as TOML; one that is no
            TOML is a text.

    Raises:
        ConfigError: An assignment without `=`, an unknown key, a value that does not fit.
    """
    nested = config_to_dict(config)
    for assignment in assignments:
        key, equals, text = assignment.partition("=")
        section, dot, name = key.strip().partition(".")
        if not equals or not dot:
            raise ConfigError(f"Expected section.key=value, such as train.epochs=5. Received: {assignment!r}.")
        if section not in nested or name not in nested[section]:
            known = [f"{s}.{k}" for s, keys in nested.items() for k in keys]
            raise ConfigError(_unknown_key(key.strip(), known))
        nested[section][name] = _toml_value(text.strip())
    return config_from_dict(nested)


def _toml_value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except (tomllib.TOMLDecodeError, RecursionError):
        return text


def config_to_toml(config: Config) -> str:
    """The complete config as TOML text that `load_config` reads back to an equal Config."""
    lines = []
    for section, values in config_to_dict(config).items():
        lines += [f"[{section}]", *(f"{key} = {_toml_text(value)}" for key, value in values.items()), ""]
    return "\n".join(lines)


def _toml_text(value: Any) -> str:
    # JSON's spelling of numbers, texts, lists and booleans is TOML's too, with two exceptions: TOML has no surrogate
    # pairs, so characters stay as they are, and it wants DEL escaped.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def field_docs() -> dict[str, dict[str, str]]:
    """The documentation of every field: section → key → the sentence under the field in this module."""
    return {f.name: _attribute_docs(typing.get_type_hints(Config)[f.name]) for f in dataclasses.fields(Config)}


def _attribute_docs(cls: type) -> dict[str, str]:
    body = ast.parse(inspect.getsource(cls)).body[0]
    assert isinstance(body, ast.ClassDef)
    docs = {}
    for node, following in zip(body.body, body.body[1:], strict=False):
        is_doc = isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant)
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and is_doc:
            docs[node.target.id] = inspect.cleandoc(str(following.value.value))  # type: ignore[attr-defined]
    return docs
