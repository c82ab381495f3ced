"""Configs: complete round trips, errors that name the nearest key, contradictions refused together."""

from __future__ import annotations

import dataclasses
import tomllib
import typing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.config import (
    AugmentConfig,
    Config,
    ModelConfig,
    OptimizerConfig,
    TrainConfig,
    config_from_dict,
    config_to_dict,
    config_to_toml,
    field_docs,
    load_config,
    unusual_rate,
    with_overrides,
)
from mien.errors import ConfigError

# Lone surrogates are no characters and no file can hold them as UTF-8.
_TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


@st.composite
def configs(draw: st.DrawFn) -> Config:
    """Configs that contradict nothing."""
    stages = draw(st.integers(0, 4))
    numbers = st.lists(st.integers(1, 512), min_size=stages, max_size=stages).map(tuple)
    if draw(st.booleans()):
        model = ModelConfig(
            widths=draw(numbers),
            blocks=draw(numbers),
            predicts=draw(st.sampled_from(["labels", "votes", "both"])),
            dropout=draw(st.floats(0, 0.95)),
            squeeze_excite=draw(st.booleans()),
        )
    else:
        model = ModelConfig("vgg16", weights=draw(_TEXTS), input_size_px=draw(st.integers(32, 512)))
    optimizer = OptimizerConfig(
        "adamw",
        learning_rate=draw(st.floats(0, 100)),
        weight_decay=draw(st.floats(0, 1)),
        schedule=draw(st.sampled_from(["constant", "plateau", "onecycle"])),
    )
    train = TrainConfig(epochs=draw(st.integers(1, 100_000)), seed=draw(st.integers(0, 2**31 - 1)))
    return Config(model, AugmentConfig(flip=draw(st.booleans()), zoom=draw(st.floats(0, 0.9))), optimizer, train)


@given(configs())
def test_dict_round_trip(config: Config) -> None:
    assert config_from_dict(config_to_dict(config)) == config


@given(configs())
def test_toml_round_trip(config: Config) -> None:
    assert config_from_dict(tomllib.loads(config_to_toml(config))) == config


def test_file_round_trip(tmp_path: Path) -> None:
    config = Config(ModelConfig("mobilenetv3small", weights="/models/süß \N{GRINNING FACE}.weights.h5"))
    path = tmp_path / "config.toml"
    path.write_text(config_to_toml(config), encoding="utf-8")
    assert load_config(path) == config


def test_what_is_left_out_keeps_its_default() -> None:
    assert config_from_dict({}) == Config()
    assert config_from_dict({"train": {"epochs": 3}}) == Config(train=TrainConfig(epochs=3))


def test_whole_numbers_become_floats_and_nothing_else_changes_type() -> None:
    rate = config_from_dict({"optimizer": {"learning_rate": 1}}).optimizer.learning_rate
    assert type(rate) is float
    assert rate == 1.0


@pytest.mark.parametrize(
    ("nested", "nearest"),
    [
        ({"train": {"epoch": 3}}, "train.epochs"),
        ({"train": {"mixup_alpha": 0.2}}, "augment.mixup_alpha"),
        ({"optimizer": {"lerning_rate": 0.1}}, "optimizer.learning_rate"),
        ({"model": {"drop_out": 0.1}}, "model.dropout"),
        ({"optimiser": {}}, "optimizer"),
    ],
)
def test_unknown_key_names_the_nearest(nested: dict[str, Any], nearest: str) -> None:
    with pytest.raises(ConfigError, match=rf"Did you mean {nearest}\?"):
        config_from_dict(nested)


def test_unknown_key_far_from_all_lists_the_known() -> None:
    with pytest.raises(ConfigError, match=r"Known: model, augment, optimizer, train"):
        config_from_dict({"zzzzzzzzzzzzzz": {}})


