"""Feeds mutated images to `Predictor.predict`: each must end in an answer or in a MienError.

Seeds are pictures in every format and mode that mien reads; mutations change bytes in headers and bodies, sizes in
headers, cut files short, repeat parts, and glue two files together. Any other exception, an image that takes longer
than ten seconds, or more than 500 MB ends the run with exit code 1 and the mutant in a file.

    python benchmarks/fuzz_images.py [--count 10000] [--seed 0] [--model base]
"""

from __future__ import annotations

import argparse
import collections
import io
import resource
import struct
import sys
import time
from pathlib import Path

import numpy as np
from PIL import Image

from mien import Predictor
from mien.errors import MienError

LONGEST_SECONDS = 10.0
MOST_MEGABYTES = 500

MODES = {
    "JPEG": ("RGB", "L", "CMYK"),
    "PNG": ("RGB", "RGBA", "L", "LA", "P", "1", "I;16"),
    "WEBP": ("RGB", "RGBA"),
    "BMP": ("RGB", "P", "1"),
    "TIFF": ("RGB", "L", "CMYK", "1", "I;16", "F"),
    "GIF": ("P", "L"),
}


def seeds(random: np.random.Generator) -> list[tuple[str, bytes]]:
    """A picture in every format and mode."""
    made = []
    pixels = (np.add.outer(np.arange(90), np.arange(120))[..., None] + random.integers(0, 60, (90, 120, 3))) % 256
    picture = Image.fromarray(pixels.astype(np.uint8))
    for kind, modes in MODES.items():
        for mode in modes:
            image = Image.fromarray(np.asarray(picture.convert("L"), np.uint16) * 257) if mode == "I;16" else None
            image = image or picture.convert(mode)
            exif = Image.Exif()
            exif[0x0112] = 6
            for options in ({}, {"exif": exif}) if kind in ("JPEG", "PNG", "WEBP", "TIFF") else ({},):
                buffer = io.BytesIO()
                image.save(buffer, kind, **options)
                made.append((f"{kind} {mode}", buffer.getvalue()))
    for options in ({"progressive": True}, {"quality": 5}):
        buffer = io.BytesIO()
        picture.save(buffer, "JPEG", **options)
        made.append(("JPEG RGB", buffer.getvalue()))
    return made


def mutate(data: bytes, other: bytes, random: np.random.Generator) -> bytes:
    """One to several changes."""
    mutant = bytearray(data)
    for _ in range(int(random.integers(1, 5))):
        kind = random.integers(0, 7)
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
    return bytes(mutant)


def peak_megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 1024)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--model", default="base")
    arguments = parser.parse_args()
    random = np.random.default_rng(arguments.seed)
    pictures = seeds(random)
    predictor = Predictor(arguments.model)
    before, ends, slowest = peak_megabytes(), collections.Counter[str](), 0.0
    started = time.perf_counter()
    for number in range(arguments.count):
        name, data = pictures[number % len(pictures)]
        mutant = mutate(data, pictures[int(random.integers(0, len(pictures)))][1], random)
        begun = time.perf_counter()
        problem = ""
        try:
            predictor.predict(mutant)
            ends["answer"] += 1
        except MienError as error:
            ends[type(error).__name__] += 1
            if "\n" in str(error) or "Expected" not in str(error):
                problem = f"a message that is not one sentence: {error!r}"
        except Exception as error:  # what this is for
            problem = repr(error)
        seconds = time.perf_counter() - begun
        slowest = max(slowest, seconds)
        if seconds > LONGEST_SECONDS:
            problem = f"{seconds:.1f} s"
        if peak_megabytes() > MOST_MEGABYTES:
            problem = f"{peak_megabytes():.0f} MB"
        if problem:
            Path("mutant.bin").write_bytes(mutant)
            sys.exit(f"mutant {number} of {name}: {problem} (kept as mutant.bin)")
    took = time.perf_counter() - started
    print(f"{arguments.count:,} mutants in {took:.0f} s: " + ", ".join(f"{n:,} {end}" for end, n in ends.most_common()))
    print(f"slowest {slowest * 1e3:.0f} ms; peak memory {peak_megabytes():.0f} MB, {before:.0f} MB before the first")


if __name__ == "__main__":
    main()
