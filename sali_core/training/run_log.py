"""The record of a run: one line per step in `log.csv`, and TensorBoard's files if wanted."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sali_core.errors import ConfigError

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

_COLUMNS = ("step", "loss", "validation_dice")


@dataclass(frozen=True)
class TrainEvent:
    """Progress of training after one step; `dice` is set after a validation."""

    step: int
    loss: float
    dice: float | None = None
    lr: float = 0.0


class RunLog:
    """Writes events; a context. Lines of steps that will be done again are cut off first."""

    def __init__(self, folder: Path, *, done: int, tensorboard: bool) -> None:
        """Open the record of a run.

        Args:
            folder: Of the run.
            done: Steps done; what lies behind them is cut off.
            tensorboard: Write TensorBoard's files into `tensorboard/` too.

        Raises:
            ConfigError: TensorBoard is wanted and not installed.
        """
        # The cure before anything is touched.
        self._board = _open_board(folder / "tensorboard", done) if tensorboard else None
        path = folder / "log.csv"
        _cut_back(path, done)
        self._file = path.open("a", newline="")
        self._writer = csv.writer(self._file)

    def __enter__(self) -> RunLog:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        if self._board:
            self._board.close()

    def write(self, event: TrainEvent) -> None:
        """Add one step; it is on its way to the disk when this returns."""
        dice = "" if event.dice is None else f"{event.dice:.6f}"
        self._writer.writerow((event.step, f"{event.loss:.5f}", dice))
        self._file.flush()
        if self._board:
            self._board.add_scalar("loss", event.loss, event.step)
            self._board.add_scalar("learning rate", event.lr, event.step)
            if event.dice is not None:
                self._board.add_scalar("validation Dice", event.dice, event.step)


def _cut_back(path: Path, done: int) -> None:
    """Keep the lines of steps 1 to `done`, whole ones only."""
    rows: list[list[str]] = []
    if path.exists():
        with path.open(newline="") as file:
            rows = [row for row in csv.reader(file) if _is_of(row, done)]
    partial = path.with_name(path.name + ".partial")
    with partial.open("w", newline="") as file:
        csv.writer(file).writerows([_COLUMNS, *rows])
    partial.replace(path)


def _is_of(row: list[str], done: int) -> bool:
    return len(row) == len(_COLUMNS) and row[0].isdigit() and int(row[0]) <= done


def _open_board(folder: Path, done: int) -> SummaryWriter:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise ConfigError(
            "TensorBoard is not installed: pip install 'sali-live[train]', or train without "
            "--tensorboard (log.csv has the same figures)"
        ) from None
    return SummaryWriter(str(folder), purge_step=done + 1)
