"""Renders the phantom to an H.264 file: `python -m server.phantom_video --out scene.mp4`.

The stream holds no B frames, a keyframe each second and BT.601 colours in yuv420p, so that any
receiver may join it and any decoder play it. The truth goes beside it as JSON lines:

    {"frame": 0, "kind": "clear", "rle": {"size": [480, 640], "counts": "..."}}

Both files appear complete, by a rename at the very end, or not at all.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av

from sali_core.data.phantom import Phantom, PhantomConfig
from sali_core.errors import SaliError
from server.errors import ServiceError
from server.termination import clean_up_when_terminated

if TYPE_CHECKING:
    from av.video.stream import VideoStream

    from sali_core.data.phantom import PhantomFrame

_FORMATS = {".mp4": "mp4", ".mkv": "matroska"}
_BT601 = 6
_LIMITED_RANGE = 1


class PhantomVideoError(ServiceError):
    """The phantom cannot be rendered to this file."""

    code = "phantom_video_failed"
    title = "The phantom video cannot be written"


def write_phantom_video(
    config: PhantomConfig,
    out: Path,
    truth: Path | None = None,
    on_frame: Callable[[int, int], None] | None = None,
) -> None:
    """Render a scene to a video file, and its truth to a file of JSON lines.

    Args:
        config: The scene; its width and height must be even.
        out: Video to write, ending in .mp4 or .mkv.
        truth: JSON lines to write; None writes none.
        on_frame: Called after each frame with (frames done, frames in all).

    Raises:
        PhantomVideoError: The size or a path cannot be used, or the disk is full.
    """
    _check(config, out, truth)
    scene = Phantom(config)
    video_partial = _partial(out)
    truth_partial = _partial(truth) if truth else None
    try:
        with ExitStack() as stack:
            container = stack.enter_context(
                av.open(str(video_partial), "w", format=_FORMATS[out.suffix.lower()])
            )
            stream = _add_stream(container, config)
            lines = stack.enter_context(truth_partial.open("w")) if truth_partial else None
            for number in range(len(scene)):
                frame = scene.render(number)
                container.mux(stream.encode(_picture(frame, number, stream)))
                if lines is not None:
                    lines.write(_truth_line(frame, number))
                if on_frame is not None:
                    on_frame(number + 1, len(scene))
            container.mux(stream.encode(None))
        video_partial.replace(out)
        if truth_partial is not None and truth is not None:
            truth_partial.replace(truth)
    except (OSError, av.FFmpegError) as exc:
        reason = exc.strerror or type(exc).__name__
        raise PhantomVideoError(f"{out}: writing failed: {reason}") from exc
    finally:
        video_partial.unlink(missing_ok=True)
        if truth_partial is not None:
            truth_partial.unlink(missing_ok=True)


def _check(config: PhantomConfig, out: Path, truth: Path | None) -> None:
    """Refuse what is bound to fail, before anything is rendered."""
    if config.width % 2 or config.height % 2:
        raise PhantomVideoError(
            f"H.264 in yuv420p needs an even width and height, not {config.width} x {config.height}"
        )
    if out.suffix.lower() not in _FORMATS:
        raise PhantomVideoError(f"{out}: the video must end in {' or '.join(_FORMATS)}")
    for path in (out, truth):
        if path is None:
            continue
        if path.is_dir():
            raise PhantomVideoError(f"{path}: is a folder; name a file")
        if not path.parent.is_dir():
            raise PhantomVideoError(
                f"{path}: the folder {path.parent} does not exist; make it first"
            )
        if not os.access(path.parent, os.W_OK):
            raise PhantomVideoError(f"{path}: the folder {path.parent} cannot be written to")
    if truth is not None and truth.absolute() == out.absolute():
        raise PhantomVideoError(f"{out}: video and truth need two different files")


def _partial(path: Path) -> Path:
    """Return where a file grows until it is complete; two processes never share it."""
    return path.with_name(f".{path.name}.{os.getpid()}.partial")


def _add_stream(container: Any, config: PhantomConfig) -> VideoStream:
    rate = Fraction(config.fps).limit_denominator(1001)
    group = str(max(1, round(config.fps)))
    stream: VideoStream = container.add_stream("libx264", rate=rate)
    stream.width, stream.height = config.width, config.height
    stream.pix_fmt = "yuv420p"
    stream.options = {
        "preset": "veryfast",
        "profile": "baseline",
        "crf": "19",
        "bf": "0",
        "g": group,
        "keyint_min": group,
        "sc_threshold": "0",
    }
    context = stream.codec_context
    context.thread_count = 1
    context.color_primaries = context.color_trc = context.colorspace = _BT601
    context.color_range = _LIMITED_RANGE
    return stream


def _picture(frame: PhantomFrame, number: int, stream: VideoStream) -> av.VideoFrame:
    picture = av.VideoFrame.from_ndarray(frame.image, format="rgb24")
    picture = picture.reformat(format="yuv420p", dst_colorspace="ITU601", dst_color_range="MPEG")
    picture.pts = number
    picture.time_base = 1 / Fraction(stream.codec_context.framerate)
    return picture


def _truth_line(frame: PhantomFrame, number: int) -> str:
    from server.masks import rle

    line = {
        "frame": number,
        "kind": frame.kind,
        "rle": {"size": list(frame.mask.shape), "counts": rle.encode(frame.mask)},
    }
    return json.dumps(line) + "\n"


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m server.phantom_video",
        description="Render a colonoscopy-like scene with known polyps to an H.264 file.",
    )
    default = PhantomConfig()
    parser.add_argument("--out", type=Path, required=True, help="video to write (.mp4, .mkv)")
    parser.add_argument("--truth", type=Path, help="masks to write, JSON lines")
    parser.add_argument("--seconds", type=float, default=default.seconds)
    parser.add_argument("--seed", type=int, default=default.seed)
    parser.add_argument("--width", type=int, default=default.width)
    parser.add_argument("--height", type=int, default=default.height)
    parser.add_argument("--fps", type=float, default=default.fps)
    parser.add_argument("--frame-code", action="store_true", help="burn in the frame's number")
    parser.add_argument("--no-polyps", action="store_true", help="the same colon without polyps")
    return parser.parse_args(arguments)


def _tell(done: int, total: int) -> None:
    """Write `frame N/M` to stderr about a hundred times."""
    if done == total or done % max(1, total // 100) == 0:
        sys.stderr.write(f"frame {done}/{total}\n")
        sys.stderr.flush()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code: 0, 1 for a failure, 130 when interrupted."""
    options = _parse(arguments)
    clean_up_when_terminated()
    try:
        config = PhantomConfig(
            width=options.width,
            height=options.height,
            fps=options.fps,
            seconds=options.seconds,
            seed=options.seed,
            frame_code=options.frame_code,
            polyps=not options.no_polyps,
        )
        write_phantom_video(config, options.out, options.truth, _tell)
    except (ServiceError, SaliError) as exc:
        sys.stderr.write(f"phantom: error: {exc}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("phantom: interrupted\n")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
