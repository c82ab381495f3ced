"""mien beside `fer` (PyPI): cold start, memory, time per photo and per face, accuracy; same photos, same run.

    python benchmarks/against_fer.py PHOTO_FOLDER --fer-python FER_VENV/bin/python
        [--data fer2013.csv.gz] [--model base --model base-int8 …] [--rounds 3] [--json]

Installs nothing. `fer` needs an environment of its own; it asks for torch, which its default detector never uses:

    python -m venv FER_VENV
    FER_VENV/bin/pip install tensorflow-cpu 'opencv-python-headless<5' pandas scipy requests tqdm moviepy \\
        ffmpeg-python Pillow
    FER_VENV/bin/pip install --no-deps fer

Every measurement runs in a process of its own, and the two take turns, so that a busy moment hits both. The best round
counts: noise only ever adds time. Processor seconds are printed, too, which other programs disturb less.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from mien.inference.faces.yunet import SMALLEST_FACE_PX

# What runs in the two environments. Each prints one JSON object; `fer`'s has no mien.

MIEN_SETUP = """
from mien import Predictor
from mien.images import read_image
predictor = Predictor({model!r}, smallest_face_px={smallest!r})
def answer(path): return [face.emotion for face in predictor.predict(path).faces]
def one_face(crop): return predictor.predict_faces(crop[None])[0].argmax()
"""
FER_SETUP = """
import os
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import cv2
from fer.fer import FER
detector = FER(mtcnn=False)
def answer(path):
    found = detector.detect_emotions(cv2.imread(str(path)))
    return [max(face["emotions"], key=face["emotions"].get) for face in found]
ORDER = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
def one_face(crop):
    image = cv2.cvtColor(crop, cv2.COLOR_GRAY2BGR)
    # It widens every box by 10 px on each side, so this is the whole crop.
    box = (10, 10, crop.shape[1] - 20, crop.shape[0] - 20)
    scores = detector.detect_emotions(image, face_rectangles=[box])[0]["emotions"]
    return max(range(7), key=lambda k: scores[ORDER[k]])
"""
COLD = """
found = answer(photos[0])
print(json.dumps({"found": found}))
"""
WARM = """
answer(photos[0])
result = {}
for path in photos:
    found, times, cpu = answer(path), [], []
    for _ in range(repeats):
        wall, processor = time.perf_counter(), time.process_time()
        answer(path)
        times.append(time.perf_counter() - wall)
        cpu.append(time.process_time() - processor)
    result[path] = {"found": found, "wall": min(times), "cpu": min(cpu)}
print(json.dumps(result))
"""
FACES = """
images = np.load(crops_path)["images"]
labels = np.load(crops_path)["labels"]
one_face(images[0])
times, right = [], 0
for image, label in zip(images, labels):
    wall = time.perf_counter()
    answer_ = one_face(image)
    times.append(time.perf_counter() - wall)
    right += int(answer_ == label)
