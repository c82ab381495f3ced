import numpy as np

from mien.data.dataset import Split, content_hashes, dataset_fingerprint


def make_split(images: np.ndarray, labels: list[int] | None = None, prefix: str = "a") -> Split:
    ids = np.array([f"{prefix}{n}" for n in range(len(images))])
    return Split(images, np.array(labels if labels is not None else [0] * len(images), dtype=np.int64), ids)


def test_hashes_are_equal_exactly_when_the_pixels_are(pixels):
    changed = pixels[0].copy()
    changed[47, 47] ^= 1
    first, again, other, last = content_hashes(np.stack([pixels[0], pixels[0], changed, pixels[1]]))
    assert first == again
    assert len({first, other, last}) == 3
    assert len(first) == 32


def test_no_images_have_no_hashes(pixels):
    assert content_hashes(pixels[:0]).shape == (0,)


def test_fingerprint_sees_pixels_labels_order_and_membership_but_not_names(pixels):
    def fingerprint(a: Split, b: Split) -> str:
        return dataset_fingerprint([("train", a), ("val", b)])

    base = fingerprint(make_split(pixels[:3]), make_split(pixels[3:5]))
    assert base == fingerprint(make_split(pixels[:3], prefix="other"), make_split(pixels[3:5]))
    assert base != fingerprint(make_split(pixels[:2]), make_split(pixels[2:5]))
    assert base != fingerprint(make_split(pixels[:3], [0, 0, 1]), make_split(pixels[3:5]))
    assert base != fingerprint(make_split(pixels[[1, 0, 2]]), make_split(pixels[3:5]))
    touched = pixels[:3].copy()
    touched[0, 0, 0] ^= 1
    assert base != fingerprint(make_split(touched), make_split(pixels[3:5]))


def test_fingerprint_does_not_depend_on_how_the_images_lie_in_memory(pixels):
    strided = np.repeat(pixels, 2, axis=0)[::2]
    assert not strided.flags.c_contiguous
    assert dataset_fingerprint([("train", make_split(strided))]) == dataset_fingerprint([("train", make_split(pixels))])
