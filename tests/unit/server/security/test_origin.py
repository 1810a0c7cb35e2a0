from __future__ import annotations

import pytest

from server.errors import ForbiddenOriginError
from server.security.origin import require_own_host, require_own_origin
from server.settings import ListenSettings

LOOPBACK = ListenSettings()


@pytest.mark.parametrize(
    "host", ["localhost:8000", "127.0.0.1", "127.0.0.1:8000", "[::1]:8000", "LOCALHOST:1"]
)
def test_loopback_names_are_ours(host: str) -> None:
    require_own_host(host, LOOPBACK)


@pytest.mark.parametrize(
    "host", [None, "", "evil.example", "localhost.evil.example:8000", "127.0.0.1.nip.io", "[", "::"]
)
def test_a_name_made_to_point_to_loopback_is_refused(host: str | None) -> None:
    with pytest.raises(ForbiddenOriginError):
        require_own_host(host, LOOPBACK)


def test_the_address_listened_on_is_ours() -> None:
    require_own_host("127.0.0.9:8000", ListenSettings(host="127.0.0.9"))


def test_a_service_for_other_machines_has_any_name() -> None:
    require_own_host("sali.hospital.example", ListenSettings(host="0.0.0.0"))  # noqa: S104


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        (None, "127.0.0.1:8000"),
        ("http://127.0.0.1:8000", "127.0.0.1:8000"),
        ("http://LOCALHOST:8000", "localhost:8000"),
        ("https://sali.example", "sali.example"),
        ("https://sali.example", "sali.example:443"),
        ("http://sali.example:80", "sali.example"),
    ],
)
def test_our_own_page_and_programs_pass(origin: str | None, host: str) -> None:
    require_own_origin(origin, host)


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("http://evil.example", "127.0.0.1:8000"),
        ("http://127.0.0.1:9000", "127.0.0.1:8000"),
        ("http://localhost:8000", "127.0.0.1:8000"),
        ("null", "127.0.0.1:8000"),
        ("", "127.0.0.1:8000"),
        ("file://", "127.0.0.1:8000"),
        ("http://[", "127.0.0.1:8000"),
        ("http://127.0.0.1:8000", None),
    ],
)
def test_pages_of_other_sites_are_refused(origin: str, host: str | None) -> None:
    with pytest.raises(ForbiddenOriginError):
        require_own_origin(origin, host)


def test_behind_a_proxy_the_service_answers_to_the_names_it_was_told() -> None:
    listen = ListenSettings(names=("Sali.Hospital.example",))
    for host in ("sali.hospital.example", "sali.hospital.example:443", "localhost:8000"):
        require_own_host(host, listen)
    for host in ("hospital.example", "evil.example", None):
        with pytest.raises(ForbiddenOriginError, match="SALI_LISTEN__NAMES"):
            require_own_host(host, listen)
