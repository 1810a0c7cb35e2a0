"""A real RTSP server (GStreamer's) for tests, run by the system's own Python, which has `gi`.

As a script: `/usr/bin/python3 rtsp_server.py --port 8554 [--codec h264|h265|jpeg] [--file F.mp4]`
serves `rtsp://127.0.0.1:PORT/live`. As a module: `RtspServer` starts and stops that script.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

_SYSTEM_PYTHON = "/usr/bin/python3"
_PROBE = (
    "import gi; gi.require_version('GstRtspServer', '1.0');"
    "from gi.repository import Gst, GstRtspServer; Gst.init(None);"
    "raise SystemExit(not all(Gst.ElementFactory.find(n) for n in"
    " ('x264enc', 'x265enc', 'jpegenc', 'videotestsrc', 'rtph264pay', 'qtdemux', 'h264parse')))"
)
_LIVE = (
    "videotestsrc is-live=true pattern=ball ! video/x-raw,width=320,height=240,framerate=25/1"
    " ! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=25 bframes={bframes}"
    " ! video/x-h264,profile={profile} ! rtph264pay name=pay0 pt=96 config-interval=-1"
)
_OTHERS = {
    "jpeg": "jpegenc ! rtpjpegpay name=pay0 pt=26",
    "h265": "x265enc tune=zerolatency speed-preset=ultrafast key-int-max=25"
    " ! rtph265pay name=pay0 pt=96 config-interval=-1",
}
_OTHER = (
    "videotestsrc is-live=true pattern=ball"
    " ! video/x-raw,format=I420,width=320,height=240,framerate=25/1 ! {coder}"
)
_FILE = (
    "filesrc location={file} ! qtdemux ! h264parse ! rtph264pay name=pay0 pt=96 config-interval=-1"
)


def why_unavailable() -> str | None:
    """Return why this machine cannot run the server, None if it can."""
    if shutil.which(_SYSTEM_PYTHON) is None:
        return f"{_SYSTEM_PYTHON} is not there"
    probe = subprocess.run(
        [_SYSTEM_PYTHON, "-c", _PROBE], capture_output=True, timeout=120, check=False
    )
    if probe.returncode != 0:
        return "GStreamer's RTSP server is not installed (gir1.2-gst-rtsp-server-1.0, python3-gi)"
    return None


def free_port() -> int:
    """Return a TCP port on which nothing listens, and that no outgoing connection is given.

    Systems take those from 32768 or 49152 on. A port of theirs could be gone before it is listened
    on, and a client that tries it again and again can be connected to itself.
    """
    for _ in range(1000):
        port = random.randint(20_000, 32_000)  # noqa: S311 - no secret
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise OSError("no TCP port from 20000 to 32000 is free")


class RtspServer:
    """The script as a child process; `start` after `kill` serves the same URL again."""

    def __init__(
        self,
        *,
        file: Path | None = None,
        bframes: int = 0,
        codec: str = "h264",
        login: str = "",
        is_udp_only: bool = False,
    ) -> None:
        self.port = free_port()
        self.url = f"rtsp://127.0.0.1:{self.port}/live"
        self._arguments = ["--port", str(self.port), "--bframes", str(bframes)]
        self._arguments += ["--codec", codec, "--login", login]
        if is_udp_only:
            self._arguments += ["--udp-only"]
        if file is not None:
            self._arguments += ["--file", str(file)]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, timeout_s: float = 60.0) -> None:
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


def _ask_for_login(server: Any, factory: Any, user: str, password: str) -> None:
    """Let in only who gives this login, by Digest."""
    from gi.repository import GstRtsp, GstRtspServer

    auth = GstRtspServer.RTSPAuth()
    auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
    token = GstRtspServer.RTSPToken()
    token.set_string(GstRtspServer.RTSP_TOKEN_MEDIA_FACTORY_ROLE, "user")
    auth.add_digest(user, password, token)
    server.set_auth(auth)
    permissions = GstRtspServer.RTSPPermissions()
    permissions.add_role("user")
    permissions.add_permission_for_role("user", "media.factory.access", True)
    permissions.add_permission_for_role("user", "media.factory.construct", True)
    factory.set_permissions(permissions)


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", required=True)
    parser.add_argument("--file", type=Path)
    parser.add_argument("--bframes", type=int, default=0)
    parser.add_argument("--codec", default="h264")
    parser.add_argument("--login", default="")
    parser.add_argument("--udp-only", action="store_true")
    arguments = parser.parse_args()
    import gi

    gi.require_version("Gst", "1.0")
    gi.require_version("GstRtspServer", "1.0")
    from gi.repository import GLib, Gst, GstRtspServer

    Gst.init(None)
    if arguments.file is not None:
        launch = _FILE.format(file=arguments.file)
    elif arguments.codec in _OTHERS:
        launch = _OTHER.format(coder=_OTHERS[arguments.codec])
    else:
        profile = "main" if arguments.bframes else "constrained-baseline"
        launch = _LIVE.format(bframes=arguments.bframes, profile=profile)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(arguments.port)
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(f"( {launch} )")
    factory.set_shared(True)
    if arguments.udp_only:
        gi.require_version("GstRtsp", "1.0")
        from gi.repository import GstRtsp

        factory.set_protocols(GstRtsp.RTSPLowerTrans.UDP)
    server.get_mount_points().add_factory("/live", factory)
    if arguments.login:
        _ask_for_login(server, factory, *arguments.login.split(":"))
    server.attach(None)
    with contextlib.suppress(KeyboardInterrupt):
        GLib.MainLoop().run()


if __name__ == "__main__":
    main()
