"""A WHEP player of GStreamer's own WebRTC (webrtcbin), run by the system's Python, which has `gi`.

As a script: `/usr/bin/python3 gst_whep.py URL [--frames 50]` plays until so many pictures were
decoded and prints a line for each: the brightness of its frame code's 32 blocks
(sali_core/data/phantom/frame_code.py), upper row first. As a module: `play`.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

_SYSTEM_PYTHON = "/usr/bin/python3"
_PROBE = (
    "import gi; gi.require_version('GstWebRTC', '1.0'); gi.require_version('GstSdp', '1.0');"
    "from gi.repository import Gst, GstWebRTC, GstSdp; Gst.init(None);"
    "raise SystemExit(not all(Gst.ElementFactory.find(n) for n in"
    " ('webrtcbin', 'nicesrc', 'rtph264depay', 'avdec_h264')))"
)
_BITS, _BLOCK = 16, 16


def why_unavailable() -> str | None:
    """Return why this machine cannot run the player, None if it can."""
    if shutil.which(_SYSTEM_PYTHON) is None:
        return f"{_SYSTEM_PYTHON} is not there"
    probe = subprocess.run(
        [_SYSTEM_PYTHON, "-c", _PROBE], capture_output=True, timeout=30, check=False
    )
    if probe.returncode != 0:
        return "GStreamer's WebRTC is not installed (gstreamer1.0-nice, gir1.2-gst-plugins-bad-1.0)"
    return None


def play(url: str, frames: int, timeout_s: float = 60) -> list[int | None]:
    """Play until so many pictures were decoded; the number in each, None where it has none."""
    command = [_SYSTEM_PYTHON, str(Path(__file__).resolve()), url, "--frames", str(frames)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout_s, check=True)
    lines = done.stdout.splitlines()[:frames]
    return [_number_of([int(value) for value in line.split()]) for line in lines]


def _number_of(blocks: list[int]) -> int | None:
    upper, lower = blocks[:_BITS], blocks[_BITS:]
    if any(abs(one - other) < 48 for one, other in zip(upper, lower, strict=True)):
        return None
    bits = [one > other for one, other in zip(upper, lower, strict=True)]
    return sum(bit << _BITS - 1 - place for place, bit in enumerate(bits))


class _Player:
    def __init__(self, url: str, frames: int) -> None:
        from gi.repository import GLib, Gst, GstWebRTC

        self._gst, self._webrtc = Gst, GstWebRTC
        self._url = url
        self._left = frames
        self._loop = GLib.MainLoop()
        self._pipeline = Gst.Pipeline.new("player")
        self._peer = Gst.ElementFactory.make("webrtcbin", "peer")
        self._peer.set_property("bundle-policy", GstWebRTC.WebRTCBundlePolicy.MAX_BUNDLE)
        self._pipeline.add(self._peer)
        caps = Gst.Caps.from_string(
            "application/x-rtp,media=video,encoding-name=H264,payload=102,clock-rate=90000,"
            "packetization-mode=(string)1,profile-level-id=(string)42e01f"
        )
        direction = GstWebRTC.WebRTCRTPTransceiverDirection.RECVONLY
        self._peer.emit("add-transceiver", direction, caps)
        self._peer.connect("on-negotiation-needed", self._offer)
        self._peer.connect("notify::ice-gathering-state", self._gathered)
        self._peer.connect("pad-added", self._decode)

    def run(self) -> None:
        self._pipeline.set_state(self._gst.State.PLAYING)
        self._loop.run()
        self._pipeline.set_state(self._gst.State.NULL)

    def _offer(self, _peer: Any) -> None:
        promise = self._gst.Promise.new_with_change_func(self._take_offer, None)
        self._peer.emit("create-offer", None, promise)

    def _take_offer(self, promise: Any, _data: Any) -> None:
        # The offer lives as long as the reply that it is taken from.
        reply = promise.get_reply()
        self._peer.emit("set-local-description", reply.get_value("offer"), None)

    def _gathered(self, _peer: Any, _property: Any) -> None:
        complete = self._webrtc.WebRTCICEGatheringState.COMPLETE
        if self._peer.get_property("ice-gathering-state") != complete:
            return
        from gi.repository import GstSdp

        offer = self._peer.get_property("local-description").sdp.as_text()
        request = urllib.request.Request(  # noqa: S310
            self._url, offer.encode(), {"Content-Type": "application/sdp"}
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=10) as answer:
            text = answer.read().decode()
        _, message = GstSdp.SDPMessage.new_from_text(text)
        description = self._webrtc.WebRTCSessionDescription.new(
            self._webrtc.WebRTCSDPType.ANSWER, message
        )
        self._peer.emit("set-remote-description", description, None)

    def _decode(self, _peer: Any, pad: Any) -> None:
        chain = self._gst.parse_bin_from_description(
            "rtph264depay ! avdec_h264 ! videoconvert ! video/x-raw,format=GRAY8"
            " ! appsink name=out emit-signals=true sync=false",
            True,
        )
        chain.get_by_name("out").connect("new-sample", self._take)
        self._pipeline.add(chain)
        chain.sync_state_with_parent()
        pad.link(chain.get_static_pad("sink"))

    def _take(self, sink: Any) -> Any:
        sample = sink.emit("pull-sample")
        shape = sample.get_caps().get_structure(0)
        height = shape.get_value("height")
        buffer = sample.get_buffer()
        pixels = buffer.extract_dup(0, buffer.get_size())
        stride = len(pixels) // height
        middle = _BLOCK // 2
        rows = [height - 2 * _BLOCK + middle, height - middle]
        places = [row * stride + bit * _BLOCK + middle for row in rows for bit in range(_BITS)]
        print(*(pixels[place] for place in places), flush=True)
        self._left -= 1
        if self._left == 0:
            self._loop.quit()
        return self._gst.FlowReturn.OK


def main() -> None:
    """Play from the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("--frames", type=int, default=50)
    arguments = parser.parse_args()
    import gi

    for name in ("Gst", "GstWebRTC", "GstSdp"):
        gi.require_version(name, "1.0")
    from gi.repository import Gst

    Gst.init(None)
    _Player(arguments.url, arguments.frames).run()
    sys.stdout.flush()


if __name__ == "__main__":
    main()
