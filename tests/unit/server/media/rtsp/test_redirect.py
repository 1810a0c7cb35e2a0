from __future__ import annotations

import pytest

from server.errors import SourceRefusedError
from server.media.rtsp.address import RtspAddress, parse_address
from server.media.rtsp.redirect import RedirectError, follow_redirects, redirected

CAMERA = parse_address("rtsp://doctor:p%40ss@camera:8554/live")


def test_the_login_goes_along_to_another_port_of_the_same_host() -> None:
    there = redirected(CAMERA, "rtsp://camera:9000/other")
    assert (there.label, there.user, there.password) == (
        "rtsp://camera:9000/other", "doctor", "p@ss",
    )  # fmt: skip
    assert there.full_url == "rtsp://doctor:p%40ss@camera:9000/other"


@pytest.mark.parametrize("location", ["rtsp://other/live", "rtsp://camera.example:8554/live"])
def test_the_login_is_not_told_to_another_host(location: str) -> None:
    assert not redirected(CAMERA, location).has_login


def test_the_login_of_an_encrypted_address_is_not_told_to_an_open_one() -> None:
    encrypted = parse_address("rtsps://doctor:secret@camera/live")
    assert not redirected(encrypted, "rtsp://camera/live").has_login
    assert redirected(CAMERA, "rtsps://camera/live").has_login


def test_a_login_in_the_new_address_is_used() -> None:
    there = redirected(CAMERA, "rtsp://guest:guest@other/live")
    assert (there.user, there.password) == ("guest", "guest")


@pytest.mark.parametrize("location", ["", "/live", "http://camera/live", "rtsp://", "rtsp://h:0/"])
def test_an_address_that_cannot_be_used_is_refused(location: str) -> None:
    with pytest.raises(SourceRefusedError, match="rtsp://camera:8554/live sends us to"):
        redirected(CAMERA, location)


async def test_a_chain_is_followed_and_a_circle_is_not() -> None:
    visited: list[str] = []

    async def attempt(address: RtspAddress) -> None:
        visited.append(address.label)
        if address.host != "last":
            raise RedirectError("rtsp://last/live" if len(visited) == 3 else "rtsp://camera/live")

    await follow_redirects(CAMERA, attempt)
    assert visited[-1] == "rtsp://last/live"

    async def send_on(address: RtspAddress) -> None:
        raise RedirectError("rtsp://camera/live")

    with pytest.raises(SourceRefusedError, match="again and again"):
        await follow_redirects(CAMERA, send_on)
