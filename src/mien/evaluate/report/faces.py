"""Galleries of faces: each with its label, the answer, its most likely emotions, and the taggers' votes."""

from __future__ import annotations

import io
from collections.abc import Iterable
from html import escape

import numpy as np
from PIL import Image

from mien.emotions import COLOURS_ON_LIGHT, EMOTIONS
from mien.evaluate.report.material import Material
from mien.evaluate.report.vector import png_uri

__all__ = ["gallery"]

_SHOWN = 3  # emotions with a bar; the others are small in nearly every case


def gallery(material: Material, rows: Iterable[int]) -> str:
    """Faces of the reported split; nothing when the images are not known."""
    if material.facts is None:
        return ""
    faces = "".join(_face(material, int(row)) for row in rows)
    return f'<div class="faces">{faces}</div>' if faces else ""


def _face(material: Material, row: int) -> str:
    assert material.facts is not None
    label = EMOTIONS[material.probabilities.y_true[row]]
    p = material.calibrated[row]
    answer = EMOTIONS[int(p.argmax())]
    name = str(material.probabilities.sample_ids[row])
    picture = (
        f'<img src="{_uri(material.facts.images[row])}" alt="{escape(name)}" title="{escape(name)}" loading="lazy">'
    )
    verdict = f"<b>{escape(label)}</b>" if label == answer else f"{escape(label)} → <b>{escape(answer)}</b>"
    return f'<div class="face">{picture}<p>{verdict}</p>{_bars(p)}{_votes(material, row)}</div>'


def _uri(image: np.ndarray) -> str:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, format="PNG", optimize=True)
    return png_uri(buffer.getvalue())


def _bars(p: np.ndarray) -> str:
    codes = np.argsort(-p, kind="stable")[:_SHOWN].tolist()
    return "".join(
        f'<p class="bar"><i style="width:{100 * p[code]:.0f}%;background:{COLOURS_ON_LIGHT[code]}"></i>'
        f"<span>{EMOTIONS[code]} {100 * p[code]:.0f}</span></p>"
        for code in codes
    )


def _votes(material: Material, row: int) -> str:
    votes = None if material.facts is None else material.facts.votes
    if votes is None or np.isnan(votes[row]).any():
        return ""
    codes = [code for code in np.argsort(-votes[row], kind="stable").tolist() if votes[row][code] > 0]
    said = ", ".join(f"{EMOTIONS[code]} {votes[row][code]:.0f}" for code in codes[:_SHOWN]) or "none of the seven"
    return f'<p class="votes">taggers: {escape(said)}</p>'
