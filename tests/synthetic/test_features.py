"""Features move as their action units say; y points down, so up is smaller."""

import numpy as np
import pytest

from mien.synthetic.expression import ActionUnits
from mien.synthetic.features import brows, eyes, folds, mouth
from mien.synthetic.person import Person, Shot, sample_person, sample_shot

REST = ActionUnits()


@pytest.fixture
def person() -> Person:
    return sample_person(np.random.default_rng(0))._replace(moustache=False, beard=0.0)


@pytest.fixture
def shot() -> Shot:
    return sample_shot(np.random.default_rng(0))


def brow_ends(person: Person, units: ActionUnits) -> tuple[float, float]:
    """y of the inner and of the outer end of the right brow."""
    points = brows(person, units)[1].points
    return points[points[:, 0].argmin(), 1], points[points[:, 0].argmax(), 1]


def lip_line(person: Person, units: ActionUnits) -> np.ndarray:
    (line,) = (stroke for stroke in mouth(person, units) if stroke.width)
    return line.points


def eye_opening(person: Person, units: ActionUnits, shot: Shot) -> float:
    white = eyes(person, units, shot)[0].points
    return float(np.ptp(white[:, 1]))


def test_inner_and_outer_brow_rise_by_their_own_units(person: Person):
    inner, outer = brow_ends(person, REST)
    raised_inner, same_outer = brow_ends(person, ActionUnits(inner_brow_raise=1))
    same_inner, raised_outer = brow_ends(person, ActionUnits(outer_brow_raise=1))
    assert raised_inner < inner - 0.1
    assert same_outer == pytest.approx(outer)
    assert raised_outer < outer - 0.1
    assert same_inner == pytest.approx(inner)


def test_lowered_brows_come_down_inside_and_together(person: Person):
    rest, lowered = brows(person, REST)[1].points, brows(person, ActionUnits(brow_lower=1))[1].points
    assert brow_ends(person, ActionUnits(brow_lower=1))[0] > brow_ends(person, REST)[0] + 0.1
    assert lowered[:, 0].min() < rest[:, 0].min()


@pytest.mark.parametrize(("unit", "sign"), [("corner_pull", -1), ("corner_depress", 1)])
def test_corners_of_the_mouth_move_up_and_down(person: Person, unit: str, sign: int):
    rest, moved = lip_line(person, REST), lip_line(person, ActionUnits(**{unit: 1.0}))
    assert sign * (moved[0, 1] - rest[0, 1]) > 0.1
    assert sign * (moved[-1, 1] - rest[-1, 1]) > 0.1


def test_a_smile_and_a_stretch_make_the_mouth_wider(person: Person):
    width = np.ptp(lip_line(person, REST)[:, 0])
    assert np.ptp(lip_line(person, ActionUnits(corner_pull=1))[:, 0]) > width + 0.2
    assert np.ptp(lip_line(person, ActionUnits(lip_stretch=1))[:, 0]) > width + 0.2
    assert np.ptp(lip_line(person, ActionUnits(jaw_drop=1))[:, 0]) < width


def test_teeth_and_tongue_are_seen_in_an_open_mouth_only(person: Person):
    assert len(mouth(person, REST)) == 2
    assert len(mouth(person, ActionUnits(jaw_drop=1))) > 3


def test_lids_open_and_tighten(person: Person, shot: Shot):
    rest = eye_opening(person, REST, shot)
    assert eye_opening(person, ActionUnits(upper_lid_raise=1), shot) > 1.3 * rest
    for unit in ("lid_tighten", "cheek_raise", "nose_wrinkle", "lid_droop"):
        assert eye_opening(person, ActionUnits(**{unit: 1.0}), shot) < 0.85 * rest, unit


def test_irises_stay_between_the_lids(person: Person, shot: Shot):
    for units in (REST, ActionUnits(lid_tighten=1, cheek_raise=1), ActionUnits(upper_lid_raise=1)):
        white, iris = (stroke.points for stroke in eyes(person, units, shot)[:2])
        assert iris[:, 1].min() >= white[:, 1].min() - 1e-9
        assert iris[:, 1].max() <= white[:, 1].max() + 1e-9


@pytest.mark.parametrize("unit", ["nose_wrinkle", "cheek_raise", "corner_depress", "brow_lower", "inner_brow_raise"])
def test_folds_appear_with_the_unit(person: Person, unit: str):
    assert len(folds(person, ActionUnits(**{unit: 1.0}))) > len(folds(person, REST))