@pytest.mark.parametrize(
    ("nested", "message"),
    [
        ({"train": {"epochs": "5"}}, "train.epochs to be a whole number. Received: '5'"),
        ({"train": {"epochs": 5.0}}, "train.epochs to be a whole number. Received: 5.0"),
        ({"train": {"epochs": True}}, "train.epochs to be a whole number. Received: True"),
        ({"augment": {"flip": "false"}}, "augment.flip to be true or false. Received: 'false'"),
        ({"augment": {"flip": 0}}, "augment.flip to be true or false. Received: 0"),
        ({"optimizer": {"momentum": "0.9"}}, "optimizer.momentum to be a number"),
        ({"optimizer": {"momentum": False}}, "optimizer.momentum to be a number"),
        ({"optimizer": {"momentum": float("nan")}}, "optimizer.momentum from 0 to 0.9999. Received: nan"),
        ({"optimizer": {"learning_rate": float("inf")}}, "optimizer.learning_rate from 0 to 100. Received: inf"),
        ({"optimizer": {"learning_rate": 10**400}}, "optimizer.learning_rate to be a number. Received: 1000"),
        ({"optimizer": {"name": "rmsprop"}}, "one of sgd, adam, adamw. Received: 'rmsprop'"),
        ({"model": {"widths": 32}}, "model.widths to be a list of whole numbers. Received: 32"),
        ({"model": {"widths": [32.0]}}, "model.widths to be a list of whole numbers"),
        ({"model": {"widths": [True]}}, "model.widths to be a list of whole numbers"),
        ({"model": {"weights": 3}}, "model.weights to be a string. Received: 3"),
        ({"train": 5}, "Expected a table [train]. Received: 5"),
    ],
)
def test_wrong_types(nested: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        config_from_dict(nested)
    assert message in str(caught.value)


def test_types_are_checked_when_built_in_python_too() -> None:
    with pytest.raises(ConfigError, match=r"train\.epochs to be a whole number"):
        Config(train=TrainConfig(epochs=2.5))  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"optimizer\.name to be one of"):
        Config(optimizer=OptimizerConfig(name="rmsprop"))  # type: ignore[arg-type]


def test_contradictions_are_refused_together() -> None:
    with pytest.raises(ConfigError) as caught:
        config_from_dict(
            {
                "model": {"architecture": "cnn", "squeeze_excite": True, "weights": "imagenet", "widths": [8]},
                "optimizer": {"name": "adam", "weight_decay": 0.01, "learning_rate": 101},
            }
        )
    for part in (
        "model.squeeze_excite only with resnet",
        "model.weights 'none' with cnn",
        "one number of each per stage. Received: widths [8] and blocks (left out)",
        "optimizer.weight_decay 0 with adam",
        "optimizer.learning_rate from 0 to 100. Received: 101",
    ):
        assert part in str(caught.value)


@pytest.mark.parametrize(("name", "rate"), [("sgd", 0.1), ("adam", 0.001), ("adamw", 0.001)])
def test_each_optimizer_has_a_learning_rate_of_its_own(name: str, rate: float) -> None:
    alone = with_overrides(Config(), [f"optimizer.name={name}"])
    assert alone.optimizer.rate == rate
    assert config_from_dict(config_to_dict(alone)) == alone
    assert not unusual_rate(alone)
    assert with_overrides(alone, ["optimizer.learning_rate=0.03"]).optimizer.rate == 0.03


@pytest.mark.parametrize(
    ("name", "rate", "said"),
    [
        ("adam", 0.1, "0.1 is high for adam (usual: 0.001); training may diverge"),
        ("sgd", 1e-4, "0.0001 is low for sgd (usual: 0.1); little may be learnt"),
        ("adamw", 0.01, ""),
        ("sgd", 0.001, ""),
    ],
)
def test_a_rate_far_from_the_usual_is_said(name: str, rate: float, said: str) -> None:
    remark = unusual_rate(config_from_dict({"optimizer": {"name": name, "learning_rate": rate}}))
    assert said in remark
    assert bool(said) == bool(remark)


def test_the_configs_of_the_project_are_usual() -> None:
    for path in (Path(__file__).parents[1] / "configs").glob("*.toml"):
        assert not unusual_rate(load_config(path)), path


