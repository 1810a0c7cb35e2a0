"""Basic (RFC 7617) and Digest (RFC 7616, RFC 2617) authentication of RTSP requests."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass

_SCHEME = re.compile(r"\b(Digest|Basic)\s+(?=\w+\s*=)", re.IGNORECASE)
_PARAMETER = re.compile(r'(\w+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))')
_HASHES = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}
# In this order the strongest is chosen.
_STRENGTH = ("Basic", "MD5", "SHA-256")


@dataclass(frozen=True, slots=True)
class _Challenge:
    """What a server asks for; `algorithm` is "Basic" for Basic."""

    algorithm: str
    is_session: bool
    parameters: dict[str, str]


class Authenticator:
    """Answers the challenges of one server.

    Args:
        user: As the URL tells.
        password: As the URL tells.
        new_nonce: Makes client nonces.
    """

    def __init__(
        self, user: str, password: str, new_nonce: Callable[[], str] = lambda: secrets.token_hex(16)
    ) -> None:
        self._user = user
        self._password = password
        self._new_nonce = new_nonce
        self._challenge: _Challenge | None = None
        self._count = 0

    def take(self, www_authenticate: list[str]) -> bool:
        """Take the challenges of a 401; whether one of them can be answered."""
        if not self._user and not self._password:
            return False
        known = [c for line in www_authenticate for c in _parse(line)]
        if not known:
            return False
        self._challenge = max(known, key=lambda c: _STRENGTH.index(c.algorithm))
        self._count = 0
        return True

    def header(self, method: str, uri: str) -> str | None:
        """Return the Authorization header of a request; None before any challenge."""
        challenge = self._challenge
        if challenge is None:
            return None
        if challenge.algorithm == "Basic":
            coded = base64.b64encode(f"{self._user}:{self._password}".encode()).decode()
            return f"Basic {coded}"
        return self._digest(challenge, method, uri)

    def _digest(self, challenge: _Challenge, method: str, uri: str) -> str:
        """RFC 7616 section 3.4; without `qop` as RFC 2069 had it."""
        asked = challenge.parameters
        realm, nonce = asked.get("realm", ""), asked.get("nonce", "")
        self._count += 1
        count, own_nonce = f"{self._count:08x}", self._new_nonce()
        name = challenge.algorithm + ("-sess" if challenge.is_session else "")
        secret = _hash(challenge, f"{self._user}:{realm}:{self._password}")
        if challenge.is_session:
            secret = _hash(challenge, f"{secret}:{nonce}:{own_nonce}")
        request = _hash(challenge, f"{method}:{uri}")
        fields = {"username": self._user, "realm": realm, "nonce": nonce, "uri": uri}
        bare = {}
        if "auth" in re.split(r"[,\s]+", asked.get("qop", "")):
            answer = _hash(challenge, f"{secret}:{nonce}:{count}:{own_nonce}:auth:{request}")
            fields["cnonce"] = own_nonce
            bare = {"qop": "auth", "nc": count}
        else:
            answer = _hash(challenge, f"{secret}:{nonce}:{request}")
        fields["response"] = answer
        if "opaque" in asked:
            fields["opaque"] = asked["opaque"]
        if "algorithm" in asked:
            bare["algorithm"] = name
        quoted = [f'{key}="{_escape(value)}"' for key, value in fields.items()]
        return "Digest " + ", ".join([*quoted, *(f"{key}={value}" for key, value in bare.items())])


def _parse(line: str) -> list[_Challenge]:
    """Read the challenges of one header that can be answered."""
    found = list(_SCHEME.finditer(line))
    challenges: list[_Challenge] = []
    for index, scheme in enumerate(found):
        end = found[index + 1].start() if index + 1 < len(found) else len(line)
        parameters = {
            match[1].lower(): re.sub(r"\\(.)", r"\1", match[2]) if match[3] is None else match[3]
            for match in _PARAMETER.finditer(line[scheme.end() : end])
        }
        if scheme[1].lower() == "basic":
            challenges.append(_Challenge("Basic", False, parameters))
            continue
        algorithm = parameters.get("algorithm", "MD5").upper()
        plain = algorithm.removesuffix("-SESS")
        if plain in _HASHES:
            challenges.append(_Challenge(plain, plain != algorithm, parameters))
    return challenges


def _hash(challenge: _Challenge, text: str) -> str:
    return _HASHES[challenge.algorithm](text.encode()).hexdigest()


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\r", "").replace("\n", "")
