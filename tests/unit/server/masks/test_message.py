from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest

from server.errors import UnsupportedMessageError
from server.masks import message

TYPESCRIPT = Path(__file__).parents[4] / "client_web" / "src" / "messages.ts"


def test_acknowledgements_and_attachments_are_understood() -> None:
    assert message.parse_client_message('{"type": "ack", "sequence": 7}') == message.AckMessage(
        type="ack", sequence=7
    )
    assert message.parse_client_message(
        '{"type": "attach", "viewer": "v1", "new": 1}'
    ) == message.AttachMessage(type="attach", viewer="v1")


def test_a_call_for_repair_names_its_viewer() -> None:
    assert message.parse_client_message(
        '{"type": "repair", "viewer": "v1"}'
    ) == message.RepairMessage(type="repair", viewer="v1")


def test_unknown_types_are_ignored() -> None:
    assert message.parse_client_message('{"type": "wave"}') is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        "[]",
        "7",
        '{"sequence": 1}',
        '{"type": 5}',
        '{"type": "ack"}',
        '{"type": "ack", "sequence": -1}',
        '{"type": "ack", "sequence": "x"}',
        '{"type": "attach", "viewer": ""}',
        '{"type": "repair"}',
        '{"type": "attach", "viewer": "' + "v" * 65 + '"}',
        "[" * 100_000,
    ],
)
def test_what_cannot_be_understood_is_an_error(text: str) -> None:
    with pytest.raises(UnsupportedMessageError):
        message.parse_client_message(text)


def test_origin_is_a_32_bit_number() -> None:
    with pytest.raises(ValueError, match="rtp_origin"):
        message.OriginMessage(viewer="v", rtp_origin=2**32)


@pytest.mark.parametrize(
    ("interface", "model"),
    [
        ("OriginMessage", message.OriginMessage),
        ("SizeMessage", message.SizeMessage),
        ("MaskMessage", message.MaskMessage),
        ("StateMessage", message.StateMessage),
        ("Polyp", message.Polyp),
    ],
)
def test_the_viewer_reads_no_field_that_is_not_sent(
    interface: str, model: type[message.MaskMessage]
) -> None:
    source = TYPESCRIPT.read_text()
    body = re.search(rf"export interface {interface} \{{(.*?)\n\}}", source, re.DOTALL)
    assert body is not None
    fields = set(re.findall(r"^  readonly (\w+)\??:", body[1], re.MULTILINE))
    assert fields
    assert fields <= set(model.model_fields)


@pytest.mark.parametrize(
    ("constant", "names"),
    [("AI_STATES", message.AiStateName), ("SOURCE_STATES", message.SourceStateName)],
)
def test_the_viewer_knows_every_state(constant: str, names: object) -> None:
    listed = re.search(rf"export const {constant} = \[(.*?)\]", TYPESCRIPT.read_text())
    assert listed is not None
    assert re.findall(r'"(\w+)"', listed[1]) == list(get_args(names))
