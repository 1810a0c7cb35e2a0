"""`sali run`: segments a video file, frame by frame, into an overlay video and a mask file."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from server.errors import SourceError
from server.output_files import OutputError, whole_file
from server.video_frames import decoded_frames
from server.worker.models import find_factory

if TYPE_CHECKING:
    import av
    import numpy as np
    import numpy.typing as npt

    from sali_core.stream.model import StreamModel
    from sali_core.types import StepResult

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
    frames: Annotated[int, typer.Option(help="Stop after so many frames; 0 for all.")] = 0,
) -> None:
    """Segment every frame of SOURCE; masks go to OUT with the ending .jsonl.

    Research use only. Not a medical device.
    """
    from server.media.container import open_file, video_stream

    _check_output(out)
    with open_file(str(source)) as container:
        stream = video_stream(container, source.name)
        chosen = find_factory(model)(weights, device)
        total = frames or stream.frames or None
        count = _segment(container, stream, chosen, out, frames, total)
    typer.echo(f"{count} frames; video {out}, masks {out.with_suffix('.jsonl')}")
    typer.echo("Research use only. Not a medical device.")


def _segment(
    container: Any, stream: Any, model: StreamModel, out: Path, limit: int, total: int | None
) -> int:
    """Write both files whole or not at all; return the number of frames."""
    from rich.progress import Progress

    masks = out.with_suffix(".jsonl")
    done = 0
    with whole_file(out) as video_partial, whole_file(masks) as masks_partial:
        with (
            Progress() as progress,
            _OverlayWriter(video_partial, stream.average_rate) as writer,
            masks_partial.open("w") as lines,
        ):
            bar = progress.add_task(out.name, total=total)
            state = model.initial_state()
            for number, frame in enumerate(decoded_frames(container, stream)):
                if limit and number >= limit:
                    break
                result = model.step(state, _model_picture(frame, model.info.input_size))
                writer.write(frame, result.mask)
                lines.write(json.dumps(_line(number, frame, result)) + "\n")
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


def _model_picture(frame: av.VideoFrame, size: tuple[int, int]) -> npt.NDArray[np.uint8]:
    height, width = size
    small = frame.reformat(width=width, height=height, format="rgb24", interpolation="AREA")
    return small.to_ndarray().astype("uint8", copy=False)


def _line(number: int, frame: av.VideoFrame, result: StepResult) -> dict[str, Any]:
    from server.masks import rle
    from server.worker.components import find_polyps

    regions = find_polyps(result.mask, result.probability)
    height, width = result.mask.shape
    scale_x, scale_y = frame.width / width, frame.height / height
    return {
        "frame": number,
        "time_s": frame.time,
        "rle": {"size": [height, width], "counts": rle.encode(regions.mask)},
        "polyps": [
            {
                "box": [
                    round(value * scale, 1)
                    for value, scale in zip(
                        polyp.box, (scale_x, scale_y, scale_x, scale_y), strict=True
                    )
                ],
                "area_px": round(polyp.area_px * scale_x * scale_y),
                "score": polyp.score,
            }
            for polyp in regions.polyps
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

    def write(self, frame: av.VideoFrame, mask: npt.NDArray[np.bool_]) -> None:
        """Append one picture."""
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
        burn_outline(YuvPicture.from_rows(rows, is_bt709=is_bt709(frame.colorspace)), mask)
        picture = av.VideoFrame.from_ndarray(rows, format="yuv420p")
        seconds = frame.time if frame.time is not None else 0.0
        # Broken files repeat times; the container wants them to grow.
        self._last_pts = max(round(seconds * 90_000), self._last_pts + 1)
        picture.pts = self._last_pts
        picture.time_base = _TIME_BASE
        for packet in self._stream.encode(picture):
            self._container.mux(packet)
