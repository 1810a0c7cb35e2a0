from __future__ import annotations

import pytest

from server.media.rtsp.description import find_video, resolve_control

_SDP = """v=0
s=camera
a=control:*
m=audio 0 RTP/AVP 0
a=control:trackID=0
m=video 0 RTP/AVP 97
b=AS:4000
a=rtpmap:97 H264/90000
a=fmtp:97 profile-level-id=42C01F; packetization-mode=1;sprop-parameter-sets=Z0LAHw==,aM48gA==
a=framerate:29.97
a=control:trackID=1
m=video 0 RTP/AVP 26
"""


def test_the_first_video_is_read() -> None:
    video = find_video(_SDP)
    assert video is not None
    assert (video.encoding, video.payload_type, video.clock_rate_hz) == ("H264", 97, 90000)
    assert video.control == "trackID=1"
    assert video.fps == 29.97
    assert video.parameter_sets == bytes.fromhex("000000016742c01f0000000168ce3c80")


def test_static_types_need_no_map() -> None:
    video = find_video("m=video 0 RTP/AVP 26\r\n")
    assert video is not None
    assert (video.encoding, video.control, video.parameter_sets) == ("JPEG", "", b"")


@pytest.mark.parametrize(
    "sdp",
    ["", "v=0", "m=", "m=video", "m=video 0 RTP/AVP", "m=video 0 RTP/AVP x", "m=audio 0 RTP/AVP 0"],
)
def test_without_video_there_is_none(sdp: str) -> None:
    assert find_video(sdp) is None


@pytest.mark.parametrize(
    "line",
    [
        "a=fmtp:97 sprop-parameter-sets=!!!",
        "a=fmtp:97 sprop-parameter-sets=",
        "a=fmtp:97 sprop-parameter-sets=" + "AAAA" * 9000,
        "a=rtpmap:97 H264/0",
        "a=rtpmap:97",
        "a=framerate:9999999",
        "a=framerate:x",
    ],
)
def test_broken_attributes_are_left_out(line: str) -> None:
    video = find_video(f"m=video 0 RTP/AVP 97\n{line}\n")
    assert video is not None
    assert video.parameter_sets == b""
    assert video.clock_rate_hz == 90000
    assert video.fps is None


@pytest.mark.parametrize(
    ("base", "control", "address"),
    [
        ("rtsp://h:8554/live/", "trackID=1", "rtsp://h:8554/live/trackID=1"),
        ("rtsp://h/live", "trackID=1", "rtsp://h/live/trackID=1"),
        ("rtsp://h/live", "*", "rtsp://h/live"),
        ("rtsp://h/live", "", "rtsp://h/live"),
        ("rtsp://h/live", "rtsp://other/x", "rtsp://other/x"),
        ("rtsp://h/live?x=1", "/media/1", "rtsp://h/media/1"),
    ],
)
def test_control_addresses_are_resolved(base: str, control: str, address: str) -> None:
    assert resolve_control(base, control) == address
