"""Feeds mutated files to everything of mien that reads one: each must end in a value or in one sentence.

Seeds are small files of each kind; mutations change bytes, sizes, words and numbers, cut files short, repeat parts, and
glue two files together. Any exception but a MienError, a message of several lines, a case that takes longer than ten
seconds, or more than 500 MB ends the run with exit code 1 and the mutant in a file.

    python benchmarks/fuzz_readers.py [image csv zip …] [--count 10000] [--seed 0]
"""

from __future__ import annotations

import argparse
import collections
import dataclasses
import gzip
import io
import json
import os
import resource
import struct
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from mien.card import ModelCard, read_card, write_card
from mien.config import Config, config_to_toml, load_config
from mien.data import cache, load_dataset
from mien.data.reading import Samples
from mien.errors import MienError
from mien.images import read_image
from mien.inference.classifier import Classifier
from mien.inference.model_files import find_model
from mien.run import Probabilities, Run

LONGEST_SECONDS = 10.0
MOST_MEGABYTES = 500

IMAGE_MODES = {
    "JPEG": ("RGB", "L", "CMYK"),
    "PNG": ("RGB", "RGBA", "L", "LA", "P", "1", "I;16"),
    "WEBP": ("RGB", "RGBA"),
    "BMP": ("RGB", "P", "1"),
    "TIFF": ("RGB", "L", "CMYK", "1", "I;16", "F"),
    "GIF": ("P", "L"),
}


# Words and numbers that matter somewhere, in files that are text.
WORDS = (
    b'"',
    b"\r",
    b"\n",
    b"\0",
    b"\x0c",
    b",",
    b"NaN",
    b"1e999",
    b"-1",
    b"9" * 5000,
    b"[" * 2000,
    b"{",
    b"null",
    b"\xff",
)


class Reader(NamedTuple):
    """Files of one kind, and what reads the one at a path."""

    seeds: Callable[[Path, np.random.Generator], list[bytes]]
    read: Callable[[Path], object]
    name: str = "file"


def images(random: np.random.Generator) -> list[bytes]:
    """An image in every format and mode."""
    made = []
    pixels = (np.add.outer(np.arange(90), np.arange(120))[..., None] + random.integers(0, 60, (90, 120, 3))) % 256
    picture = Image.fromarray(pixels.astype(np.uint8))
    for kind, modes in IMAGE_MODES.items():
        for mode in modes:
            image = Image.fromarray(np.asarray(picture.convert("L"), np.uint16) * 257) if mode == "I;16" else None
            image = image or picture.convert(mode)
            exif = Image.Exif()
            exif[0x0112] = 6
            for options in ({}, {"exif": exif}) if kind in ("JPEG", "PNG", "WEBP", "TIFF") else ({},):
                buffer = io.BytesIO()
                image.save(buffer, kind, **options)
                made.append(buffer.getvalue())
    for options in ({"progressive": True}, {"quality": 5}):
        buffer = io.BytesIO()
        picture.save(buffer, "JPEG", **options)
        made.append(buffer.getvalue())
    return made


def csv(random: np.random.Generator, images: int = 3) -> bytes:
    rows = [" ".join(map(str, random.integers(0, 256, 2304))) for _ in range(images)]
    usages = ("Training", "PublicTest", "PrivateTest")
    lines = [f"{number % 7},{row},{usages[number % 3]}" for number, row in enumerate(rows)]
    return "\n".join(["emotion,pixels,Usage", *lines]).encode()


def votes() -> bytes:
    header = "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF"
    usages = ("Training", "PublicTest", "PrivateTest")
    return "\n".join([header, *(f"{usage},f.png,1,0,0,0,0,0,2,3,4,0" for usage in usages)]).encode()


def zips(random: np.random.Generator) -> list[bytes]:
    made = []
    face = io.BytesIO()
    Image.fromarray(random.integers(0, 256, (48, 48), np.uint8)).save(face, "PNG")
    for files in ({"happy/a.png": face.getvalue(), "train/sad/b.png": face.getvalue()}, {"fer2013.csv": csv(random)}):
        for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2):
            buffer = io.BytesIO()
            with zipfile.ZipFile(buffer, "w", method) as archive:
                for name, data in files.items():
                    archive.writestr(name, data)
            made.append(buffer.getvalue())
    return made