@pytest.mark.parametrize(
    "section_and_values",
    [
        ("model", {"widths": [8, 0], "blocks": [1, 1]}),
        ("model", {"architecture": "vgg16", "widths": [8], "blocks": [1]}),
        ("model", {"dropout": 1.0}),
        ("augment", {"erasing_area": 0.0}),
        ("augment", {"rotation_degrees": -1.0}),
        ("train", {"batch_size": 0}),
        ("train", {"label_smoothing": 1.0}),
        ("train", {"seed": -1}),
    ],
)
def test_values_out_of_range(section_and_values: tuple[str, dict[str, Any]]) -> None:
    section, values = section_and_values
    with pytest.raises(ConfigError, match=rf"^Expected .*{section}\."):
        config_from_dict({section: values})


def test_every_number_has_a_range() -> None:
    for section, values in config_to_dict(Config()).items():
        for key, value in values.items():
            if type(value) in (int, float):
                with pytest.raises(ConfigError, match=f"{section}.{key} from"):
                    config_from_dict({section: {key: -1 if type(value) is int else -1.0}})


def test_overrides_apply_together_and_leave_the_original_alone() -> None:
    config = Config()
    changed = with_overrides(
        config,
        [
            "train.epochs=5",
            " optimizer.learning_rate = 1e-3",
            "model.architecture=resnet",
            "model.widths=[16, 32]",
            "model.blocks=[1, 2]",
            "augment.flip=false",
            'optimizer.name="adamw"',
        ],
    )
    assert changed.train.epochs == 5
    assert changed.optimizer == dataclasses.replace(config.optimizer, name="adamw", learning_rate=1e-3)
    assert (changed.model.widths, changed.model.blocks) == ((16, 32), (1, 2))
    assert changed.augment.flip is False
    assert config == Config()


def test_override_value_may_hold_an_equals_sign() -> None:
    changed = with_overrides(Config(ModelConfig("vgg16")), ["model.weights=/data/a=b.h5"])
    assert changed.model.weights == "/data/a=b.h5"


@pytest.mark.parametrize("assignment", ["train.epochs", "epochs=5", "=5", "", "train epochs=5"])
def test_override_that_is_no_assignment(assignment: str) -> None:
    with pytest.raises(ConfigError, match=r"Expected section\.key=value"):
        with_overrides(Config(), [assignment])


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("train.epoch=5", r"Did you mean train\.epochs\?"),
        ("trian.epochs=5", r"Did you mean train\.epochs\?"),
        ("train.epochs=five", "a whole number. Received: 'five'"),
        ("augment.flip=False", "true or false. Received: 'False'"),
        ("train.epochs=", "a whole number. Received: ''"),
    ],
)
def test_override_that_does_not_fit(assignment: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        with_overrides(Config(), [assignment])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"[train\nepochs = 3", "Expected TOML in"),
        (b"[train]\nepochs = " + b"9" * 5000, "Expected TOML in"),
        (b"\xff\xfe\x00", "Expected TOML in"),
        (b"epochs = 3", "Received: 'epochs'"),
    ],
)
def test_file_that_is_no_config(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=message):
        load_config(path)


def test_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"Expected a TOML config file\. Received: .*missing\.toml \(No such file"):
        load_config(tmp_path / "missing.toml")
    with pytest.raises(ConfigError, match="Is a directory"):
        load_config(tmp_path)


def test_every_field_is_documented() -> None:
    docs = field_docs()
    for section, cls in typing.get_type_hints(Config).items():
        assert list(docs[section]) == [f.name for f in dataclasses.fields(cls)]
        for key, sentence in docs[section].items():
            assert sentence.endswith("."), f"{section}.{key}: {sentence!r}"


def test_a_config_that_comes_with_mien_has_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert load_config("small") == load_config(Path(__file__).parents[1] / "configs" / "small.toml")
    with pytest.raises(ConfigError, match="Expected a TOML config file"):
        load_config("no-such-config")
