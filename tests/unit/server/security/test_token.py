from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from server.security.token import (
    is_token_right,
    token_from_authorization,
    token_from_subprotocols,
)


def test_only_the_same_token_is_right() -> None:
    expected = SecretStr("correct horse")
    assert is_token_right("correct horse", expected)
    for wrong in (None, "", "correct hors", "correct horse ", "корова"):
        assert not is_token_right(wrong, expected)


@pytest.mark.parametrize(
    ("header", "token"),
    [
        ("Bearer abc", "abc"),
        ("bearer abc", "abc"),
        ("Bearer  abc ", "abc"),
        ("Basic abc", None),
        ("Bearer", None),
        ("Bearer ", None),
        ("", None),
        (None, None),
    ],
)
def test_the_token_stands_after_bearer(header: str | None, token: str | None) -> None:
    assert token_from_authorization(header) == token


@pytest.mark.parametrize(
    ("offered", "token"),
    [
        (["sali.masks.v1", "sali.token.c2VjcmV0"], "secret"),
        (["sali.token.w6nDpMO8"], "éäü"),
        (["sali.token.Pz8_Pj4-"], "???>>>"),
        (["sali.masks.v1"], None),
        (["sali.token.!"], None),
        (["sali.token.a"], None),
        (["sali.token._w"], None),
        ([], None),
    ],
)
def test_a_browsers_token_is_a_subprotocol(offered: list[str], token: str | None) -> None:
    assert token_from_subprotocols(offered) == token


@given(st.text())
def test_no_subprotocol_breaks_the_reader(text: str) -> None:
    assert token_from_subprotocols([f"sali.token.{text}"]) != f"sali.token.{text}"
