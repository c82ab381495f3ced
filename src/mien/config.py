"""What a training run is asked to do: frozen dataclasses, read from and written to TOML and JSON.

The string under each field is its documentation: it says the unit, and it is what `mien train --help-config` and
`docs/config.md` print. Contradictions are refused together, before any work starts.
"""

from __future__ import annotations

import dataclasses
import difflib
import functools
import itertools
import json
import tomllib
import typing
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from annotated_types import Interval
from pydantic import ConfigDict, Strict, StrictBool, StrictInt, TypeAdapter, ValidationError

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


class _Section:
    """Fields with their ranges, and below each a string that says what it is; pydantic reads both."""

    __pydantic_config__ = ConfigDict(use_attribute_docstrings=True)


@dataclass(frozen=True)
class ModelConfig(_Section):
    """The network."""

    architecture: Architecture = "resnet"
    """Name of the architecture; see `mien.learn.models`."""
    widths: tuple[StrictInt, ...] = ()
    """Channels of each stage; empty takes the architecture's own (not for transfer learning)."""
    blocks: tuple[StrictInt, ...] = ()
    """Blocks of each stage, as many numbers as widths; empty takes the architecture's own."""
    predicts: Literal["labels", "votes", "both"] = "labels"
    """`labels`: FER-2013's label. `votes`: what FER+'s ten taggers see, which needs --votes. `both`: two heads."""
    dropout: Annotated[float, Strict(), Interval(ge=0, le=0.95)] = 0.3
    """Share of features dropped before the last layer, 0 to 1."""
    squeeze_excite: StrictBool = False
    """Whether residual blocks weigh their channels (Hu et al. 2018, arXiv:1709.01507); resnet only."""
    weights: str = "none"
    """Transfer learning only: `imagenet`, `none`, or the path of a Keras weights file of the backbone without top."""
    initial: str = ""
    """Run folder whose best model training begins with, as in fine-tuning; it must have this very network."""
    input_size_px: Annotated[int, Strict(), Interval(ge=32, le=512)] = 96
    """Transfer learning only: side that the 48 px image is resized to inside the graph, in pixels."""


@dataclass(frozen=True)
class AugmentConfig(_Section):
    """Random changes to each training image; every magnitude 0 means none."""

    flip: StrictBool = True
    """Mirror left to right for half of the images."""
    rotation_degrees: Annotated[float, Strict(), Interval(ge=0, le=180)] = 15.0
    """Largest rotation either way, in degrees."""
    shift: Annotated[float, Strict(), Interval(ge=0, le=0.5)] = 0.1
    """Largest shift along each axis, as a share of the image side."""
    zoom: Annotated[float, Strict(), Interval(ge=0, le=0.9)] = 0.1
    """Largest change of scale either way: 0.1 draws 0.9 to 1.1."""
    brightness: Annotated[float, Strict(), Interval(ge=0, le=1)] = 0.1
    """Largest brightness added or taken away, as a share of the 0 to 255 range."""
    contrast: Annotated[float, Strict(), Interval(ge=0, le=1)] = 0.2
    """Largest change of contrast about the image's mean: 0.2 draws 0.8 to 1.2."""
    erasing_probability: Annotated[float, Strict(), Interval(ge=0, le=1)] = 0.25
    """Share of images in which one rectangle becomes noise (Zhong et al. 2020, arXiv:1708.04896), 0 to 1."""
    erasing_area: Annotated[float, Strict(), Interval(ge=0.02, le=1)] = 0.2
    """Largest erased area, as a share of the image, above 0.02."""
    degrade_probability: Annotated[float, Strict(), Interval(ge=0, le=1)] = 0.0
    """Share of images that suffer what small and bad pictures suffer: few pixels, blur, noise or JPEG, 0 to 1."""
    mixup_alpha: Annotated[float, Strict(), Interval(ge=0, le=10)] = 0.0
    """Beta parameter of mixup (Zhang et al. 2018, arXiv:1710.09412); 0 turns it off."""
    cutmix_alpha: Annotated[float, Strict(), Interval(ge=0, le=10)] = 0.0
    """Beta parameter of CutMix (Yun et al. 2019, arXiv:1905.04899); 0 turns it off; mixup and it alternate by batch."""
    mix_epochs: Annotated[int, Strict(), Interval(ge=0, le=100_000)] = 0
    """Epochs with mixup and CutMix, after which images are no longer mixed; 0 mixes to the end."""


