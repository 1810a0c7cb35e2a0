from __future__ import annotations

import pytest

from server.media.rtsp.authentication import Authenticator

_NONCE = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"
_OWN = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
_OPAQUE = "FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"


def _challenge(algorithm: str) -> str:
    return (
        f'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm={algorithm},'
        f' nonce="{_NONCE}", opaque="{_OPAQUE}"'
    )


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_the_examples_of_rfc_7616(algorithm: str, response: str) -> None:
    login = Authenticator("Mufasa", "Circle of Life", lambda: _OWN)
    assert login.take([_challenge(algorithm)])
    header = login.header("GET", "/dir/index.html")
    assert header is not None
    assert f'response="{response}"' in header
    assert f'opaque="{_OPAQUE}"' in header
    assert "nc=00000001" in header


def test_the_strongest_challenge_is_answered() -> None:
    login = Authenticator("u", "p")
    offered = ['Basic realm="x"', _challenge("MD5"), _challenge("SHA-256")]
    assert login.take(offered)
    assert "algorithm=SHA-256" in (login.header("DESCRIBE", "rtsp://h/") or "")
    assert login.take([", ".join(offered[:2])])
    assert "algorithm=MD5" in (login.header("DESCRIBE", "rtsp://h/") or "")


def test_old_cameras_without_qop_get_the_old_form() -> None:
    login = Authenticator("Mufasa", "Circle Of Life")
    login.take(['Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093"'])
    header = login.header("GET", "/dir/index.html") or ""
    # The digest of RFC 2069's form, computed by hand: MD5(MD5(A1):nonce:MD5(A2)).
    assert 'response="670fd8c2df070c60b045671b8b24ff02"' in header
    assert "qop" not in header
    assert "cnonce" not in header


def test_basic_and_the_count_of_requests() -> None:
    login = Authenticator("Aladdin", "open sesame")
    assert login.header("OPTIONS", "*") is None
    login.take(['Basic realm="x"'])
    assert login.header("OPTIONS", "*") == "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="
    login.take([_challenge("MD5")])
    assert "nc=00000001" in (login.header("SETUP", "a") or "")
    assert "nc=00000002" in (login.header("PLAY", "a") or "")


@pytest.mark.parametrize(
    "challenge", ["", "Negotiate", "Digest", 'Digest realm="x", algorithm=MD4', "\x00", 'Basic "']
)
def test_challenges_nobody_can_answer_are_no_login(challenge: str) -> None:
    assert not Authenticator("u", "p").take([challenge])
    assert not Authenticator("", "").take(['Basic realm="x"'])
