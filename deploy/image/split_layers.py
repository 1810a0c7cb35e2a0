"""Split a virtual environment into folders that become layers of the image.

    split_layers.py VENV OUT [--cpu]

`OUT/cuda`, `OUT/torch` and `OUT/packages` hold the files under their own absolute paths: an update
of our code leaves all three as they are, one of a small package the first two. pip and setuptools
stay in VENV, where our package is built; what is of no use at run time is deleted. With `--cpu`
so is every NVIDIA library that is not loaded along with torch: its CUDA build wants some of them
on any machine, and opens the others, cuDNN's kernels among them, only on a GPU.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

_BUILD_TOOLS = (
    "pip",
    "pip-*",
    "setuptools",
    "setuptools-*",
    "pkg_resources",
    "_distutils_hack",
    "distutils-precedence.pth",
)
_LAYERS = {
    "cuda": ("nvidia*", "cuda*"),
    "torch": ("torch*", "functorch*"),
    "packages": ("*",),
}
_USELESS = (
    "torch/include",
    "torch/share",
    "torch/bin/protoc*",
    "torch/lib/*.a",
    "nvidia/*/include",
    "nvidia/*/cccl",
    "nvidia/*/lib/*.a",
    "*/tests",
    "*/*/tests",
)


_TELL_LOADED = "import torch, torchvision; print(open('/proc/self/maps').read())"


def delete_unloaded(venv: Path) -> None:
    """Delete the NVIDIA libraries that importing torch does not load."""
    done = subprocess.run(  # noqa: S603 - the environment's own interpreter
        [str(venv / "bin/python"), "-c", _TELL_LOADED], check=True, capture_output=True, text=True
    )
    loaded = {line.rpartition(" ")[2] for line in done.stdout.splitlines()}
    for library in venv.glob("lib/python3*/site-packages/nvidia/**/*.so*"):
        if str(library.resolve()) not in loaded:
            library.unlink()


def split(venv: Path, out: Path) -> None:
    """Move the installed packages; copy the interpreter's links."""
    (installed,) = venv.glob("lib/python3*/site-packages")
    for path in _matches(installed, _USELESS):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    kept = _matches(installed, _BUILD_TOOLS)
    for layer, patterns in _LAYERS.items():
        target = out / layer / installed.relative_to("/")
        target.mkdir(parents=True)
        for path in _matches(installed, patterns) - kept:
            shutil.move(path, target / path.name)
    _copy_interpreter(venv, out / "packages" / venv.relative_to("/"))


def _matches(folder: Path, patterns: tuple[str, ...]) -> set[Path]:
    """Return what lies in a folder under any of these patterns."""
    return {path for pattern in patterns for path in folder.glob(pattern)}


def _copy_interpreter(venv: Path, target: Path) -> None:
    """Copy what makes a virtual environment of the folder; no other command goes with it."""
    shutil.copy2(venv / "pyvenv.cfg", target)
    (target / "bin").mkdir()
    for path in _matches(venv / "bin", ("python*",)):
        shutil.copy2(path, target / "bin", follow_symlinks=False)


if __name__ == "__main__":
    if sys.argv[3:] == ["--cpu"]:
        delete_unloaded(Path(sys.argv[1]))
    split(Path(sys.argv[1]), Path(sys.argv[2]))
