"""Films of the phantom that are cheap to make: few pictures, shown there and back."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import av

from sali_core.data.phantom import Phantom
from tests.fakes.video_files import write_frames

NEAR_A_POLYP = range(60, 160)
"""Of the scene of forty seconds with seed 7: a polyp is in sight in each of these pictures."""


def write_phantom_film(
    path: Path, scene: Phantom, stretches: Iterable[range] = (NEAR_A_POLYP,), times: int = 3
) -> Path:
    """Write stretches of a scene, each there and back, again and again."""
    pictures = []
    for stretch in stretches:
        there = [scene.render(number).image for number in stretch]
        pictures += [*there, *there[-2:0:-1]]
    return write_frames(path, pictures * times, group=round(scene.config.fps))


def slow_down(film: Path, path: Path, times: int) -> Path:
    """Copy a film whose pictures stand so many times longer."""
    with av.open(str(film)) as source, av.open(str(path), "w") as target:
        video = source.streams.video[0]
        stream = target.add_stream_from_template(video)
        for packet in source.demux(video):
            if packet.pts is None or packet.dts is None:  # the end
                continue
            packet.pts, packet.dts = packet.pts * times, packet.dts * times
            packet.stream = stream
            target.mux(packet)
    return path
