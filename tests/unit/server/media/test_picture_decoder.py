from __future__ import annotations

from pathlib import Path

import av
import pytest

from server.errors import UnsupportedCodecError
from server.media.container import stream_format, video_stream
from server.media.frame import SourcePacket, StreamFormat
from server.media.picture_decoder import PictureDecoder
from tests.fakes.video_files import write_video

_TASKS = Path("/proc/self/task")


@pytest.mark.skipif(not _TASKS.is_dir(), reason="names threads by /proc")
def test_av1_is_decoded_without_threads_that_could_wait_for_the_interpreters_lock(
    tmp_path: Path,
) -> None:
    """They free packets, which takes the lock; closing, with the lock held, waits for them."""
    path = write_video(tmp_path / "a.mkv", codec="libsvtav1", size=(64, 64))
    with av.open(str(path)) as film:
        stream = video_stream(film, "film")
        decoder = PictureDecoder(stream_format(stream), "film")
        packets = [bytes(packet) for packet in film.demux(stream) if packet.size]
    pictures = 0
    for number, payload in enumerate(packets):
        pictures += len(decoder.decode(SourcePacket(payload, 3600 * number, number == 0, 0)))
    names = {(task / "comm").read_text().strip() for task in _TASKS.iterdir()}
    assert pictures > 0
    assert not {name for name in names if name.startswith("dav1d")}


def test_a_size_over_the_limit_is_refused_before_a_decoder_is_opened() -> None:
    with pytest.raises(UnsupportedCodecError, match="7680x4320 are too large"):
        PictureDecoder(StreamFormat("hevc", size=(7680, 4320)), "camera")


def test_a_decoder_that_cannot_be_opened_is_told() -> None:
    with pytest.raises(UnsupportedCodecError, match="its ffv1 video cannot be decoded"):
        PictureDecoder(StreamFormat("ffv1", extradata=b"?"), "film")
    with pytest.raises(UnsupportedCodecError, match="no decoder for nonsense"):
        PictureDecoder(StreamFormat("nonsense"), "film")
