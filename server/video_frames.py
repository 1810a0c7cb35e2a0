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
    """Yield every picture with its region; those seen while it is looked for get the one found."""
    from server.media.region_watch import RegionWatch

    watch = RegionWatch(choice)
    waiting: list[av.VideoFrame] = []
    last: Rectangle | None = None
    for number, frame in enumerate(frames):
        waiting.append(frame)
        time_s = number / _NOMINAL_FPS if frame.time is None else frame.time
        watch.take(frame, (frame.width, frame.height), time_s)
        if watch.region is None:
            continue
        yield from _released(waiting, watch.region, last)
        last = watch.region
    if waiting:
        # Over before the picture was found.
        yield from _released(waiting, (0, 0, waiting[0].width, waiting[0].height), last)


def _released(
    waiting: list[av.VideoFrame], region: Rectangle, last: Rectangle | None
) -> Iterator[RegionFrame]:
    for frame in waiting:
        yield RegionFrame(frame, region, last is not None and region != last)
        last = region
    waiting.clear()
