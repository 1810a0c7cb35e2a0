"""Reads foreign checkpoints (`torch.save` or safetensors) as names and tensors, nothing else."""

from __future__ import annotations

import pickle
import re
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from sali_core.errors import CheckpointError

# Keys under which people keep a state dict; `network` and `averaged` are those of `sali train`.
_WRAPPERS = ("network", "state_dict", "model")
_SHOWN = 5
_GLOBAL = re.compile(r"GLOBAL ([\w.]+)")


@dataclass(frozen=True)
class Checkpoint:
    """A state dict as it was found.

    Attributes:
        tensors: Parameter and buffer names, without `module.`; dense, on the CPU, floats float32.
        is_averaged: Whether averaged weights were there, and are these.
    """

    tensors: dict[str, Tensor]
    is_averaged: bool = False


def read_checkpoint(path: Path) -> Checkpoint:
    """Read a state dict: bare or wrapped, with or without `module.`.

    Where `sali train` kept averaged weights beside the plain ones, the averaged ones are taken.

    Raises:
        CheckpointError: The file is missing, damaged, holds anything but tensors (named), or
            values that are not finite (named). One line, for people.
    """
    if not path.is_file():
        raise CheckpointError(f"{path}: {'a folder' if path.is_dir() else 'no such file'}")
    held = _read_safetensors(path) if path.suffix == ".safetensors" else _read_pickled(path)
    state, is_averaged = _unwrap(held, path)
    return Checkpoint(_as_tensors(path, state), is_averaged)


def first_names(names: Iterable[str]) -> str:
    """Return the first five names, sorted, and dots where there are more."""
    ordered = sorted(names)
    return ", ".join(ordered[:_SHOWN]) + (", ..." if len(ordered) > _SHOWN else "")


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    try:
        state: dict[str, Tensor] = load_file(path)
    except (SafetensorError, OSError) as exc:
        raise CheckpointError(f"{path}: not a readable safetensors file: {exc}") from exc
    return state


def _read_pickled(path: Path) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch remarks on formats that are refused anyway
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as exc:  # a damaged file makes torch raise almost anything
        raise CheckpointError(f"{path}: {_why_unreadable(path, exc)}") from exc


def _why_unreadable(path: Path, exc: Exception) -> str:
    text = str(exc)
    cure = "ask for, or save, the tensors alone: torch.save(model.state_dict(), FILE)"
    if "TorchScript" in text:
        return f"holds a TorchScript program, not tensors alone; not loaded for safety; {cure}"
    if isinstance(exc, pickle.UnpicklingError) and _looks_saved(path):
        found = _GLOBAL.search(text)
        objects = f" ({found[1]})" if found else ""
        return (
            f"holds code or objects{objects} besides tensors, which could run anything; "
            f"not loaded for safety; {cure}"
        )
    if isinstance(exc, PermissionError):
        return "cannot be read: permission denied"
    return "cannot be read: truncated, or not a checkpoint"


def _looks_saved(path: Path) -> bool:
    """Whether the file begins as a zip archive or a pickle does."""
    with path.open("rb") as file:
        start = file.read(2)
    return start == b"PK" or start[:1] == b"\x80"


def _unwrap(held: Any, path: Path) -> tuple[dict[str, Any], bool]:
    """Return the state dict inside the common wrappers, and whether it is an average."""
    is_averaged = False
    while isinstance(held, Mapping):
        key = next((k for k in _WRAPPERS if isinstance(held.get(k), Mapping)), None)
        if key is None:
            break
        inner, averaged = _without_prefix(held[key]), held.get("averaged")
        if isinstance(averaged, Mapping):
            # An average may hold the parameters alone, without the buffers.
            inner |= _without_prefix(averaged)
            is_averaged = True
        held = inner
    if not isinstance(held, Mapping):
        raise CheckpointError(f"{path}: holds a {type(held).__name__}, not names with tensors")
    if not held:
        raise CheckpointError(f"{path}: holds no tensors")
    return _without_prefix(held), is_averaged


def _without_prefix(state: Mapping[Any, Any]) -> dict[str, Any]:
    """Drop `module.` (data-parallel and averaged models) where all names begin with it."""
    named = {str(name): value for name, value in state.items()}
    prefixed = {name: value for name, value in named.items() if name != "n_averaged"}
    if not all(name.startswith("module.") for name in prefixed):
        return named
    return {name.removeprefix("module."): value for name, value in prefixed.items()}


def _as_tensors(path: Path, named: Mapping[str, Any]) -> dict[str, Tensor]:
    foreign = [f"{k} ({type(v).__name__})" for k, v in named.items() if not _is_plain(v)]
    if foreign:
        raise CheckpointError(
            f"{path}: {len(foreign)} entries are not plain tensors: {first_names(foreign)}"
        )
    tensors = {
        name: value.detach().float() if value.is_floating_point() else value.detach()
        for name, value in named.items()
    }
    broken = [name for name, value in tensors.items() if not bool(torch.isfinite(value).all())]
    if broken:
        raise CheckpointError(
            f"{path}: {len(broken)} tensors hold values that are not finite: {first_names(broken)}"
        )
    return tensors


def _is_plain(value: Any) -> bool:
    return (
        isinstance(value, Tensor)
        and value.layout == torch.strided
        and not value.is_quantized
        and not value.is_complex()
        and not value.is_meta
    )
