"""Describes the machine that a benchmark runs on, as Markdown for docs/benchmarks.md.

python benchmarks/machine.py
"""

from __future__ import annotations

import importlib.metadata
import os
import platform
import time
from pathlib import Path

from mien.machine import usable_cores

PACKAGES = (
    "mien",
    "numpy",
    "opencv-python-headless",
    "onnxruntime",
    "pandas",
    "keras",
    "tensorflow",
    "scikit-learn",
)


def machine_facts() -> dict[str, str]:
    """Processor, cores, memory, system, Python and library versions: name → text."""
    return {
        "date": time.strftime("%Y-%m-%d"),
        "processor": _processor(),
        "cores": _cores(),
        "memory": _memory(),
        "system": platform.platform(),
        "Python": f"{platform.python_implementation()} {platform.python_version()}",
        "libraries": ", ".join(f"{name} {version}" for name in PACKAGES if (version := _version(name))),
    }


def markdown(facts: dict[str, str]) -> str:
    """The facts as a table of two columns."""
    return "\n".join(["| machine | |", "|---|---|", *(f"| {name} | {value} |" for name, value in facts.items())])


def _cpuinfo(key: str) -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.split(":")[0].strip() == key), "")


def _processor() -> str:
    name = _cpuinfo("model name") or platform.processor() or platform.machine()
    flags = _cpuinfo("flags").split()
    # What decides between float32 and bfloat16 training and between the kernels of ONNX Runtime.
    telling = [flag for flag in ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16") if flag in flags]
    return f"{name} ({', '.join(telling)})" if telling else name


def _cores() -> str:
    return f"{usable_cores()} usable of {os.cpu_count()}"


def _memory() -> str:
    try:
        size = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return "unknown"
    return f"{size / 2**30:.0f} GiB"


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


if __name__ == "__main__":
    print(markdown(machine_facts()))
