"""Cuts a region out of a decoded picture and shrinks it, in one pass over the region's pixels."""

from __future__ import annotations

from fractions import Fraction

import av
from av.filter import Graph
from av.video.reformatter import Interpolation, VideoReformatter

from server.media.region import Rectangle

_TIME_BASE = Fraction(1, 90_000)


class Cropper:
    """Makes RGB pictures of one size from regions of decoded pictures.

    The whole frame goes through swscale as it is. For a part of it FFmpeg's crop filter moves the
    picture's pointers, so that swscale reads nothing but the region; neither way copies the frame.
    Belongs to one thread.

    Args:
        size: (height, width) of what is made.
    """

    def __init__(self, size: tuple[int, int]) -> None:
        self._height, self._width = size
        self._reformatter = VideoReformatter()
        self._graph: Graph | None = None
        self._graph_key: tuple[object, ...] = ()

    def crop(self, frame: av.VideoFrame, region: Rectangle) -> av.VideoFrame:
        """Return the region at this cropper's size, rgb24.

        PyAV may return `frame` itself where nothing changes: nobody may write into the result.

        Args:
            frame: As decoded.
            region: Within the frame, on even pixels.
        """
        if region == (0, 0, frame.width, frame.height):
            return self._reformatter.reformat(
                frame, self._width, self._height, "rgb24", interpolation=Interpolation.AREA
            )
        graph = self._graph_for(frame, region)
        graph.vpush(frame)
        return graph.vpull()

    def _graph_for(self, frame: av.VideoFrame, region: Rectangle) -> Graph:
        space, levels = int(frame.colorspace), int(frame.color_range)
        key = (frame.width, frame.height, frame.format.name, space, levels, region)
        if self._graph is not None and key == self._graph_key:
            return self._graph
        x, y, width, height = region
        graph = Graph()
        graph.threads = 1
        source = graph.add(
            "buffer",
            f"video_size={frame.width}x{frame.height}:pix_fmt={frame.format.name}"
            f":time_base={_TIME_BASE.numerator}/{_TIME_BASE.denominator}"
            f":colorspace={space}:range={levels}",
        )
        graph.link_nodes(
            source,
            graph.add("crop", f"w={width}:h={height}:x={x}:y={y}:exact=1"),
            graph.add("scale", f"w={self._width}:h={self._height}:flags=area"),
            graph.add("format", "pix_fmts=rgb24"),
            graph.add("buffersink"),
        ).configure()
        self._graph, self._graph_key = graph, key
        return graph


def rgb_rows(picture: av.VideoFrame) -> bytes | memoryview:
    """Return the rows of an rgb24 picture without padding.

    The memory is handed on as it is where that is possible. It may be the decoder's own picture,
    which it still reads to predict the next ones, so nobody may write into what is returned.
    """
    plane = picture.planes[0]
    row = picture.width * 3
    if plane.line_size == row:
        return memoryview(plane)
    padded = memoryview(plane)
    return b"".join(
        padded[start : start + row]
        for start in range(0, plane.line_size * picture.height, plane.line_size)
    )
