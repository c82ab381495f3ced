"""FER-2013's seven emotions, their order and colours, and the size of its images: the only place for each.

The codes are those of the `emotion` column of `fer2013.csv` (Goodfellow et al. 2013, "Challenges in
representation learning: A report on three machine learning contests", arXiv:1307.0414).
"""

from __future__ import annotations

__all__ = [
    "COLOURS_ON_DARK",
    "COLOURS_ON_LIGHT",
    "EMOTIONS",
    "INK_ON_COLOUR",
    "INPUT_SHAPE",
    "INPUT_SIZE_PX",
    "NUM_EMOTIONS",
    "emotion_code",
]

EMOTIONS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
NUM_EMOTIONS = len(EMOTIONS)

INPUT_SIZE_PX = 48
INPUT_SHAPE = (INPUT_SIZE_PX, INPUT_SIZE_PX, 1)
"""Height, width and channels of one image, grey, as every model takes it."""

# One hue per emotion, in two tones. Within a tone any two are told apart by normal eyes and by those that lack one of
# the three kinds of cones: tests/test_emotions.py simulates all four. Names always stand beside the colours.
COLOURS_ON_LIGHT = ("#b2042b", "#015d03", "#630193", "#8e7400", "#2748c5", "#0380a4", "#5c5b5b")
"""By emotion code: for figures and pages with a light ground, and under white letters."""
COLOURS_ON_DARK = ("#ea4941", "#affb62", "#ca50bd", "#f4b305", "#1187fd", "#1dd6ff", "#9ca09a")
"""By emotion code: for pages with a dark ground, and as plates on images under letters of `INK_ON_COLOUR`."""
INK_ON_COLOUR = "#141414"

# Other spellings seen in class folders of public copies of FER-2013, FER+, AffectNet, RAF-DB and CK+.
_SYNONYMS = {
    "angry": ("anger", "mad"),
    "disgust": ("disgusted",),
    "fear": ("fearful", "afraid", "scared"),
    "happy": ("happiness", "joy"),
    "sad": ("sadness",),
    "surprise": ("surprised", "suprise", "suprised"),
    "neutral": ("neutrality",),
}
_CODES = {name: code for code, name in enumerate(EMOTIONS)}
_CODES |= {other: _CODES[name] for name, others in _SYNONYMS.items() for other in others}
_CODES |= {str(code): code for code in range(NUM_EMOTIONS)}


def emotion_code(name: str) -> int | None:
    """The FER-2013 code of an emotion written in any of its usual ways.

    Args:
        name: A class or folder name: `happy`, `Happiness`, `3`, `3_happy`, `03-Happy`.

    Returns:
        The code, 0 to 6, or None when the name means none of the seven, or means two of them.
    """
    word = name.strip().lower()
    if word in _CODES:
        return _CODES[word]
    if word.startswith("-"):
        return None  # a negative number, which some copies use for "unknown"
    parts = [part for part in word.replace("-", "_").replace(" ", "_").replace(".", "_").split("_") if part]
    codes = {_CODES[part.lstrip("0") or "0"] for part in parts if (part.lstrip("0") or "0") in _CODES}
    known = all((part.lstrip("0") or "0") in _CODES or part.isdigit() for part in parts)
    return codes.pop() if known and len(codes) == 1 else None
