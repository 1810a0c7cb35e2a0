"""Reads the settings again while the service runs: on SIGHUP, and when the interface asks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from math import nan
from time import time

import structlog

from server.errors import ServiceError, SettingsRefusedError
from server.observability.metrics import ServiceMetrics
from server.settings import LiveSettings, Settings, SettingsChange

_log = structlog.get_logger(__name__)


class SettingsReload:
    """One way in for every reload; they come one after the other."""

    def __init__(
        self,
        live: LiveSettings,
        *,
        read: Callable[[], Settings],
        check: Callable[[Settings], None],
        metrics: ServiceMetrics,
    ) -> None:
        """Take over the settings of a start.

        Args:
            live: What holds.
            read: Reads file and environment again, as at the start; raises a `ServiceError`.
            check: Raises a `ServiceError` for settings that do not go together.
            metrics: Where the outcome is told.
        """
        self._live = live
        self._read = read
        self._check = check
        self._turn = asyncio.Lock()
        self._succeeded_at = nan
        self._was_refused = False
        metrics.watch_gauge(
            "sali_settings_reload_successful",
            "0 if the last reload was refused, so that the settings before it hold; else 1.",
            lambda: float(not self._was_refused),
        )
        metrics.watch_gauge(
            "sali_settings_reload_success_timestamp_seconds",
            "When settings were last read again without a fault; not a number before.",
            lambda: self._succeeded_at,
        )
        metrics.watch_gauge(
            "sali_settings_waiting",
            "Settings that were changed and need a restart.",
            lambda: len(live.waiting),
        )

    async def reload(self, asked_by: str) -> SettingsChange:
        """Read the settings again; what needs no restart holds from now on.

        Args:
            asked_by: For the log.

        Raises:
            SettingsRefusedError: They cannot be used; those that held go on holding.
        """
        async with self._turn:
            try:
                wanted = await asyncio.to_thread(self._read)
                self._check(wanted)
                self._check(self._live.preview(wanted))
            except ServiceError as exc:
                self._was_refused = True
                _log.error("settings_refused", asked_by=asked_by, reason=str(exc))
                raise SettingsRefusedError(f"the settings stay as they were: {exc}") from exc
            change = self._live.take(wanted)
            self._was_refused = False
            self._succeeded_at = time()
            _log.info(
                "settings_reloaded",
                asked_by=asked_by,
                applied=list(change.applied),
                waiting_for_restart=list(change.waiting),
            )
            return change
