"""Makes the source that a session's specification names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from server.media.av_connection import AvConnection, Opener
from server.media.capture import open_capture, parse_capture
from server.media.clock import Clock
from server.media.demo_source import DemoSettings, DemoSource
from server.media.feed import Connection, Source
from server.media.file_source import FileSource
from server.media.frames_source import FramesSource
from server.media.reconnect import ReconnectingSource, RetryLimits
from server.media.rtsp.connection import RtspConnection, RtspTransport
from server.media.source import SourceSpec
from server.media.timeline import Timeline
from server.media.whip_source import WhipSource


@dataclass(frozen=True, slots=True)
class SourceOptions:
    """What the operator chose for sources.

    Attributes:
        demo: What the demo source shows.
        retry: How cameras and devices are connected again.
        rtsp_transport: For cameras whose URL does not tell.
    """

    demo: DemoSettings = field(default_factory=DemoSettings)
    retry: RetryLimits = field(default_factory=RetryLimits)
    rtsp_transport: RtspTransport = "auto"


def create_source(
    spec: SourceSpec, *, clock: Clock, timeline: Timeline, options: SourceOptions
) -> Source:
    """Make a source that is not started.

    Args:
        spec: Where the video comes from.
        clock: Paces it and stamps what arrives.
        timeline: The session's clock, shared with the session's earlier sources.
        options: What the operator chose.
    """
    match spec.kind:
        case "demo":
            return DemoSource(options.demo, clock=clock, timeline=timeline)
        case "file":
            return FileSource(spec.target, loop=spec.loop, clock=clock, timeline=timeline)
        case "whip":
            return WhipSource(clock=clock, timeline=timeline)
        case "frames":
            return FramesSource(clock=clock, timeline=timeline)
        case "rtsp" | "capture":
            return ReconnectingSource(
                _connect_of(spec, clock, options),
                spec.label,
                clock=clock,
                timeline=timeline,
                limits=options.retry,
            )


def _connect_of(spec: SourceSpec, clock: Clock, options: SourceOptions) -> Callable[[], Connection]:
    """Return what makes a connection to a camera or a device."""
    if spec.kind == "capture":
        device = parse_capture(spec.target)
        opener = Opener(lambda: open_capture(device), device.path, has_whole_pictures=True)
        return lambda: AvConnection(opener, clock)
    camera = RtspConnection(
        spec.target,
        transport=spec.transport or options.rtsp_transport,
        open_timeout_s=options.retry.open_timeout_s,
        clock=clock,
    )
    return lambda: camera
