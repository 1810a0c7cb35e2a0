from __future__ import annotations

import itertools
from dataclasses import replace

import av
import numpy as np
import pytest

from server.media import encoder as encoder_module
from server.media import h264
from server.media.encoder import Encoders, RelayEncoder, relayed_size
from server.media.encoder_choice import HARDWARE, X264, EncoderChoice, first_fit
from server.media.frame import CodedPacket
from server.settings import EncoderSettings


def _frame(number: int = 0, size: tuple[int, int] = (64, 48)) -> av.VideoFrame:
    width, height = size
    pixels = np.full((height, width, 3), number * 7 % 256, np.uint8)
    return av.VideoFrame.from_ndarray(pixels, "rgb24")


def _encode(encoder: RelayEncoder, numbers: range, step: int = 3600) -> list[CodedPacket]:
    packets = [encoder.encode(_frame(n), n * step, n) for n in numbers]
    assert None not in packets, "every picture gives a packet at once"
    return [p for p in packets if p is not None]


def test_every_picture_gives_one_packet_with_its_own_pts() -> None:
    packets = _encode(RelayEncoder(), range(30))
    assert [p.pts for p in packets] == [n * 3600 for n in range(30)]
    assert [p.captured_at_ns for p in packets] == list(range(30))
    assert not any(h264.has_b_slice(p.payload) for p in packets)


@pytest.mark.parametrize("step", [1800, 3600, 9000])
def test_a_keyframe_comes_once_a_second_whatever_the_frame_rate(step: int) -> None:
    packets = _encode(RelayEncoder(), range(80), step)
    keys = [p.pts for p in packets if p.is_keyframe]
    assert {b - a for a, b in itertools.pairwise(keys)} == {90_000}
    for packet in packets:
        assert h264.has_idr(packet.payload) == packet.is_keyframe
        assert h264.has_parameter_sets(packet.payload) == packet.is_keyframe


def test_a_requested_keyframe_is_the_next_picture() -> None:
    encoder = RelayEncoder()
    _encode(encoder, range(5))
    encoder.request_keyframe()
    assert [p.is_keyframe for p in _encode(encoder, range(5, 8))] == [True, False, False]


def test_odd_sides_are_made_even() -> None:
    assert relayed_size(353, 241) == (352, 240)
    packet = RelayEncoder().encode(_frame(size=(353, 241)), 0, 0)
    assert packet is not None
    decoder = av.CodecContext.create("h264", "r")
    frames = decoder.decode(av.Packet(packet.payload)) + decoder.decode(None)
    assert [(f.width, f.height) for f in frames] == [(352, 240)]


def test_another_picture_size_starts_with_a_keyframe() -> None:
    encoder = RelayEncoder()
    _encode(encoder, range(3))
    packet = encoder.encode(_frame(size=(96, 64)), 3 * 3600, 0)
    assert packet is not None
    assert packet.is_keyframe


def test_an_encoder_counts_from_its_first_picture_until_it_is_closed() -> None:
    encoders = Encoders()
    first, second = encoders.create(), encoders.create()
    assert encoders.open == 0
    _encode(first, range(2))
    _encode(second, range(2))
    assert encoders.open == 2
    first.close()
    first.close()
    assert encoders.open == 1
    _encode(first, range(2, 4))
    assert encoders.open == 2


def test_pictures_keep_the_name_of_their_colour_matrix() -> None:
    frame = _frame().reformat(format="yuv420p")
    frame.colorspace = 1
    packet = RelayEncoder().encode(frame, 0, 0)
    assert packet is not None
    decoder = av.CodecContext.create("h264", "r")
    [decoded] = decoder.decode(av.Packet(packet.payload)) + decoder.decode(None)
    assert decoded.colorspace == 1


def test_the_rate_stays_below_the_setting() -> None:
    encoder = RelayEncoder(EncoderSettings(kind="x264", max_kbps=400))
    noise = np.random.default_rng(7)
    sizes = []
    for number in range(100):
        pixels = noise.integers(0, 255, (240, 320, 3), np.uint8)
        packet = encoder.encode(av.VideoFrame.from_ndarray(pixels, "rgb24"), number * 3600, 0)
        assert packet is not None
        sizes.append(len(packet.payload))
    bits_a_second = sum(sizes[25:]) * 8 / 3
    assert bits_a_second < 1.3 * 400_000


X264_WITH_LOOKAHEAD = EncoderChoice("lookahead", "libx264", options={"forced-idr": "1"})
X264_THAT_DOES_AS_IT_LIKES = EncoderChoice(
    "own-mind", "libx264", options={"tune": "zerolatency", "x264-params": "keyint=1"}
)
NOT_BUILT = EncoderChoice("not-built", "h264_nobody_made")


def test_an_encoder_that_is_unfit_for_live_video_is_refused_with_the_reason() -> None:
    refused = [NOT_BUILT, X264_WITH_LOOKAHEAD, X264_THAT_DOES_AS_IT_LIKES]
    choice, refusals = first_fit(refused)
    assert choice is X264
    assert refusals == {
        "not-built": "this FFmpeg was built without it",
        "lookahead": "it holds pictures back",
        "own-mind": "it gives keyframes when it likes, not when asked",
    }


def test_the_first_encoder_that_is_fit_is_taken() -> None:
    fit = replace(X264, kind="hardware")
    assert first_fit([X264_WITH_LOOKAHEAD, fit, NOT_BUILT])[0] is fit


def test_hardware_that_this_machine_lacks_leaves_x264() -> None:
    def fail(choice: EncoderChoice) -> None:
        raise av.ExternalError(1, "no device")

    choice, refusals = first_fit(HARDWARE, fail)
    assert choice is X264
    assert set(refusals) == {"nvenc", "qsv", "vaapi", "amf"}


def test_an_encoder_that_fails_later_is_replaced_by_x264(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = replace(X264, kind="nvenc", codec="h264_nobody_made")
    monkeypatch.setattr(encoder_module, "choose_encoder", lambda kind: broken)
    encoder = RelayEncoder(EncoderSettings(kind="nvenc"))
    assert _encode(encoder, range(3))[0].is_keyframe
