"""What real crops suffer, step by step: how much accuracy each model loses to small, blurred, dark, tilted faces.

Run: python benchmarks/hard_pictures.py fer2013.csv --models base small [--votes fer2013new.csv] [--figure ladder.png]

Each step changes every image of PublicTest in one way and asks the models again. With votes, models are also scored
against the majority of FER+'s taggers. The photos of a folder with labels.csv can be used instead of the dataset.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from mien.data import load_dataset
from mien.inference.classifier import Classifier
from mien.learn.targets import vote_shares

Change = Callable[[np.ndarray, np.random.Generator], np.ndarray]
SIZE = (48, 48)


def few_pixels(side: int) -> Change:
    def change(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        small = cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA)
        return cv2.resize(small, SIZE, interpolation=cv2.INTER_CUBIC)

    return change


def jpeg(quality: int) -> Change:
    def change(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        encoded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        return cv2.imdecode(encoded, cv2.IMREAD_GRAYSCALE)

    return change


def blur(sigma_px: float) -> Change:
    return lambda image, rng: cv2.GaussianBlur(image, (0, 0), sigma_px)


def noise(sigma: float) -> Change:
    return lambda image, rng: np.clip(np.rint(image + rng.normal(0, sigma, image.shape)), 0, 255).astype(np.uint8)


def dark(share: float) -> Change:
    return lambda image, rng: (image * share).astype(np.uint8)


def warp(*, degrees: float = 0.0, shift: float = 0.0, scale: float = 1.0) -> Change:
    """Tilt, shift (share of the side, in a random direction) or scale the face; the border is mirrored."""

    def change(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        sign, direction = rng.choice([-1, 1]), rng.uniform(0, 2 * np.pi)
        matrix = cv2.getRotationMatrix2D((23.5, 23.5), sign * degrees, scale)
        matrix[:, 2] += shift * 48 * np.array([np.cos(direction), np.sin(direction)])
        return cv2.warpAffine(image, matrix, SIZE, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)

    return change


def covered(half: str) -> Change:
    def change(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        image = image.copy()
        image[slice(24, None) if half == "lower" else slice(None, 24)] = 128
        return image

    return change


STEPS: dict[str, Change] = {
    "as it is": lambda image, rng: image,
    "face of 32 px": few_pixels(32),
    "face of 24 px": few_pixels(24),
    "face of 16 px": few_pixels(16),
    "blur, sigma 1 px": blur(1.0),
    "blur, sigma 2 px": blur(2.0),
    "JPEG quality 40": jpeg(40),
    "JPEG quality 20": jpeg(20),
    "JPEG quality 10": jpeg(10),
    "noise, sigma 10": noise(10),
    "noise, sigma 20": noise(20),
    "dark, a third of the light": dark(1 / 3),
    "tilted by 15°": warp(degrees=15),
    "tilted by 30°": warp(degrees=30),
    "box moved by 10 %": warp(shift=0.10),
    "box moved by 15 %": warp(shift=0.15),
    "box 15 % too large": warp(scale=0.85),
    "box 15 % too small": warp(scale=1.15),
    "lower half covered": covered("lower"),
    "upper half covered": covered("upper"),
}


def changed(images: np.ndarray, step: str) -> np.ndarray:
    rng = np.random.default_rng(0)
    return np.stack([STEPS[step](image, rng) for image in images])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", help="fer2013.csv, or another dataset that mien reads")
    parser.add_argument("--votes", help="FER+'s fer2013new.csv: also the majority of the taggers")
    parser.add_argument("--models", nargs="+", default=["base", "small"])
    parser.add_argument("--figure", type=Path, help="draw the points lost at each step")
    options = parser.parse_args()
    val = load_dataset(options.data, votes=options.votes).val
    truths = {"labels": (np.ones(len(val), bool), val.labels)}
    if options.votes:
        shares = vote_shares(val)
        truths["votes"] = (shares.any(axis=1), shares.argmax(axis=1))
    asked = [
        (f"{name}, {head}", Classifier(name, head=head if head in card_heads(name) else None), truths[head])
        for name in options.models
        for head in truths
    ]
    rows = {}
    for step in STEPS:
        images = changed(val.images, step)
        rows[step] = [
            100 * float(np.mean(classifier.probabilities(images)[known].argmax(axis=1) == truth[known]))
            for _, classifier, (known, truth) in asked
        ]
    names = [name for name, _, _ in asked]
    print("| | " + " | ".join(names) + " |\n|---|" + "---|" * len(names))
    first = rows["as it is"]
    for step, scores in rows.items():
        cells = [
            f"{s:.1f}" if step == "as it is" else f"{s:.1f} ({s - f:+.1f})" for s, f in zip(scores, first, strict=True)
        ]
        print(f"| {step} | " + " | ".join(cells) + " |")
    if options.figure:
        draw(rows, names, options.figure)


def card_heads(name: str) -> tuple[str, ...]:
    return tuple(Classifier(name).card.heads)


def draw(rows: dict[str, list[float]], names: list[str], path: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 7), layout="constrained")
    axes = figure.subplots()
    steps = list(rows)[1:]
    lost = np.array([rows[step] for step in steps]) - np.array(rows["as it is"])
    height = 0.8 / len(names)
    for index, name in enumerate(names):
        axes.barh(np.arange(len(steps)) + index * height, lost[:, index], height, label=name)
    axes.set_yticks(np.arange(len(steps)) + 0.4 - height / 2, steps)
    axes.invert_yaxis()
    axes.set_xlabel("points of accuracy gained or lost on PublicTest")
    axes.legend(loc="lower left")
    figure.savefig(path, dpi=120)


if __name__ == "__main__":
    main()
