from __future__ import annotations

import pytest

from server.errors import InvalidOfferError
from server.media.negotiation import (
    answer_offer,
    ask_for_bitrate,
    clean_offer,
    create_peer,
    video_codecs,
)

_OFFER = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\n"
_LOCAL = "a=candidate:1 1 udp 2113937151 0ab1-2c.local 51234 typ host generation 0\r\n"
_PLAIN = "a=candidate:2 1 udp 2113937151 192.0.2.9 51234 typ host generation 0\r\n"
_END = "a=end-of-candidates\r\n"


def test_hidden_addresses_are_removed_and_plain_ones_kept() -> None:
    assert clean_offer(_OFFER + _LOCAL + _PLAIN + _END) == _OFFER + _PLAIN + _END


def test_an_offer_of_hidden_addresses_only_does_not_say_that_there_are_no_more() -> None:
    assert clean_offer(_OFFER + _LOCAL + _END) == _OFFER


@pytest.mark.parametrize(
    ("offer", "cause"),
    [
        ("", "not SDP"),
        ('{"type": "offer"}', "not SDP"),
        (_OFFER.replace("m=video", "m=audio"), "no video"),
        (_OFFER + "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n", "more than video"),
        (_OFFER + "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\n" * 9, "more than video"),
        (_OFFER + "a=x\r\n" * 20_000, "longer than"),
    ],
)
def test_what_cannot_be_a_video_offer_is_refused_by_its_outline(offer: str, cause: str) -> None:
    with pytest.raises(InvalidOfferError, match=cause):
        clean_offer(offer)


def test_codecs_come_in_the_order_asked_for_with_retransmission_last() -> None:
    assert [c.name for c in video_codecs("H264", "VP8")] == ["H264", "H264", "VP8", "rtx"]


def test_bitrate_hints_are_added_to_every_codec_but_not_to_retransmission() -> None:
    answer = "\r\n".join(
        [
            "a=rtpmap:96 VP8/90000",
            "a=rtpmap:97 rtx/90000",
            "a=fmtp:97 apt=96",
            "a=rtpmap:98 H264/90000",
            "a=fmtp:98 packetization-mode=1",
            "",
        ]
    )
    hints = "x-google-start-bitrate=4000;x-google-min-bitrate=1500"
    assert ask_for_bitrate(answer, 4000, 1500).split("\r\n") == [
        "a=rtpmap:96 VP8/90000",
        f"a=fmtp:96 {hints}",
        "a=rtpmap:97 rtx/90000",
        "a=fmtp:97 apt=96",
        "a=rtpmap:98 H264/90000",
        f"a=fmtp:98 packetization-mode=1;{hints}",
        "",
    ]


@pytest.mark.parametrize(
    ("offered", "answered"), [("actpass", "passive"), ("active", "passive"), ("passive", "active")]
)
async def test_the_dtls_role_of_an_answer_goes_with_that_of_the_offer(
    offered: str, answered: str
) -> None:
    ours, theirs = create_peer(), create_peer()
    ours.addTransceiver("video", "recvonly")
    theirs.addTransceiver("video", "sendonly")
    await theirs.setLocalDescription(await theirs.createOffer())
    offer = theirs.localDescription.sdp.replace("a=setup:actpass", f"a=setup:{offered}")
    answer = await answer_offer(ours, offer, before_start=lambda: None)
    assert f"a=setup:{answered}\r\n" in answer
    await ours.close()
    await theirs.close()
