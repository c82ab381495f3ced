"""The model card, written from what lies beside the bundled weights: no figure on the page is typed by hand."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

from mien.card import Head, ModelCard, read_card
from mien.inference.model_files import WEIGHTS_PATH, bundled_models
from mien.run import Run

BEFORE = """\
# Model card

{made_by}

The models that come with mien. Each says which of seven expressions a 48×48 grey picture of a face shows. Each was
trained by `mien train` on FER-2013's Training split alone, its epoch, temperature and threshold were chosen on
PublicTest (val), and PrivateTest (test) was looked at once. The config, history and scores of each run lie beside its
weights in `src/mien/inference/weights/`; this page is written from them.

Each answers two questions about one face, through two heads. `votes`, the default: what would people see? Learnt from
the votes of FER+'s ten taggers (Barsoum et al. 2016). `labels`: what does FER-2013's label say? That is the benchmark's
question (`--head labels --prior trained`). The two disagree on a third of the pictures, most of all where a plain face
was labelled angry or sad. How common each expression is enters as a [prior](priors.md).

## Intended use

Sorting, searching and studying pictures by the expression that is seen in them; teaching; a starting point and a
baseline for research. The answer describes how a face looks to people who label pictures, not what somebody feels.

**Not for** decisions about people: hiring, grading, policing, credit, health, border control, detecting lies. In the
European Union the AI Act prohibits inferring emotions from biometric data at work and in education (Regulation (EU)
2024/1689, Article 5(1)(f), with exceptions for medical and safety reasons); other places have rules of their own.

## Limits

- **The labels are noisy.** FER-2013's labels came from web-search words and quick checks; people agree with them on
  about 65 % (Goodfellow et al. 2013), and the majority of FER+'s ten taggers calls more than a third of them
  something else, most of all fear, sadness, anger and disgust. An accuracy far above 75 % on this test split should
  be checked for leaks before it is believed.
- **Disgust is rare** (436 of 28,709 training images): its scores rest on 55 test images and have wide intervals.
- **The pictures are posed, frontal, cropped faces from the web of 2013.** Expect less on profiles, video frames,
  masks, children, old people, bad light and small faces. Nobody has measured how well the models work for people of
  different age, gender, skin or culture: FER-2013 has no such labels. Measure on pictures of your own before you rely
  on them.
