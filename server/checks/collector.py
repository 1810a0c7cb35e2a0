"""The collector of traces: whether it takes what the service would send."""

from __future__ import annotations

import urllib.error
import urllib.request

from server.checks.finding import Finding, fine, wrong
from server.errors import ConfigurationError
from server.observability.traces import require_exporter
from server.settings import TraceSettings

_WAIT_S = 5.0


def check_collector(settings: TraceSettings) -> list[Finding]:
    """Send an empty message as the exporter would; nothing is looked at where none is named."""
    if not settings.endpoint:
        return []
    subject = f"collector of traces {settings.endpoint}"
    try:
        require_exporter()
    except ConfigurationError as exc:
        return [wrong(subject, "OpenTelemetry is not installed", str(exc))]
    request = urllib.request.Request(  # noqa: S310 - the setting allows http and https only
        settings.endpoint, data=b"", headers={"Content-Type": "application/x-protobuf"}
    )
    try:
        with urllib.request.urlopen(request, timeout=_WAIT_S):  # noqa: S310 - as above
            return [fine(subject, "takes traces")]
    except urllib.error.HTTPError as exc:
        cure = "the path is /v1/traces, as a rule; a login goes into OTEL_EXPORTER_OTLP_HEADERS"
        return [wrong(subject, f"answers HTTP {exc.code}", cure)]
    except OSError as exc:
        reason = getattr(exc, "reason", exc)
        cure = "start the collector, correct SALI_TRACES__ENDPOINT, or leave it empty"
        return [wrong(subject, f"does not answer: {reason}", cure)]