print(json.dumps({"ms": sorted(times)[len(times) // 2] * 1e3, "accuracy": right / len(images)}))
"""
FER_SMALLEST_PX = 50

HEAD = """
import json, sys, time
import numpy as np
photos, repeats, crops_path = {photos!r}, {repeats!r}, {crops!r}
"""


def run(python: str, code: str) -> dict[str, Any]:
    """Run code in a fresh process: its JSON, with `wall`, `cpu` and `peak` of the whole process beside it."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        started = time.perf_counter()
        process = subprocess.Popen([python, "-c", code], stdout=out, stderr=err)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        if process.returncode:
            sys.exit(f"{python} failed:\n{err.read().decode()[-2000:]}")
        answer = json.loads(out.read().decode().strip().splitlines()[-1])
    kilobytes = usage.ru_maxrss / (1024 if sys.platform == "darwin" else 1)
    return {"answer": answer, "wall": wall, "cpu": usage.ru_utime + usage.ru_stime, "peak_mb": kilobytes / 1024}


def best(rounds: list[dict[str, Any]], key: str) -> float:
    return min(float(one[key]) for one in rounds)


def write_crops(data: str, count: int, path: Path) -> int:
    """PrivateTest, or the first of it, as arrays that both environments can read."""
    import numpy as np

    from mien.data import load_dataset

    test = load_dataset(data).test
    chosen = np.random.default_rng(0).permutation(len(test))[: count or len(test)]
    np.savez(path, images=test.images[chosen], labels=test.labels[chosen])
    return len(chosen)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--fer-python", required=True)
    parser.add_argument("--data")
    parser.add_argument("--model", action="append", help="bundled models or run folders; repeat it; base if none")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--crops", type=int, default=0, help="PrivateTest images for time per face and accuracy; 0 is all"
    )
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    photos = sorted(str(path) for path in arguments.photos.iterdir() if path.suffix in (".jpg", ".png"))
    photos.sort(key=lambda path: "one-face" not in path)  # the cold start is measured on the first
    models = [str(Path(name).resolve()) if Path(name).exists() else name for name in arguments.model or ["base"]]
    # Every model as it is preset, and the first one as `fer` searches, which leaves out faces below 50 px.
    searches = [*((model, SMALLEST_FACE_PX) for model in models), (models[0], FER_SMALLEST_PX)]
    with tempfile.TemporaryDirectory() as folder:
        crops = Path(folder) / "crops.npz"
        tasks = {"cold": COLD, "warm": WARM}
        if arguments.data:
            write_crops(arguments.data, arguments.crops, crops)
            tasks["faces"] = FACES
        head = HEAD.format(photos=photos, repeats=5, crops=str(crops))
        tools = {
            f"mien {Path(model).name}" + f", from {smallest} px" * (smallest != SMALLEST_FACE_PX): (
                sys.executable,
                MIEN_SETUP.format(model=model, smallest=smallest),
            )
            for model, smallest in searches
        }
        tools["fer"] = (arguments.fer_python, FER_SETUP)
        results: dict[str, dict[str, list[dict[str, Any]]]] = {task: {tool: [] for tool in tools} for task in tasks}
        for _ in range(arguments.rounds):
            for task, code in tasks.items():
                for tool, (python, setup) in tools.items():
                    results[task][tool].append(run(python, head + setup + code))
    facts = summary(results, photos)
    print(json.dumps(facts, indent=2) if arguments.json else as_table(facts))


def summary(
    results: dict[str, dict[str, list[dict[str, Any]]]], photos: list[str]
) -> dict[str, dict[str, float | str]]:
    """Rows of the comparison: name → tool → value."""
    rows: dict[str, dict[str, Any]] = {}
    for tool, rounds in results["cold"].items():
        rows.setdefault("cold start to the first answer, s", {})[tool] = round(best(rounds, "wall"), 2)
        rows.setdefault("… processor seconds", {})[tool] = round(best(rounds, "cpu"), 2)
        rows.setdefault("… peak memory, MB", {})[tool] = round(best(rounds, "peak_mb"))
    for photo in photos:
        for tool, rounds in results["warm"].items():
            mine = [one["answer"][photo] for one in rounds]
            name = Path(photo).name
            rows.setdefault(f"{name}, warm, ms", {})[tool] = round(best(mine, "wall") * 1e3, 1)
            rows.setdefault(f"{name}, processor ms", {})[tool] = round(best(mine, "cpu") * 1e3, 1)
            rows.setdefault(f"{name}, faces", {})[tool] = ", ".join(mine[0]["found"]) or "none"
    for tool, rounds in results.get("faces", {}).items():
        answers = [one["answer"] for one in rounds]
        rows.setdefault("one face, without detection, ms", {})[tool] = round(best(answers, "ms"), 2)
        rows.setdefault("accuracy on PrivateTest crops", {})[tool] = (
            f"{statistics.median(a['accuracy'] for a in answers):.1%}"
        )
    return rows


def as_table(facts: dict[str, dict[str, float | str]]) -> str:
    tools = list(next(iter(facts.values())))
    lines = ["| | " + " | ".join(tools) + " |", "|---|" + "---|" * len(tools)]
    lines += [f"| {name} | " + " | ".join(str(row[tool]) for tool in tools) + " |" for name, row in facts.items()]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
