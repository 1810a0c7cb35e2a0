"""The service itself: its settings, its viewer, its sources, and whether it answers."""

from __future__ import annotations

import json
from http import HTTPStatus

from server.app import require_usable, source_check
from server.checks.finding import Finding, fine, note, wrong
from server.errors import ConfigurationError, ServiceError
from server.http.web import is_viewer_built
from server.media.source import parse_source
from server.readiness import ask_own_service, ask_readiness
from server.settings import ListenSettings, Settings, WebSettings
from server.shown_settings import shown_text

_CONFIGURATION = "see docs/configuration.md; `sali config show` tells where each value comes from"


def check_settings(settings: Settings) -> Finding:
    """Whether the settings go together."""
    try:
        require_usable(settings)
    except ServiceError as exc:
        return wrong("settings", str(exc), _CONFIGURATION)
    if settings.auth.token is None:
        return fine("settings", "no token; only this machine can connect")
    return fine("settings", "a token is asked for")


def check_viewer(settings: WebSettings) -> Finding:
    """Whether the viewer is built."""
    if is_viewer_built(settings.directory):
        return fine("viewer", f"built, in {settings.directory}")
    return note("viewer", f"there is none in {settings.directory}", "make web builds it")


def check_sources(settings: Settings) -> list[Finding]:
    """Whether each configured source has video now. A camera may come back by itself later."""
    check = source_check(settings)
    findings: list[Finding] = []
    for text in settings.sources:
        subject = "source"
        try:
            spec = parse_source(text, settings.loop)
            subject = f"source {spec.label}"
            check(spec)
        except ServiceError as exc:
            findings.append(
                wrong(subject, str(exc), "docs/install.md, Troubleshooting, says what to look at")
            )
        else:
            findings.append(fine(subject, "can be used"))
    return findings


def check_running_settings(settings: Settings) -> list[Finding]:
    """Whether the running service has these settings; nothing is told where it does not answer."""
    token = settings.auth.token
    try:
        status, body = ask_own_service(settings.listen, "GET", "/v1/settings", token)
        if status == HTTPStatus.UNAUTHORIZED:
            cure = "SIGHUP lets it read the new one (docs/configuration.md)"
            return [note("running settings", "the service has another token", cure)]
        running = json.loads(body)["settings"]
        others = [
            setting["name"]
            for setting in running
            if setting["origin"] != "command line"
            and setting["value"] != shown_text(settings, setting["name"])
        ]
    except (ConfigurationError, ValueError, KeyError, TypeError, AttributeError):
        return []
    if not others:
        return [fine("running settings", "those that file and environment say now")]
    cure = "sali config reload; it names what needs a restart"
    return [note("running settings", f"older than the configuration: {', '.join(others)}", cure)]


def check_readiness(listen: ListenSettings) -> Finding:
    """Whether the running service is ready."""
    reason = ask_readiness(listen)
    if reason:
        return wrong("service", reason, "its log (docker compose logs server) tells why")
    return fine("service", f"ready on port {listen.port}")
