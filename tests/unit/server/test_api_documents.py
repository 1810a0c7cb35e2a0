"""The descriptions of the interface: as checked in, as served, and as docs/protocol.md tells."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest

from server.api_documents import api_documents, to_text
from server.masks.message import ClientMessage, ServerMessage
from tests.unit.server.http.conftest import Builder, build  # noqa: F401 - a fixture

DOCS = Path(__file__).parents[3] / "docs"
DOCUMENTS = api_documents()


@pytest.mark.parametrize("name", sorted(DOCUMENTS))
def test_the_checked_in_document_is_what_the_service_describes(name: str) -> None:
    assert (DOCS / "api" / name).read_text() == to_text(DOCUMENTS[name]), "make api writes it"


@pytest.mark.parametrize("name", sorted(DOCUMENTS))
async def test_the_service_serves_it(name: str, build: Builder) -> None:  # noqa: F811 - a fixture
    answer = await build().client.get(f"/v1/{name}")
    assert answer.status_code == 200
    assert json.loads(answer.text) == json.loads(to_text(DOCUMENTS[name]))


def references(node: Any) -> Iterator[str]:
    """Find every `$ref` in a document."""
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for child in node.values():
            yield from references(child)
    elif isinstance(node, list):
        for child in node:
            yield from references(child)


@pytest.mark.parametrize("name", sorted(DOCUMENTS))
def test_every_reference_leads_somewhere(name: str) -> None:
    found = set(references(DOCUMENTS[name]))
    assert found
    for reference in found:
        node = DOCUMENTS[name]
        for part in reference.removeprefix("#/").split("/"):
            node = node[part.replace("~1", "/")]


def test_every_operation_has_a_name_of_its_own_and_tells_how_it_fails() -> None:
    operations = [
        operation for path in DOCUMENTS["openapi.json"]["paths"].values()
        for operation in path.values()
    ]  # fmt: skip
    names = [operation["operationId"] for operation in operations]
    assert len(set(names)) == len(names) > 20
    for operation in operations:
        assert set(operation["responses"]["default"]["content"]) == {"application/problem+json"}


def test_the_protocol_names_every_path_and_no_other() -> None:
    text = (DOCS / "protocol.md").read_text()
    told = {
        re.sub(r"\{\w+\}", "{}", path)
        for path in re.findall(r"(?:GET|POST|PUT|PATCH|DELETE|OPTIONS) (/v1/[\w/{}.]+)", text)
    }
    described = {re.sub(r"\{\w+\}", "{}", path) for path in DOCUMENTS["openapi.json"]["paths"]}
    sockets = {
        re.sub(r"\{\w+\}", "{}", channel["address"])
        for channel in DOCUMENTS["asyncapi.json"]["channels"].values()
    }
    assert told <= described | sockets | {"/v1/openapi.json"}
    # Resources are told as `Location`, health and metrics in words.
    assert {p for p in described - told if "/v1/" in p} <= {
        "/v1/sessions/{}/whep/{}", "/v1/sessions/{}/whip/{}"
    }  # fmt: skip
    assert sockets <= told


def test_every_message_of_the_wire_is_described() -> None:
    schemas = DOCUMENTS["asyncapi.json"]["components"]["schemas"]
    for model in (*get_args(ServerMessage), *get_args(ClientMessage)):
        assert set(schemas[model.__name__]["properties"]) == set(model.model_fields)


def test_the_document_tells_who_sends_what() -> None:
    operations = DOCUMENTS["asyncapi.json"]["operations"]
    by_service = {
        reference["$ref"].rpartition("/")[2] for reference in operations["send_masks"]["messages"]
    }
    assert by_service == {
        "hello", "state", "origin", "size", "mask", "finding", "findings_removed"
    }  # fmt: skip
    taken = [m["$ref"].rpartition("/")[2] for m in operations["receive_frames"]["messages"]]
    assert taken == ["frame", "picture"]
    text = (DOCS / "protocol.md").read_text()
    told = set(re.findall(r'"type": "(\w+)"', text))
    described = {
        name for channel in DOCUMENTS["asyncapi.json"]["channels"].values()
        for name in channel["messages"]
    }  # fmt: skip
    assert told == described - {"picture"}
