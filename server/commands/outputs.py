"""Where a command writes its figures besides the screen, looked over before the work begins."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import typer

from sali_core.errors import ConfigError


@dataclass(frozen=True)
class Outputs:
    """Where figures are written besides the screen."""

    json: Path | None
    csv: Path | None = None
    markdown: Path | None = None
    plots: Path | None = None

    def check(self) -> None:
        """Refuse, before the work, a place that cannot be written.

        Raises:
            ConfigError: A folder does not exist, a folder stands where the file would, or plots
                cannot be drawn here.
        """
        for option, path in (("json", self.json), ("csv", self.csv), ("markdown", self.markdown)):
            check_file(f"--{option}", path)
        if self.plots:
            if self.plots.exists() and not self.plots.is_dir():
                raise ConfigError(f"--plots {self.plots}: is a file; name a folder")
            from sali_core.evaluation.plots import require_matplotlib

            require_matplotlib()


def check_file(option: str, path: Path | None) -> None:
    """Refuse a file that cannot be written; none is fine.

    Args:
        option: What it was given by, as the error names it.
        path: The file.

    Raises:
        ConfigError: Its folder does not exist, or a folder stands where it would.
    """
    if path and not path.parent.is_dir():
        raise ConfigError(f"{option} {path}: the folder {path.parent} does not exist")
    if path and path.is_dir():
        raise ConfigError(f"{option} {path}: is a folder; name a file in it")


def tell_measuring(what: str) -> None:
    """Tell people, beside the report, what is measured now."""
    typer.echo(f"measuring: {what}", err=True)