- **Probabilities are calibrated on PublicTest.** On other pictures they may claim too much.
- **288 test images are also in Training**, pixel by pixel, so each accuracy is given with and without them.
"""


def page(made_by: str) -> str:
    """The page as Markdown."""
    parts = [BEFORE.format(made_by=made_by)]
    parts += [_model(name) for name in bundled_models()]
    return "\n".join(parts).rstrip() + "\n"


def _model(name: str) -> str:
    run = Run(WEIGHTS_PATH / name)
    card = read_card(run.card_path)
    if not run.metrics_path("test").is_file():
        return "\n".join([f"## `{name}`", "", *_copy(run, card), ""])
    scored = {split: _json(run.metrics_path(split)) for split in ("val", "test")}
    return "\n".join(
        [f"## `{name}`", "", *_facts(run, card), "", *_scores(scored, card.metrics), "", *_classes(scored["test"]), ""]
    )


def _head(card: ModelCard) -> Head:
    """What the model answers when nobody says which question."""
    return next(iter(card.heads.values()))


def _copy(run: Run, card: ModelCard) -> list[str]:
    """An int8 copy of a bundled model, which was measured on PublicTest only."""
    original = Run(WEIGHTS_PATH / card.name.removesuffix("-int8"))
    before = read_card(original.card_path)
    accuracies = [f"{100 * one.metrics['val']['accuracy']:.2f} %" for one in (card, before)]
    rows = {
        "what it is": f"`{original.name}` with weights and activations of 8 bits (`mien export RUN --int8`); "
        "see [Benchmarks](benchmarks.md#int8) for what that brings",
        "file": f"ONNX, {run.onnx_path.stat().st_size / 1e6:.1f} MB ({original.onnx_path.stat().st_size / 1e6:.1f} MB)",
        "accuracy on PublicTest": f"{accuracies[0]} ({accuracies[1]}); PrivateTest was not looked at",
        "temperature": f"{_head(card).temperature:.3f} ({_head(before).temperature:.3f})",
        "uncertain": f"predictions with a confidence below {_head(card).uncertain_below:.2f} "
        f"({_head(before).uncertain_below:.2f})",
    }
    lines = [f"| | `{run.name}` (beside `{original.name}`) |", "|---|---|"]
    return [*lines, *(f"| {name} | {value} |" for name, value in rows.items())]


def _facts(run: Run, card: ModelCard) -> list[str]:
    config, environment = _json(run.config_path), _json(run.environment_path)
    history = list(csv.DictReader(run.history_path.open(encoding="utf-8")))
    best = max(history, key=lambda row: float(row["val_accuracy"]))
    rows = {
        "architecture": f"{card.architecture}, widths {config['model']['widths']}, blocks {config['model']['blocks']}",
        "parameters": f"{card.parameters:,}",
        "file": f"ONNX, opset {card.opset}, {run.onnx_path.stat().st_size / 1e6:.1f} MB",
        "training": f"{len(history)} epochs, best at {best['epoch']}; {_hours(history):.1f} hours of wall time on "
        f"{environment['processor']}, {environment['policy']}, Keras {environment['versions']['keras']} on "
        f"{environment['backend']}",
        **_teaching(config),
        **_speed(run),
        "data": f"FER-2013, {card.protocol} split, fingerprint `{card.data_fingerprint[:16]}…`",
        "temperature": ", ".join(f"{head.temperature:.3f} ({name})" for name, head in card.heads.items()),
        "uncertain": f"predictions with a confidence below {_head(card).uncertain_below:.2f}",
    }
    if "remark" in environment:
        rows["remark"] = environment["remark"]
    return ["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows.items())]


def _hours(history: list[dict[str, str]]) -> float:
    return sum(float(row["seconds"]) for row in history) / 3600


def _teaching(config: dict[str, Any]) -> dict[str, str]:
    distill = config.get("distill", {})
    if not distill.get("teachers"):
        return {}
    names = ", ".join(f"`{Path(teacher).name}`" for teacher in distill["teachers"])
    asked = " to each augmented view" if distill.get("each_view") else ""
    return {"taught by": f"{names}, whose answers{asked} make {distill['weight']:.0%} of each target"}


def _speed(run: Run) -> dict[str, str]:
    """What `benchmarks/face_speed.py` wrote beside the weights."""
    path = run.path / "speed.json"
    if not path.is_file():
        return {}
    speed = _json(path)
    return {
        "speed": f"{speed['ms_per_face']:.2f} ms for a face, without detection, on one thread of {speed['processor']}"
    }


def _scores(scored: dict[str, Any], metrics: dict[str, dict[str, float]]) -> list[str]:
    names = {
        "accuracy": "accuracy",
        "balanced_accuracy": "balanced accuracy",
        "top2_accuracy": "right among the first two",
        "macro_f1": "macro F1",
        "log_loss": "log loss",
        "ece": "calibration error (ECE)",
    }
    lines = ["| score (95 % interval) | PublicTest | PrivateTest |", "|---|---|---|"]
    val, test = (scored[split]["scores"] for split in ("val", "test"))
    lines += [f"| {text} | {_value(val[key], key)} | {_value(test[key], key)} |" for key, text in names.items()]
    lines.append(_row("accuracy without images also in Training", scored, "scores_without_identical", "accuracy"))
    lines.append(_row("calibration error at the temperature", scored, "calibrated", "ece"))
    votes = [scored[split].get("votes") for split in ("val", "test")]
    for key, text in (("majority", "FER+ majority"), ("clear", "FER+ majority where 8 of 10 taggers agree")):
        if all(votes):
            cells = [f"{v[key]['model']:.1%} of {v[key]['n']:,} (labels {v[key]['labels']:.1%})" for v in votes]
            lines.append(f"| agreement with the {text} | {cells[0]} | {cells[1]} |")
    for key, text in (
        ("fer_plus_official", "FER+, official protocol with eight classes (contempt is an error)"),
        ("votes", "FER+, leader of the seven emotions where no face and unknown do not lead"),
    ):
        if all(f"{key}_accuracy" in metrics[split] for split in ("val", "test")):
            cells = [_of_card(metrics[split], key) for split in ("val", "test")]
            lines.append(f"| {text}, by the votes' head | {cells[0]} | {cells[1]} |")
    return lines


def _of_card(metrics: dict[str, float], key: str) -> str:
    value, low, high = (100 * metrics[f"{key}_accuracy{end}"] for end in ("", "_low", "_high"))
    return f"{value:.2f} ({low:.1f} to {high:.1f}) of {metrics[f'{key}_n']:,.0f}"


def _row(text: str, scored: dict[str, Any], part: str, key: str) -> str:
    return f"| {text} | " + " | ".join(_value(scored[s][part][key], key) for s in ("val", "test")) + " |"


def _value(estimate: dict[str, float], key: str) -> str:
    if key in ("log_loss", "ece"):
        return f"{estimate['value']:.3f} ({estimate['low']:.3f} to {estimate['high']:.3f})"
    return f"{100 * estimate['value']:.2f} ({100 * estimate['low']:.1f} to {100 * estimate['high']:.1f})"


def _classes(test: dict[str, Any]) -> list[str]:
    lines = ["| PrivateTest | images | precision | recall | F1 |", "|---|---|---|---|---|"]
    for name, row in test["scores"]["per_class"].items():
        cells = " | ".join(_value(row[key], key) for key in ("precision", "recall", "f1"))
        lines.append(f"| {name} | {row['support']} | {cells} |")
    return lines


def _json(path: Path) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return value
