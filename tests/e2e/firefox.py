"""A headless Firefox, driven by WebDriver BiDi: what it needs is Firefox itself and a WebSocket."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

from server.bench.processes import end_process
from tests.fakes.rtsp_server import free_port

NAMES = ("firefox-esr", "firefox")
# It reaches nobody but this machine: WebRTC may use loopback, nothing is looked for elsewhere.
PREFERENCES = {
    "media.peerconnection.ice.loopback": True,
    "media.peerconnection.ice.obfuscate_host_addresses": False,
    "media.gmp-manager.updateEnabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "app.normandy.enabled": False,
    "extensions.update.enabled": False,
}


class FirefoxPage:
    """One tab. Belongs to one thread."""

    def __init__(self, link: ClientConnection) -> None:
        self._link = link
        self._sent = 0
        self._ask("session.new", capabilities={})
        self._context = self._ask("browsingContext.getTree")["contexts"][0]["context"]

    def goto(self, url: str) -> None:
        self._ask("browsingContext.navigate", context=self._context, url=url, wait="complete")

    def evaluate(self, expression: str) -> Any:
        """The value of an expression, as JSON can hold it."""
        answer = self._ask(
            "script.evaluate", expression=f"JSON.stringify({expression}) ?? 'null'",
            target={"context": self._context}, awaitPromise=True,
        )  # fmt: skip
        assert answer["type"] == "success", answer["exceptionDetails"]["text"]
        return json.loads(answer["result"]["value"])

    def attribute(self, name: str) -> str:
        """One of the viewer's figures (docs/viewer.md)."""
        return str(self.evaluate(f"document.documentElement.getAttribute('data-{name}') ?? ''"))

    def wait_until(self, name: str, values: tuple[str, ...], timeout_s: float) -> str:
        """Wait until a figure has one of these values."""
        deadline = time.monotonic() + timeout_s
        while (value := self.attribute(name)) not in values:
            assert time.monotonic() < deadline, f"data-{name} is {value!r}, none of {values}"
            time.sleep(0.1)
        return value

    def _ask(self, method: str, **parameters: Any) -> Any:
        self._sent += 1
        self._link.send(json.dumps({"id": self._sent, "method": method, "params": parameters}))
        while True:
            message = json.loads(self._link.recv(timeout=60))
            if message.get("id") == self._sent:
                assert message["type"] == "success", message
                return message["result"]


@contextlib.contextmanager
def open_firefox(profile: Path) -> Iterator[FirefoxPage]:
    """A tab of a fresh headless Firefox; skips where there is none."""
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        pytest.skip("Firefox is not installed (Debian: firefox-esr)")
    profile.mkdir()
    lines = [f'user_pref("{name}", {json.dumps(value)});' for name, value in PREFERENCES.items()]
    (profile / "user.js").write_text("\n".join(lines))
    port = free_port()
    with (profile / "firefox.log").open("w") as log:
        process = subprocess.Popen(
            [
                path, "--headless", "--no-remote", "--profile", str(profile),
                "--remote-debugging-port", str(port), "about:blank",
            ],
            stdout=log, stderr=subprocess.STDOUT,
        )  # fmt: skip
        try:
            with _link_to(port) as link:
                yield FirefoxPage(link)
        finally:
            end_process(process)


def _link_to(port: int, timeout_s: float = 60) -> ClientConnection:
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            return connect(f"ws://127.0.0.1:{port}/session", max_size=None)
        except (OSError, WebSocketException):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.3)
