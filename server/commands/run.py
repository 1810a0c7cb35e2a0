"""`sali run`: segments a video file, frame by frame, into an overlay video and a mask file."""

from __future__ import annotations

import json
from collections.abc import Iterable
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from server.errors import SourceError
from server.output_files import OutputError, whole_file
from server.video_frames import RegionFrame, decoded_frames, frames_with_regions
from server.worker.models import find_factory

if TYPE_CHECKING:
    import av
    import numpy as np
    import numpy.typing as npt

    from sali_core.stream.model import StreamModel
    from sali_core.types import StepResult
    from server.media.region import Rectangle

_TIME_BASE = Fraction(1, 90_000)


def command(
    source: Annotated[Path, typer.Argument(help="A video file.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="Overlay video to write (.mp4).")],
    weights: Annotated[str, typer.Option(help="A shipped name or a .safetensors file.")] = (
        "small-demo"
    ),
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    model: Annotated[
        str, typer.Option(help="What runs the weights: an installed model or module:function.")
    ] = "sali",
    region: Annotated[
        str,
        typer.Option(help="What the model sees: auto (the endoscopic picture), full or x,y,w,h."),
    ] = "auto",
    frames: Annotated[int, typer.Option(help="Stop after so many frames; 0 for all.")] = 0,
) -> None:
    """Segment every frame of SOURCE; masks go to OUT with the ending .jsonl.

    Research use only. Not a medical device.
    """
    from server.media.container import open_file, video_stream
    from server.media.region import parse_region

    _check_output(out)
    choice = parse_region(region)
    with open_file(str(source)) as container:
        stream = video_stream(container, source.name)
        chosen = find_factory(model)(weights, device)
        total = frames or stream.frames or None
        pictures = islice(
            frames_with_regions(decoded_frames(container, stream), choice), frames or None
        )
        count = _segment(pictures, stream.average_rate, chosen, out, total)
    typer.echo(f"{count} frames; video {out}, masks {out.with_suffix('.jsonl')}")
    typer.echo("Research use only. Not a medical device.")


def _segment(
    pictures: Iterable[RegionFrame],
    rate: Fraction | None,
    model: StreamModel,
    out: Path,
    total: int | None,
) -> int:
    """Write both files whole or not at all; return the number of frames."""
    from rich.progress import Progress

    from server.media.cropper import Cropper

    masks = out.with_suffix(".jsonl")
    cropper = Cropper(model.info.input_size)
    done = 0
    with whole_file(out) as video_partial, whole_file(masks) as masks_partial:
        with (
            Progress() as progress,
            _OverlayWriter(video_partial, rate) as writer,
            masks_partial.open("w") as lines,
        ):
            bar = progress.add_task(out.name, total=total)
            state = model.initial_state()
            for number, (frame, region, is_new_region) in enumerate(pictures):
                if is_new_region:
                    state = model.initial_state()
                seen = cropper.crop(frame, region).to_ndarray().astype("uint8", copy=False)
                result = model.step(state, seen)
                writer.write(frame, result.mask, region)
                lines.write(json.dumps(_line(number, frame, region, result)) + "\n")
                progress.update(bar, advance=1)
                done = number + 1
        if not done:
            raise SourceError(f"{out.name}: not one frame could be decoded")
    return done


def _check_output(out: Path) -> None:
    if out.suffix.lower() != ".mp4":
        raise OutputError(f"{out}: the output must end in .mp4")
    if not out.parent.is_dir():
        raise OutputError(f"{out}: the folder {out.parent} does not exist; make it first")


def _line(
    number: int, frame: av.VideoFrame, region: Rectangle, result: StepResult
) -> dict[str, Any]:
    from server.masks import rle
    from server.session.findings import polyp_in_source
    from server.worker.components import find_polyps

    found = find_polyps(result.mask, result.probability)
    height, width = result.mask.shape
    area_scale = region[2] * region[3] / (width * height)
    return {
        "frame": number,
        "time_s": frame.time,
        "region": region,
        "rle": {"size": [height, width], "counts": rle.encode(found.mask)},
        "polyps": [
            {
                "box": polyp_in_source(polyp, (height, width), region).box,
                "area_px": round(polyp.area_px * area_scale),
                "score": polyp.score,
            }
            for polyp in found.polyps
        ],
    }


class _OverlayWriter:
    """Encodes pictures with their outline burned in, at the source's own times."""

    def __init__(self, path: Path, rate: Fraction | None) -> None:
        import av

        self._path = path
        self._rate = rate or Fraction(25)
        self._container = av.open(str(path), "w", format="mp4")
        self._stream: Any = None
        self._last_pts = -1

    def __enter__(self) -> _OverlayWriter:
        return self

    def __exit__(self, *_exc: object) -> None:
        if self._stream is not None:
            for packet in self._stream.encode(None):
                self._container.mux(packet)
        self._container.close()

    def write(self, frame: av.VideoFrame, mask: npt.NDArray[np.bool_], region: Rectangle) -> None:
        """Append one picture with the outline of a mask that covers a region of it."""
        import av

        from server.burn_in.outline import YuvPicture, burn_outline, is_bt709
        from server.media.encoder import relayed_size

        width, height = relayed_size(frame.width, frame.height)
        if self._stream is None:
            self._stream = self._container.add_stream("libx264", rate=self._rate)
            self._stream.width, self._stream.height = width, height
            self._stream.pix_fmt = "yuv420p"
            self._stream.time_base = _TIME_BASE
            self._stream.options = {"crf": "20", "preset": "veryfast"}
        if (width, height) != (self._stream.width, self._stream.height):
            raise SourceError("the picture size changes within the file; split it first")
        even = frame.reformat(width, height, "yuv420p", dst_color_range="MPEG")
        rows = even.to_ndarray().astype("uint8", copy=False)
        yuv = YuvPicture.from_rows(rows, is_bt709=is_bt709(frame.colorspace))
        burn_outline(yuv, mask, region)
        picture = av.VideoFrame.from_ndarray(rows, format="yuv420p")
        seconds = frame.time if frame.time is not None else 0.0
        # Broken files repeat times; the container wants them to grow.
        self._last_pts = max(round(seconds * 90_000), self._last_pts + 1)
        picture.pts = self._last_pts
        picture.time_base = _TIME_BASE
        for packet in self._stream.encode(picture):
            self._container.mux(packet)