@dataclass(frozen=True)
class OptimizerConfig(_Section):
    """How weights move."""

    name: Literal["sgd", "adam", "adamw"] = "sgd"
    """`sgd` (Nesterov momentum), `adam` or `adamw`."""
    learning_rate: Annotated[float, Strict(), Interval(ge=0, le=100)] = 0.0
    """Peak learning rate; 0 takes the usual one: 0.1 with `sgd`, 0.001 with `adam` and `adamw`."""
    momentum: Annotated[float, Strict(), Interval(ge=0, le=0.9999)] = 0.9
    """Momentum of sgd, 0 to 1."""
    weight_decay: Annotated[float, Strict(), Interval(ge=0, le=1)] = 0.0
    """Decoupled weight decay of kernels per step at the current learning rate; biases and norms are spared."""
    schedule: Literal["constant", "plateau", "onecycle", "cosine"] = "cosine"
    """`constant`; `plateau` (times 0.5 after 5 epochs without a better val_loss); `onecycle`; `cosine` to zero."""
    warmup_epochs: Annotated[float, Strict(), Interval(ge=0, le=1000)] = 2.0
    """Epochs of linear rise from zero before cosine starts; at most half of all epochs."""
    restart_epochs: tuple[StrictInt, ...] = ()
    """Finished epochs after which cosine starts anew (Loshchilov & Hutter 2017, arXiv:1608.03983); cosine only."""
    restart_factor: Annotated[float, Strict(), Interval(ge=1e-6, le=1)] = 0.5
    """Peak learning rate after each restart, as a share of the peak before it."""
    ema_momentum: Annotated[float, Strict(), Interval(ge=0, le=0.99999)] = 0.0
    """Weight averaging: share of the old average kept at each step; 0 turns it off, 0.999 is usual."""
    gradient_clip_norm: Annotated[float, Strict(), Interval(ge=0, le=1e6)] = 0.0
    """Largest global norm of the gradient; 0 turns clipping off."""

    @property
    def rate(self) -> float:
        """The peak learning rate that is meant."""
        return self.learning_rate or USUAL_LEARNING_RATES[self.name]


@dataclass(frozen=True)
class TrainConfig(_Section):
    """The loop."""

    epochs: Annotated[int, Strict(), Interval(ge=1, le=100_000)] = 100
    """Most epochs to train."""
    batch_size: Annotated[int, Strict(), Interval(ge=1, le=65_536)] = 128
    """Images per step."""
    early_stopping_epochs: Annotated[int, Strict(), Interval(ge=0, le=100_000)] = 0
    """Stop after so many epochs without a better val_accuracy; 0 never stops early."""
    votes_weight: Annotated[float, Strict(), Interval(ge=0, le=1)] = 0.5
    """With both heads: share of the votes in the loss; the labels have the rest. 0 to 1."""
    label_smoothing: Annotated[float, Strict(), Interval(ge=0, le=0.9)] = 0.0
    """Share of each label spread over all seven emotions (Szegedy et al. 2016, arXiv:1512.00567), 0 to 1."""
    class_weights: Literal["none", "balanced"] = "none"
    """`balanced` weighs each class by the inverse of its frequency."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """`bfloat16` computes in mixed precision; `auto` does so where the hardware is fast at it."""
    head_epochs: Annotated[int, Strict(), Interval(ge=0, le=100_000)] = 5
    """Transfer learning only: epochs with the backbone frozen, before fine-tuning."""
    fine_tune_factor: Annotated[float, Strict(), Interval(ge=1e-6, le=1)] = 0.1
    """Transfer learning only: the learning rate of fine-tuning, as a share of the one of the head."""
    seed: Annotated[int, Strict(), Interval(ge=0, le=2**31 - 1)] = 0
    """Seed of everything random: initial weights, order, augmentation, dropout."""


@dataclass(frozen=True)
class DistillConfig(_Section):
    """Learning from other models' answers (Hinton, Vinyals & Dean 2015, arXiv:1503.02531)."""

    teachers: tuple[str, ...] = ()
    """Bundled models or folders of exported ones; their mean answer to each training image is learnt. Empty: none."""
    weight: Annotated[float, Strict(), Interval(ge=0, le=1)] = 0.7
    """Share of the teachers' probabilities in each target; the label has the rest. 0 to 1."""
    temperature: Annotated[float, Strict(), Interval(ge=0.1, le=100)] = 1.0
    """Softens the teachers' probabilities: softmax(log(p) / temperature)."""
    each_view: StrictBool = False
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
        # Types first: nothing follows from a value that is no number.
        problems = list(_problems(self))
        wrong_types = [sentence for is_range, sentence in problems if not is_range]
        sentences = wrong_types or [*(sentence for _, sentence in problems), *_contradictions(self)]
        if sentences:
            raise ConfigError(" ".join(sentences))


