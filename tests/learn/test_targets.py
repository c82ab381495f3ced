"""What a network is taught: labels, votes, or both through two heads."""

from __future__ import annotations

from dataclasses import replace

import keras
import numpy as np
import pytest

from mien.config import config_from_dict
from mien.data.dataset import Split
from mien.errors import ConfigError
from mien.learn.models import build_model, logits_model
from mien.learn.pipeline import EpochBatches
from mien.learn.targets import head_accuracy, head_loss, targets_of, vote_shares

# angry, disgust, fear, happy, sad, surprise, neutral; contempt, unknown, not a face
VOTES = np.array(
    [
        [0, 0, 0, 8, 0, 0, 2, 0, 0, 0],
        [3, 0, 0, 0, 3, 0, 3, 1, 0, 0],
        [0, 0, 0, 1, 0, 0, 2, 0, 0, 7],
        [0, 0, 1, 0, 0, 1, 2, 0, 6, 0],
        [np.nan] * 10,
    ],
    np.float32,
)


@pytest.fixture
def split() -> Split:
    return Split(np.zeros((5, 48, 48), np.uint8), np.array([3, 0, 6, 2, 1]), np.array(list("abcde")), votes=VOTES)


def test_shares_are_of_those_who_saw_an_emotion(split):
    shares = vote_shares(split)
    np.testing.assert_allclose(shares[0], [0, 0, 0, 0.8, 0, 0, 0.2])
    np.testing.assert_allclose(shares[1], np.array([3, 0, 0, 0, 3, 0, 3]) / 9)


def test_what_most_called_no_face_or_could_not_name_teaches_nothing(split):
    assert not vote_shares(split)[2:].any()


def test_votes_are_asked_for_when_the_dataset_has_none(split):
    with pytest.raises(ConfigError, match=r"--votes fer2013new\.csv"):
        targets_of(replace(split, votes=None), "both")


def test_with_both_the_votes_come_first(split):
    targets = targets_of(split, "both")
    np.testing.assert_array_equal(targets[:, :7], vote_shares(split))
    np.testing.assert_array_equal(targets[:, 7:].argmax(1), split.labels)


def test_the_loss_weighs_the_heads_and_a_row_without_votes_counts_nothing(split):
    config = config_from_dict({"model": {"predicts": "both"}, "train": {"votes_weight": 0.25}})
    logits = np.random.default_rng(0).normal(size=(5, 14)).astype(np.float32)
    loss = keras.ops.convert_to_numpy(head_loss(config)(targets_of(split, "both"), logits))

    def cross_entropy(target: np.ndarray, values: np.ndarray) -> float:
        return float(-(target * (values - np.log(np.exp(values).sum()))).sum())

    label = [cross_entropy(np.eye(7)[y], row[7:]) for y, row in zip(split.labels, logits, strict=True)]
    assert loss[0] == pytest.approx(0.25 * cross_entropy(vote_shares(split)[0], logits[0, :7]) + 0.75 * label[0], 1e-5)
    assert loss[2] == pytest.approx(0.75 * label[2], 1e-5)


def test_labels_alone_with_smoothing_are_keras_own_loss(split):
    config = config_from_dict({"train": {"label_smoothing": 0.1}})
    logits = np.random.default_rng(1).normal(size=(5, 7)).astype(np.float32)
    theirs = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1, reduction=None)
    targets = targets_of(split, "labels")
    np.testing.assert_allclose(head_loss(config)(targets, logits), theirs(targets, logits), rtol=1e-5)


def test_accuracy_is_that_of_the_labels_head():
    targets, logits = np.zeros((2, 14), np.float32), np.zeros((2, 14), np.float32)
    targets[:, 9] = logits[0, 9] = logits[1, 8] = 1
    assert keras.ops.convert_to_numpy(head_accuracy(targets, logits)).tolist() == [1, 0]


@pytest.mark.parametrize("architecture", ["cnn", "vgg", "resnet"])
def test_a_network_of_both_has_two_outputs_with_logits_side_by_side(architecture):
    config = config_from_dict(
        {"model": {"architecture": architecture, "widths": [4, 8], "blocks": [1, 1], "predicts": "both"}}
    )
    model = build_model(config.model)
    assert model.output_names == ["probabilities", "label_probabilities"]
    image = np.full((2, 48, 48, 1), 99, np.float32)
    logits = keras.ops.convert_to_numpy(logits_model(model)(image))
    answers = [keras.ops.convert_to_numpy(answer) for answer in model(image)]
    np.testing.assert_allclose(keras.ops.softmax(logits[:, :7]), answers[0], rtol=1e-5)
    np.testing.assert_allclose(keras.ops.softmax(logits[:, 7:]), answers[1], rtol=1e-5)


def test_batches_mix_the_targets_of_both_heads_alike(split):
    config = config_from_dict(
        {"model": {"predicts": "both"}, "augment": {"mixup_alpha": 1.0}, "train": {"batch_size": 2}}
    )
    known = split.take(np.array([0, 1]))
    _, targets = EpochBatches(known, config, epoch=0)[0]
    shares, labels = targets[:, :7], targets[:, 7:]
    share_of_first = labels[:, 3]  # the first image is labelled happy
    expected = share_of_first[:, None] * vote_shares(known)[0] + (1 - share_of_first)[:, None] * vote_shares(known)[1]
    np.testing.assert_allclose(shares, expected, atol=1e-6)
