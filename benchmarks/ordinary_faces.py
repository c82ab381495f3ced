"""Ordinary photos, the whole way with defaults: how often each expression is right, by model, head and prior.

Run: python benchmarks/ordinary_faces.py FOLDER --models base small [--heads votes labels] [--priors everyday even …]
     [--figure priors.png]

FOLDER has labels.csv (columns file, emotion) beside its photos, or a folder of photos for each emotion. The largest
face of each photo counts; one that is not found is an error.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from mien.evaluate.photos import PhotoScores, evaluate_photos, read_photo_labels
from mien.inference.predictor import Predictor


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--models", nargs="+", default=["base"])
    parser.add_argument("--heads", nargs="+", default=[None])
    parser.add_argument("--priors", nargs="+", default=["everyday", "even", "trained"])
    parser.add_argument("--margins", nargs="+", type=float, default=[None])
    parser.add_argument("--figure", type=Path, help="draw the recalls under each prior")
    options = parser.parse_args()
    labels = read_photo_labels(options.folder)
    rows: dict[str, PhotoScores] = {}
    for model in options.models:
        for head in options.heads:
            for prior in options.priors:
                for margin in options.margins:
                    predictor = Predictor(model, head=head, prior=prior, margin=margin)
                    name = f"{model}, {predictor.head_name}, {prior}" + (
                        f", margin {margin:g}" if margin is not None else ""
                    )
                    rows[name] = evaluate_photos(predictor, labels)
                    if len(rows) == 1:
                        header = ["model, head, prior", "no face", *rows[name].recalls, "as common as everyday", "mean"]
                        print("| " + " | ".join(header) + " |\n|" + "---|" * len(header))
                    print(line(name, rows[name]), flush=True)
    if options.figure:
        draw(rows, options.figure)


def line(name: str, scores: PhotoScores) -> str:
    recalls = [f"{100 * recall:.0f}" for recall, _, _ in scores.recalls.values()]
    means = [f"{100 * scores.accuracy_if('everyday'):.1f}", f"{100 * scores.balanced_accuracy:.1f}"]
    return "| " + " | ".join([name, str(scores.no_face), *recalls, *means]) + " |"


def draw(rows: dict[str, PhotoScores], path: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 4.5), layout="constrained")
    axes = figure.subplots()
    width = 0.8 / len(rows)
    for index, (name, scores) in enumerate(rows.items()):
        shares = [100 * recall for recall, _, _ in scores.recalls.values()]
        places = [place + index * width for place in range(len(shares))]
        axes.bar(places, shares, width, label=name)
        axes.set_xticks([place + 0.4 - width / 2 for place in range(len(shares))], list(scores.recalls))
    axes.set_ylabel("faces that are right, %")
    axes.set_ylim(0, 100)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.08), ncols=2, frameon=False)
    figure.savefig(path, dpi=120)


if __name__ == "__main__":
    main()