def cache_entries(folder: Path) -> list[bytes]:
    samples = Samples(
        images=np.zeros((3, 48, 48), np.uint8),
        labels=np.arange(3),
        sample_ids=np.array(["a", "b", "c"]),
        membership=np.zeros(3, np.int8),
        split_by="",
        skipped=(("here", "broken"),),
    )
    os.environ["MIEN_CACHE_DIR"] = str(folder / "cache")
    cache.store_cached("key", samples)
    return [path.read_bytes() for path in (folder / "cache").glob("*.npz")]


def read_cache_entry(path: Path) -> object:
    (entry,) = (path.parent / "cache").glob("*.npz")
    entry.write_bytes(path.read_bytes())
    return cache.load_cached("key")


def read_with_votes(path: Path) -> object:
    source = path.with_name("fer2013.csv")
    if not source.exists():
        source.write_bytes(csv(np.random.default_rng(0)))
    return load_dataset(source, votes=path, cache=False)


def read_file_object(path: Path) -> object:
    """In parts of odd sizes, as a socket would give them."""
    data = io.BytesIO(path.read_bytes())
    data.read = lambda size=-1, read=data.read: read(min(size, 1000) if size > 0 else size)  # type: ignore[method-assign]
    return read_image(data)


def read_pil_image(path: Path) -> object:
    try:
        image = Image.open(path)
    except Exception:  # not ours
        return None
    return read_image(image)


def cards(folder: Path) -> list[bytes]:
    write_card(folder / "model.json", ModelCard(name="fuzz", onnx_sha256="0" * 64))
    return [(folder / "model.json").read_bytes()]


def scores(folder: Path) -> list[bytes]:
    run = Run(folder / "scores")
    rows = Probabilities(np.array(["a", "b"]), np.array([0, 1]), np.full((2, 7), 1 / 7, np.float32))
    return [run.write_probabilities("val", rows).read_bytes()]


def read_scores(path: Path) -> object:
    run = Run(path.parent)
    path.replace(run.probabilities_path("val"))
    return run.read_probabilities("val")


def read_run_json(path: Path) -> object:
    return Run(path.parent).read_json(path)


def read_model(path: Path) -> object:
    """A model whose network is the mutant, which its card vouches for."""
    from mien.files import sha256_of
    from mien.run import Run

    run = Run(path.parent / "model")
    run.path.mkdir(exist_ok=True)
    path.replace(run.onnx_path)
    write_card(run.card_path, ModelCard(name="fuzz", onnx_sha256=sha256_of(run.onnx_path)))
    return Classifier(run.path).probabilities(np.zeros((1, 48, 48), np.uint8))


def read_strictly_and_skipping(path: Path) -> object:
    """`skip_bad` must hold wherever the strict reading ends in a sentence."""
    try:
        return load_dataset(path, cache=False)
    except MienError:
        return load_dataset(path, cache=False, skip_bad=True)


READERS = {
    "image": Reader(lambda folder, random: images(random), read_image),
    "file-object": Reader(lambda folder, random: images(random), read_file_object),
    "pil": Reader(lambda folder, random: images(random), read_pil_image),
    "csv": Reader(lambda folder, random: [csv(random), gzip.compress(csv(random))], read_strictly_and_skipping),
    "zip": Reader(lambda folder, random: zips(random), read_strictly_and_skipping),
    "votes": Reader(lambda folder, random: [votes()], read_with_votes, "fer2013new.csv"),
    "cache": Reader(lambda folder, random: cache_entries(folder), read_cache_entry),
    "card": Reader(lambda folder, random: cards(folder), read_card, "model.json"),
    "model": Reader(lambda folder, random: [find_model("small-int8").onnx_path.read_bytes()], read_model),
    "scores": Reader(lambda folder, random: scores(folder), read_scores),
    "run": Reader(lambda folder, random: [json.dumps({"schema_version": 1, "a": [1, None]}).encode()], read_run_json),
    "config": Reader(lambda folder, random: [config_to_toml(Config()).encode()], load_config, "config.toml"),
}


