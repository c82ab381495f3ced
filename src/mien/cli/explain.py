"""`mien explain`: what a network looks at, for a run's split or for photos."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mien.cli.options import Data, Detector, Model, Split
from mien.errors import ConfigError
from mien.files import refuse_address

__all__ = ["explain"]


def explain(
    what: Annotated[
        Path, typer.Argument(metavar="RUN|MODEL|PHOTO", help="Run folder, exported or bundled model, or a photo.")
    ],
    *,
    split: Split = "val",
    source: Data = None,
    model: Model = "base",
    detector: Detector = "yunet",
    save: Annotated[Path | None, typer.Option(help="Where to write the picture of a photo.")] = None,
) -> None:
    """Show what speaks for each answer.

    A run gives Grad-CAM and occlusion maps of its split's faces, mean maps, and the proof that they explain; an
    exported model gives the occlusion maps, without Keras. A photo gives an occlusion map of each face.
    """
    from mien.inference.model_files import bundled_models

    if what.is_dir() or str(what) in bundled_models():
        _explain_run(what, split=split, source=source)
    elif what.is_file():
        _explain_photo(what, model=model, detector=detector, save=save or what.with_name(f"{what.stem}-explained.png"))
    else:
        refuse_address(str(what))
        raise ConfigError(f"Expected a run folder, a bundled model or a photo. Received: {what}, which does not exist.")


def _explain_run(path: Path, *, split: str, source: str | None) -> None:
    from mien.cli.evaluate import score
    from mien.cli.reading import read_dataset, recorded_source
    from mien.cli.streams import import_keras_quietly
    from mien.cli.terminal import say, working
    from mien.scoring import open_run

    run = open_run(path)
    dataset = read_dataset(source or recorded_source(run), skip_bad=True)
    scores = score(run, dataset, split)
    with working("Explaining"):
        from mien.evaluate.style import save_figure
        from mien.explanations import explain_split

        probabilities = scores.read_probabilities(split).probabilities
        pictures = explain_split(run, dataset.split(split), probabilities, before_keras=import_keras_quietly)
        written = [save_figure(one.figure, scores.figures_path / f"{split}_{one.name}.png") for one in pictures]
    for one, place in zip(pictures, written, strict=True):
        say(str(place), style="bold")
        say(f"  {one.caption}")


def _explain_photo(path: Path, *, model: str, detector: str, save: Path) -> None:
    from mien.cli.terminal import say
    from mien.evaluate.photo_explanation import explain_photo
    from mien.evaluate.style import save_figure
    from mien.inference.predictor import Predictor

    predictor = Predictor(model, detector=detector)
    figure, captions = explain_photo(predictor, path)
    if figure is None:
        say(f"{path}: no face found ({predictor.detector_name})")
        return
    save_figure(figure, save)
    say(f"{path}: {', '.join(captions)}")
    say(str(save))
