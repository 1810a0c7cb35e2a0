"""Decodes a video file picture by picture, for the commands that work offline."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from server.errors import SourceError

if TYPE_CHECKING:
    import av
    from av.container import InputContainer
    from av.video.stream import VideoStream


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
