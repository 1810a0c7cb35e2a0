"""Choose what of the lock file goes into an image: the lock on stdin, the choice on stdout.

    select_requirements.py cuda|cpu [--without-torch]
    select_requirements.py --torch-versions

Left out of every image: triton (1 GB; only the engines `compiled*` use it, and they need a C
compiler besides) and the headers of CUDA. `--without-torch` leaves out torch, torchvision and the
CUDA libraries too; `--torch-versions` prints the first two with the versions of the lock.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator

_NEVER = ("triton", "nvidia-cuda-cccl")
_CUDA = ("nvidia-", "cuda-")
_TORCH = ("torch", "torchvision")


def entries(lock: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Return each package's name and its lines, comments left out."""
    name, lines = "", ""
    for line in lock:
        if line.startswith("#") or not line.strip():
            continue
        start = re.match(r"[a-z0-9][a-z0-9._-]*(?===)", line)
        if start is not None:
            if name:
                yield name, lines
            name, lines = start.group(), ""
        lines += line
    if name:
        yield name, lines


def is_chosen(name: str, accelerator: str, *, without_torch: bool) -> bool:
    """Whether a package goes into the image."""
    if name in _NEVER:
        return False
    if without_torch:
        return name not in _TORCH and not name.startswith(_CUDA)
    # The CUDA build of torch loads NVIDIA's libraries on any machine; its Python bindings it does
    # not miss on one without a GPU.
    return accelerator == "cuda" or not name.startswith("cuda-")


def main(arguments: list[str]) -> int:
    """Copy the chosen entries from stdin to stdout."""
    if arguments == ["--torch-versions"]:
        for name, lines in entries(sys.stdin):
            if name in _TORCH:
                sys.stdout.write(lines.split()[0] + "\n")
        return 0
    if not arguments or arguments[0] not in ("cuda", "cpu"):
        sys.stderr.write("ACCELERATOR is cuda or cpu\n")
        return 2
    without_torch = "--without-torch" in arguments[1:]
    if without_torch and arguments[0] == "cuda":
        sys.stderr.write("TORCH_INDEX goes with ACCELERATOR=cpu only\n")
        return 2
    for name, lines in entries(sys.stdin):
        if is_chosen(name, arguments[0], without_torch=without_torch):
            sys.stdout.write(lines)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
