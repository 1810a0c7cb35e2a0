"""A real RTSP server (GStreamer's) for tests, run by the system's own Python, which has `gi`.

As a script: `/usr/bin/python3 rtsp_server.py --port 8554 [--file VIDEO.mp4] [--codec h264|h265]`
serves `rtsp://127.0.0.1:PORT/live`. As a module: `RtspServer` starts and stops that script.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

_SYSTEM_PYTHON = "/usr/bin/python3"
_PROBE = (
    "import gi; gi.require_version('GstRtspServer', '1.0');"
    "from gi.repository import Gst, GstRtspServer; Gst.init(None);"
    "raise SystemExit(not all(Gst.ElementFactory.find(n) for n in"
    " ('x264enc', 'videotestsrc', 'rtph264pay', 'qtdemux', 'h264parse')))"
)
_LIVE = (
    "videotestsrc is-live=true pattern=ball ! video/x-raw,width=320,height=240,framerate=25/1"
    " ! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=25 bframes={bframes}"
    " ! video/x-h264,profile={profile} ! rtph264pay name=pay0 pt=96 config-interval=-1"
)
_FILE = (
    "filesrc location={file} ! qtdemux ! h264parse ! rtph264pay name=pay0 pt=96 config-interval=-1"
)


def why_unavailable() -> str | None:
    """Return why this machine cannot run the server, None if it can."""
    if shutil.which(_SYSTEM_PYTHON) is None:
        return f"{_SYSTEM_PYTHON} is not there"
    probe = subprocess.run(
        [_SYSTEM_PYTHON, "-c", _PROBE], capture_output=True, timeout=30, check=False
    )
    if probe.returncode != 0:
        return "GStreamer's RTSP server is not installed (gir1.2-gst-rtsp-server-1.0, python3-gi)"
    return None


def free_port() -> int:
    """Return a TCP port on which nothing listens right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class RtspServer:
    """The script as a child process; `start` after `kill` serves the same URL again."""

    def __init__(self, *, file: Path | None = None, bframes: int = 0) -> None:
        self.port = free_port()
        self.url = f"rtsp://127.0.0.1:{self.port}/live"
        self._arguments = ["--port", str(self.port), "--bframes", str(bframes)]
        if file is not None:
            self._arguments += ["--file", str(file)]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, timeout_s: float = 10.0) -> None:
        """Start the server and wait until it listens."""
        self._process = subprocess.Popen(
            [_SYSTEM_PYTHON, str(Path(__file__).resolve()), *self._arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            time.sleep(0.05)
        raise TimeoutError("the RTSP server does not listen")

    def freeze(self) -> None:
        """Stop the process in its tracks; its connections stay open and silent."""
        if self._process is not None:
            os.kill(self._process.pid, signal.SIGSTOP)

    def kill(self) -> None:
        """Kill the server; harmless if it does not run."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", required=True)
    parser.add_argument("--file", type=Path)
    parser.add_argument("--bframes", type=int, default=0)
    arguments = parser.parse_args()
    import gi

    gi.require_version("Gst", "1.0")
    gi.require_version("GstRtspServer", "1.0")
    from gi.repository import GLib, Gst, GstRtspServer

    Gst.init(None)
    if arguments.file is not None:
        launch = _FILE.format(file=arguments.file)
    else:
        profile = "main" if arguments.bframes else "constrained-baseline"
        launch = _LIVE.format(bframes=arguments.bframes, profile=profile)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(arguments.port)
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(f"( {launch} )")
    factory.set_shared(True)
    server.get_mount_points().add_factory("/live", factory)
    server.attach(None)
    GLib.MainLoop().run()


if __name__ == "__main__":
    main()
