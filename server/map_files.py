"""Where predicted maps go: one file a frame, in folders that mirror the source."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

from sali_core.data.resizing import resize_map
from server.clip_source import SourceClip
from server.output_files import OutputError, whole_file

MapFormat = Literal["png", "npy"]


class MapFiles:
    """Writes maps into one folder; counts them."""

    def __init__(self, folder: Path, kind: MapFormat) -> None:
        """Bind to a folder, which is made with the first map.

        Args:
            folder: Where to.
            kind: `png`: 8-bit probabilities at the picture's size; `npy`: float32 logits at the
                model's.
        """
        self.folder = folder
        self.written = 0
        self._kind = kind

    def check(self, source: Path, clips: Sequence[SourceClip], *, overwrites: bool) -> None:
        """Refuse, before anything is computed, what cannot or must not be written.

        Raises:
            OutputError: The folder is a file, or is or reaches into the source; or maps are
                there already and must not be overwritten.
        """
        if self.folder.exists() and not self.folder.is_dir():
            raise OutputError(f"{self.folder} is a file; give a folder")
        place = source.resolve()
        for folder in (self.folder, *(self.folder / clip.name for clip in clips)):
            if source.is_dir() and folder.resolve().is_relative_to(place):
                raise OutputError(
                    f"{folder} is in the source folder {source}; give a folder elsewhere"
                )
        existing = [path for clip in clips for path in self._existing(clip)]
        if any(path.resolve() == place for path in existing):
            raise OutputError(f"{source} would be overwritten; give another folder")
        if existing and not overwrites:
            raise OutputError(
                f"{existing[0]} and {len(existing) - 1} more exist; give another folder, "
                "or --force to overwrite"
            )

    def hold(self, clip: SourceClip) -> bool:
        """Tell whether every map of a clip is there; never known of a video."""
        return clip.stems is not None and all(
            self._path(clip.name, stem).is_file() for stem in clip.stems
        )

    def write(
        self,
        clip: PurePosixPath,
        stem: str,
        *,
        logits: npt.NDArray[np.float32],
        probability: npt.NDArray[np.float32],
        size: tuple[int, int],
    ) -> None:
        """Write one frame's map; the file appears whole or not at all.

        Args:
            clip: Folder relative to the output folder.
            stem: Name of the file without its ending.
            logits: [h, w], written as they are by `npy`.
            probability: [h, w], written by `png` at `size`.
            size: (height, width) of the source's picture.

        Raises:
            OutputError: The file cannot be written.
        """
        path = self._path(clip, stem)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with whole_file(path) as partial, partial.open("wb") as file:
                if self._kind == "npy":
                    np.save(file, logits.astype(np.float32, copy=False))
                else:
                    grey = np.rint(resize_map(probability, size) * 255).astype(np.uint8)
                    Image.fromarray(grey).save(file, format="PNG")
        except OSError as exc:
            raise OutputError(f"{path}: cannot be written: {exc.strerror or exc}") from exc
        self.written += 1

    def _path(self, clip: PurePosixPath, stem: str) -> Path:
        return self.folder / clip / f"{stem}.{self._kind}"

    def _existing(self, clip: SourceClip) -> Iterator[Path]:
        """Return maps that are where this clip's will be; any number for a video's."""
        if clip.stems is not None:
            paths = [self._path(clip.name, stem) for stem in clip.stems]
            yield from (path for path in paths if path.exists())
        else:
            paths = sorted((self.folder / clip.name).glob(f"[0-9]*.{self._kind}"))
            yield from (path for path in paths if path.stem.isdigit())