def mutate(data: bytes, other: bytes, random: np.random.Generator) -> bytes:
    """One to several changes."""
    mutant = bytearray(data)
    for _ in range(int(random.integers(1, 5))):
        kind = random.integers(0, 8)
        place = int(random.integers(0, max(1, len(mutant))))
        near_start = int(random.integers(0, max(1, min(len(mutant), 120))))
        if kind == 0 and mutant:
            mutant[place] = int(random.integers(0, 256))
        elif kind in (1, 2) and mutant:
            mutant[near_start] = int(random.integers(0, 256))
        elif kind == 3:  # a number that matters somewhere: sizes, lengths, offsets
            number = int(random.choice([0, 1, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, 60_000, 7_000]))
            form = random.choice([">I", "<I", ">H", "<H"])
            size = struct.calcsize(form)
            mutant[near_start : near_start + size] = struct.pack(form, number & (2 ** (8 * size) - 1))
        elif kind == 4 and random.random() < 0.4:
            del mutant[place:]
        elif kind == 5:
            end = place + int(random.integers(1, 64))
            mutant[place:place] = mutant[place:end]
        elif kind == 6 and random.random() < 0.3:
            mutant[place:] = other[int(random.integers(0, len(other))) :]
        elif kind == 7:
            mutant[place:place] = WORDS[int(random.integers(len(WORDS)))]
    return bytes(mutant)


def peak_megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 1024)


@dataclasses.dataclass
class Tally:
    """How the cases of one reader ended."""

    ends: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)
    slowest_seconds: float = 0.0
    problem: str = ""
    mutant: bytes = b""


def fuzz(name: str, *, count: int, seed: int) -> Tally:
    """Read mutants until one is not read as it should be."""
    reader, random, tally = READERS[name], np.random.default_rng(seed), Tally()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        files = reader.seeds(folder, random)
        for number in range(count):
            other = files[int(random.integers(0, len(files)))]
            tally.mutant = mutate(files[number % len(files)], other, random)
            path = folder / reader.name
            path.write_bytes(tally.mutant)
            begun = time.perf_counter()
            tally.problem = _ended(reader, path, tally.ends)
            seconds = time.perf_counter() - begun
            tally.slowest_seconds = max(tally.slowest_seconds, seconds)
            if seconds > LONGEST_SECONDS:
                tally.problem = f"{seconds:.1f} s"
            if tally.problem:
                tally.problem = f"mutant {number} of {name}: {tally.problem}"
                break
    return tally


def _ended(reader: Reader, path: Path, ends: collections.Counter[str]) -> str:
    """Count how a case ended; the text says what is wrong with it."""
    try:
        reader.read(path)
        ends["read"] += 1
    except MienError as error:
        ends["refused"] += 1
        if "\n" in str(error) or "Expected" not in str(error):
            return f"a message that is not one sentence: {error!r}"
    except Exception as error:  # what this is for
        return repr(error)
    return ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("readers", nargs="*", choices=[[], *READERS], help="which; all by default")
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    print("| reader | cases | read | refused | slowest | peak memory |\n|---|---|---|---|---|---|")
    for name in arguments.readers or READERS:
        tally = fuzz(name, count=arguments.count, seed=arguments.seed)
        if not tally.problem and peak_megabytes() > MOST_MEGABYTES:
            tally.problem = f"{name}: {peak_megabytes():.0f} MB"
        if tally.problem:
            Path("mutant.bin").write_bytes(tally.mutant)
            sys.exit(f"{tally.problem} (kept as mutant.bin)")
        slowest, peak = f"{tally.slowest_seconds * 1e3:.0f} ms", f"{peak_megabytes():.0f} MB"
        read, refused = tally.ends["read"], tally.ends["refused"]
        print(f"| {name} | {arguments.count:,} | {read:,} | {refused:,} | {slowest} | {peak} |", flush=True)


if __name__ == "__main__":
    main()
