"""Decodes a video file picture by picture, for the commands that work offline."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from server.errors import SourceError

if TYPE_CHECKING:
    import av
    from av.container import InputContainer
    from av.video.stream import VideoStream

    from server.media.region import Rectangle, RegionChoice

_NOMINAL_FPS = 25.0
_LONGEST_STEP_S = 1.0


def decoded_frames(container: InputContainer, stream: VideoStream) -> Iterator[av.VideoFrame]:
    """Yield every picture of a stream, in order of showing.

    Raises:
        SourceError: The file is damaged.
    """
    import av

    stream.thread_type = "AUTO"
    try:
        yield from container.decode(stream)
    except av.FFmpegError as exc:
        raise SourceError(f"the file is damaged: {exc.strerror}") from exc


class RegionFrame(NamedTuple):
    """A picture, the part of it that the model gets, and whether that is not the last one's."""

    frame: av.VideoFrame
    region: Rectangle
    is_new_region: bool


def frames_with_regions(
    frames: Iterable[av.VideoFrame], choice: RegionChoice
) -> Iterator[RegionFrame]:
    """Yield every picture with its region; those seen while it is looked for get the one found.

    The search goes by the pictures' times. Files may tell none, or the same again and again; there
    the times go on at a nominal rate, so that the pictures kept meanwhile stay few.
    """
    from server.media.region_watch import RegionWatch

    watch = RegionWatch(choice)
    waiting: list[av.VideoFrame] = []
    last: Rectangle | None = None
    time_s: float | None = None
    for frame in frames:
        waiting.append(frame)
        time_s = _grown(time_s, frame.time)
        watch.take(frame, (frame.width, frame.height), time_s)
        if watch.region is None:
            continue
        yield from _released(waiting, watch.region, last)
        last = watch.region
    if waiting:
        # Over before the picture was found.
        yield from _released(waiting, (0, 0, waiting[0].width, waiting[0].height), last)


def _grown(last_s: float | None, told_s: float | None) -> float:
    """Return a picture's time: as told, if that continues the last one's."""
    if last_s is None:
        return 0.0 if told_s is None else told_s
    if told_s is None or not last_s < told_s < last_s + _LONGEST_STEP_S:
        return last_s + 1 / _NOMINAL_FPS
    return told_s


def _released(
    waiting: list[av.VideoFrame], region: Rectangle, last: Rectangle | None
) -> Iterator[RegionFrame]:
    for frame in waiting:
        yield RegionFrame(frame, region, last is not None and region != last)
        last = region
    waiting.clear()
