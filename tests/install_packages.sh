#!/bin/sh
# Debian packages the tests use: a browser and GStreamer's WebRTC for tests/e2e, an RTSP server and a C
# compiler (for a capture device that is none) for tests/integration.
# Without root or apt-get nothing is installed, and the tests that need them skip with a reason.
set -eu
needed=""
command -v chromium >/dev/null 2>&1 || needed="$needed chromium fonts-dejavu-core"
if ! /usr/bin/python3 -c 'import gi; gi.require_version("GstRtspServer", "1.0")' 2>/dev/null; then
    needed="$needed python3-gi gir1.2-gst-rtsp-server-1.0 gstreamer1.0-plugins-base"
    needed="$needed gstreamer1.0-plugins-good gstreamer1.0-plugins-bad gstreamer1.0-plugins-ugly"
fi
if ! /usr/bin/python3 -c 'import gi; gi.require_version("GstWebRTC", "1.0")
from gi.repository import Gst, GstWebRTC; Gst.init(None)
raise SystemExit(not all(Gst.ElementFactory.find(n) for n in ("nicesrc", "avdec_h264")))' 2>/dev/null; then
    needed="$needed python3-gi gstreamer1.0-nice gstreamer1.0-libav gir1.2-gst-plugins-bad-1.0"
    needed="$needed gstreamer1.0-plugins-good gstreamer1.0-plugins-bad"
fi
if ! command -v cc >/dev/null 2>&1 || [ ! -f /usr/include/linux/videodev2.h ]; then
    needed="$needed gcc libc6-dev"
fi
[ -n "$needed" ] || exit 0
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
    echo "note: not installed (needs root and apt-get):$needed; tests that need them will skip"
    exit 0
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
# shellcheck disable=SC2086 # a list of package names
apt-get install -y -qq --no-install-recommends $needed >/dev/null
