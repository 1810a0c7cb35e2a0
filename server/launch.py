"""Starts the service on a socket, says where it is, and stops it on a signal.

Everything that can be wrong at start (address, source, weights) is raised as one clear error,
before the address is printed.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import sys
from collections.abc import Callable, Iterator

import uvicorn
from fastapi import FastAPI

from server.app import create_app, require_usable, source_check
from server.errors import ConfigurationError, SettingsRefusedError
from server.http.services import Services
from server.http.settings_reload import SettingsReload
from server.http.web import is_viewer_built
from server.masks.message import NOTICE
from server.media.picture_header import MAX_PICTURE_FILE_BYTES
from server.media.source import parse_source
from server.observability.logging import HeldOutput, configure_logging
from server.settings import ListenSettings, Settings

_MAX_WEBSOCKET_MESSAGES = 4
"""Messages of one client read ahead of the service; pushed pictures are large."""

_GRACE_S = 3
_BACKLOG = 128


class _Server(uvicorn.Server):
    """A server whose signals are handled here: a stop is an ordinary end, with status 0."""

    def __init__(self, config: uvicorn.Config, reload: SettingsReload) -> None:
        """Take what reads the settings again."""
        super().__init__(config)
        self._reload = reload
        self._reloads: set[asyncio.Task[None]] = set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop on SIGINT and SIGTERM, read the settings again on SIGHUP.

        Repeated ones hurry nothing: the end takes some seconds.
        """
        loop = asyncio.get_running_loop()
        handlers = {signal.SIGINT: self._stop, signal.SIGTERM: self._stop}
        if sys.stdin is None or not sys.stdin.isatty():
            # On a terminal it says that the terminal is gone, and ends the service.
            handlers[signal.SIGHUP] = self._begin_reload
        for number, handler in handlers.items():
            loop.add_signal_handler(number, handler)
        try:
            yield
        finally:
            for number in handlers:
                loop.remove_signal_handler(number)

    def _begin_reload(self) -> None:
        """Read the settings again; a refusal is in the log."""
        task = asyncio.create_task(self._reload_settings(), name="reload settings")
        self._reloads.add(task)
        task.add_done_callback(self._reloads.discard)

    async def _reload_settings(self) -> None:
        with contextlib.suppress(SettingsRefusedError):
            await self._reload.reload("SIGHUP")

    def _stop(self) -> None:
        """Ask for the end."""
        self.should_exit = True


def run_service(read: Callable[[], Settings]) -> None:
    """Run the service until it is told to stop.

    Args:
        read: Reads the settings, now and at each SIGHUP.

    Raises:
        ConfigurationError: The address cannot be listened on, or needs a token.
        RegionError: The region cannot be used.
        SourceError: A source cannot be used.
        PushRefusedError: An address to push to cannot be used.
        WorkerStartError: The weights or the device cannot be used.
    """
    settings = read()
    require_usable(settings)
    log = HeldOutput(sys.stderr)
    configure_logging(settings.log, log)
    if settings.log.level == "debug":
        log.let_go()
    with listen_on(settings.listen) as bound:
        check = source_check(settings)
        for text in settings.sources:
            check(parse_source(text, settings.loop))
        app = create_app(settings, read=read)
        services: Services = app.state.services
        services.live.add_listener(lambda now: configure_logging(now.log, log))
        asyncio.run(_serve(app, settings, bound, log))


async def _serve(app: FastAPI, settings: Settings, bound: socket.socket, log: HeldOutput) -> None:
    """Serve; print the address, and let the log go, once the weights are loaded."""
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        ws_max_size=MAX_PICTURE_FILE_BYTES,
        ws_max_queue=_MAX_WEBSOCKET_MESSAGES,
        ws_per_message_deflate=False,
        timeout_graceful_shutdown=_GRACE_S,
    )
    services: Services = app.state.services
    server = _Server(config, services.reload)
    serving = asyncio.create_task(server.serve(sockets=[bound]), name="http")
    loading = asyncio.create_task(services.worker.wait_until_loaded(), name="wait for weights")
    await asyncio.wait({serving, loading}, return_when=asyncio.FIRST_COMPLETED)
    if loading.done() and loading.exception() is None and not serving.done():
        log.let_go()
        _announce(settings, bound)
    if loading.done():
        server.should_exit = server.should_exit or loading.exception() is not None
    else:
        loading.cancel()
    await asyncio.wait({serving, loading})
    if not loading.cancelled():
        loading.result()
    serving.result()
    if not server.started:
        log.let_go()
        raise ConfigurationError("the service could not start; its log tells why")


def listen_on(listen: ListenSettings) -> socket.socket:
    """Take the address now, so that a port in use is told before anything is started.

    Accepted connections inherit that they send small messages at once. Otherwise one waits until
    the other end has acknowledged the one before, which it may put off by 40 ms: so late would a
    mask be that follows a state. asyncio sets the option by itself only where a socket was made
    with its protocol's number.

    Raises:
        ConfigurationError: The address is taken, forbidden or not ours.
    """
    where = f"{listen.host}:{listen.port}"
    try:
        family, _, _, _, address = socket.getaddrinfo(
            listen.host, listen.port, type=socket.SOCK_STREAM
        )[0]
        bound = socket.socket(family, socket.SOCK_STREAM)
    except OSError as exc:
        raise ConfigurationError(f"cannot listen on {where}: {exc.strerror or exc}") from exc
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        bound.bind(address)
        bound.listen(_BACKLOG)
    except OSError as exc:
        bound.close()
        raise ConfigurationError(
            f"cannot listen on {where}: {exc.strerror or exc}; choose another with --port"
        ) from exc
    return bound


def _announce(settings: Settings, bound: socket.socket) -> None:
    """Print the address of the viewer."""
    host, port = bound.getsockname()[:2]
    name = {"0.0.0.0": "localhost", "::": "localhost"}.get(host, host)  # noqa: S104 - a name for it
    shown = f"[{name}]" if ":" in name else name
    url = f"http://{shown}:{port}/"
    if is_viewer_built(settings.web.directory):
        text = f"SALI Live: open {url} in a browser. {NOTICE}\n"
    else:
        text = f"SALI Live: serving {url} without its viewer (make web builds it). {NOTICE}\n"
    sys.stdout.write(text)
    sys.stdout.flush()