_SECTIONS: dict[str, type] = typing.get_type_hints(Config)


@functools.cache
def _adapter(cls: type) -> TypeAdapter[Any]:
    return TypeAdapter(cls)


def _problems(config: Config) -> Iterator[tuple[bool, str]]:
    """Each value that does not fit: whether it is only out of range, and a sentence about it."""
    for section, cls in _SECTIONS.items():
        hints = typing.get_type_hints(cls, include_extras=True)
        try:
            _adapter(cls).validate_python(dataclasses.asdict(getattr(config, section)))
        except ValidationError as error:
            for key, is_range in {str(one["loc"][0]): "than_equal" in one["type"] for one in error.errors()}.items():
                value = getattr(getattr(config, section), key)
                yield is_range, f"Expected {section}.{key} {_wanted(hints[key], is_range)}. Received: {value!r}."


def _wanted(hint: Any, is_range: bool) -> str:
    """What a field takes, in words."""
    if is_range:
        bounds = next(one for one in hint.__metadata__ if isinstance(one, Interval))
        return f"from {bounds.ge:g} to {bounds.le:g}"
    if typing.get_origin(hint) is Literal:
        return f"to be one of {', '.join(typing.get_args(hint))}"
    if typing.get_origin(hint) is tuple:
        return f"to be a list of {'strings' if typing.get_args(hint)[0] is str else 'whole numbers'}"
    names = {int: "a whole number", float: "a number", bool: "true or false", str: "a string"}
    return f"to be {names[typing.get_args(hint)[0] if typing.get_args(hint) else hint]}"


def _contradictions(config: Config) -> Iterable[str]:
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
    values = {}
    for name, content in nested.items():
        if name not in _SECTIONS:
            raise ConfigError(_unknown_key(name, _SECTIONS))
        if not isinstance(content, Mapping):
            raise ConfigError(f"Expected a table [{name}]. Received: {content!r}.")
        known = [f"{name}.{key}" for key in typing.get_type_hints(_SECTIONS[name])]
        for key in content:
            if f"{name}.{key}" not in known:
                raise ConfigError(_unknown_key(f"{name}.{key}", known))
        try:
            values[name] = _adapter(_SECTIONS[name]).validate_python(dict(content))
        except ValidationError:
            values[name] = _SECTIONS[name](**content)  # Config says what does not fit, in all sections together
    return Config(**values)


def _unknown_key(key: str, known: Iterable[str]) -> str:
    # Compared by the last part too, so that `train.mixup_alpha` finds `augment.mixup_alpha`.
    everywhere = [f"{name}.{key}" for name, cls in _SECTIONS.items() for key in typing.get_type_hints(cls)]
    near = difflib.get_close_matches(key, [*known, *everywhere], n=1, cutoff=0.5)
    hint = f" Did you mean {near[0]}?" if near else f" Known: {', '.join(known)}."
    return f"Expected a known config key. Received: {key!r}.{hint}"


def load_config(path: str | Path) -> Config:
    """Read a Config from a TOML file.

    Args:
        path: The file, or the name of one that comes with mien, such as `base`.

    Raises:
        ConfigError: The file cannot be read, is no TOML, or holds a key or value that is not allowed.
    """
    try:
        text = _config_path(Path(path)).read_text(encoding="utf-8")
        return config_from_dict(tomllib.loads(text))
    except OSError as error:
        raise ConfigError(f"Expected a TOML config file. Received: {path} ({error.strerror}).") from error
    except (ValueError, RecursionError) as error:  # no TOML, no UTF-8, thousands of digits, nested without end
        raise ConfigError(f"Expected TOML in {path}. Received: {error}.") from error


def _config_path(path: Path) -> Path:
    """The file; where there is none, the one of that name that comes with mien, installed or in its checkout."""
    package = Path(__file__).resolve().parent
    places = (folder / "configs" / f"{path.stem}.toml" for folder in (package, package.parents[1]))
    return path if path.exists() else next((place for place in places if place.is_file()), path)


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
    schemas = {name: _adapter(cls).json_schema()["properties"] for name, cls in _SECTIONS.items()}
    return {name: {key: one["description"] for key, one in schema.items()} for name, schema in schemas.items()}
