"""The arithmetic of probabilities: temperature, and how common each expression is.

A network's answer depends on how common each expression was where it learnt: FER-2013 has 14 % angry faces, an album
has hardly any. Bayes' rule takes one prior out of an answer and puts another in: p'(y|x) ∝ p(y|x) · π'(y) / π(y)
(Saerens, Latinne & Decaestecker 2002, "Adjusting the outputs of a classifier to new a priori probabilities").
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from mien.emotions import EMOTIONS
from mien.errors import ConfigError, DataError

__all__ = [
    "EVERYDAY_PRIOR",
    "PRIOR_NAMES",
    "SUM_TOLERANCE",
    "apply_temperature",
    "change_prior",
    "estimate_prior",
    "prior_array",
]

# How common each expression is in ordinary photographs: FER+'s own shares (happy 27 %, neutral 33 %, sad 15 %, surprise
# 12 %, angry 8 %, fear 4 %, disgust 2 %), moved as far as 1,361 ordinary faces say; see docs/priors.md.
EVERYDAY_PRIOR = {
    "angry": 0.08,
    "disgust": 0.01,
    "fear": 0.01,
    "happy": 0.32,
    "sad": 0.11,
    "surprise": 0.20,
    "neutral": 0.27,
}
PRIOR_NAMES = ("everyday", "even", "trained", "estimate")

SUM_TOLERANCE = 1e-2
"""How far a row of probabilities may be from a sum of 1: bfloat16 has 8 bits; seven of its roundings stay below."""

# Keeps the logarithm of a probability that float32 rounded to 0 finite.
_SMALLEST = float(np.finfo(np.float32).tiny)
# An estimate from few faces leans on `everyday` as if that had been seen in ten more.
_ASSUMED_FACES = 10
_ESTIMATE_STEPS = 100


def apply_temperature(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Probabilities at another temperature (Guo et al. 2017, arXiv:1706.04599): softmax(log p / T).

    Args:
        probabilities: float (…, 7), rows sum to 1.
        temperature: Above 0; 1 changes nothing.

    Returns:
        float64 of the same shape, rows sum to 1.

    Raises:
        DataError: The temperature is not a number above 0.
    """
    if not (math.isfinite(temperature) and temperature > 0):
        raise DataError(f"Expected a temperature above 0. Received: {temperature}. Fit one with fit_temperature.")
    logs = np.log(np.maximum(np.asarray(probabilities, np.float64), _SMALLEST)) / temperature
    return _normalised(np.exp(logs - logs.max(axis=-1, keepdims=True)))


def change_prior(probabilities: np.ndarray, old: np.ndarray, new: np.ndarray) -> np.ndarray:
    """Answers as they would be if each expression were as common as `new` says, instead of `old`.

    Args:
        probabilities: float (…, 7), rows sum to 1.
        old: float (7,), the prior that they rest on, above 0, sums to 1.
        new: float (7,), the prior that they are to rest on, sums to 1.

    Returns:
        float64 of the same shape, rows sum to 1.
    """
    return _normalised(np.maximum(np.asarray(probabilities, np.float64), _SMALLEST) * (new / old))


def estimate_prior(probabilities: np.ndarray, old: np.ndarray) -> np.ndarray:
    """How common each expression is among these faces, by expectation and maximisation (Saerens et al. 2002).

    Args:
        probabilities: float (N, 7), answers that rest on the prior `old`; rows sum to 1. N may be 0.
        old: float (7,), above 0, sums to 1.

    Returns:
        float64 (7,), sums to 1; near `everyday` when there are few faces.
    """
    assumed = _ASSUMED_FACES * prior_array("everyday", old)
    prior = np.array(old, np.float64)
    for _ in range(_ESTIMATE_STEPS):
        prior = _normalised(change_prior(probabilities, old, prior).sum(axis=0) + assumed)
    return prior


def prior_array(prior: str | Mapping[str, float], trained: np.ndarray) -> np.ndarray:
    """A prior as float64 (7,) that sums to 1.

    Args:
        prior: `everyday`, `even`, `trained`, or how common each expression is, by name, in any unit, as a mapping or
            as text such as "happy=3,neutral=5"; what is left out is taken never to occur.
        trained: What `trained` stands for.

    Raises:
        ConfigError: An unknown name, or numbers that are no shares.
    """
    if isinstance(prior, str):
        named = {"everyday": EVERYDAY_PRIOR, "even": dict.fromkeys(EMOTIONS, 1.0)}
        if prior == "trained":
            return np.array(trained, np.float64)
        if "=" in prior:
            return prior_array(_parsed(prior), trained)
        if prior not in named:
            raise ConfigError(
                f"Expected a prior of {', '.join(PRIOR_NAMES)}, or a share for each expression. Received: {prior!r}."
            )
        prior = named[prior]
    unknown = [name for name in prior if name not in EMOTIONS]
    values = [prior.get(name, 0.0) for name in EMOTIONS]
    numbers = all(type(value) in (int, float) and 0 <= value < math.inf for value in values)
    if unknown or not numbers or not sum(values) > 0:
        raise ConfigError(
            f"Expected shares of 0 or more for {', '.join(EMOTIONS)}, one of them above 0. Received: {dict(prior)}."
        )
    return _normalised(np.array(values, np.float64))  # (7,)


def _parsed(text: str) -> dict[str, float]:
    try:
        return {name.strip(): float(share) for name, share in (part.split("=") for part in text.split(","))}
    except ValueError as error:
        raise ConfigError(
            f"Expected a prior such as happy=3,neutral=5, or one of {', '.join(PRIOR_NAMES)}. Received: {text!r}."
        ) from error


def _normalised(values: np.ndarray) -> np.ndarray:
    return np.asarray(values / values.sum(axis=-1, keepdims=True))
