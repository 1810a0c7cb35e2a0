from __future__ import annotations

import json
from typing import Any

import pytest

from server.settings import known_variables, load_settings
from tests.unit.server.http.conftest import Builder


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in known_variables():
        monkeypatch.delenv(name, raising=False)


async def settings_of(build: Builder, **chosen: Any) -> dict[str, dict[str, str]]:
    service = build(settings=load_settings(**chosen))
    token = service.services.settings.auth.token
    headers = {"Authorization": f"Bearer {token.get_secret_value()}"} if token else {}
    answer = await service.client.get("/v1/settings", headers=headers)
    assert answer.status_code == 200, answer.text
    return {setting["variable"]: setting for setting in answer.json()["settings"]}


async def test_every_setting_is_listed_with_its_value_and_where_it_comes_from(
    build: Builder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SALI_WORKER__DEVICE", "cpu")
    monkeypatch.setenv("SALI_LISTEN__HOST", "127.0.0.9")
    settings = await settings_of(build, listen={"host": "127.0.0.1", "port": 9000})
    assert set(settings) == set(known_variables())
    shown = {name: (entry["value"], entry["origin"]) for name, entry in settings.items()}
    assert shown["SALI_WORKER__DEVICE"] == ("cpu", "SALI_WORKER__DEVICE")
    assert shown["SALI_LISTEN__HOST"] == ("127.0.0.1", "command line")
    assert shown["SALI_LISTEN__PORT"] == ("9000", "command line")
    assert shown["SALI_MASKS__MAX_AGE_MS"] == ("250", "default")
    assert settings["SALI_MASKS__MAX_AGE_MS"]["name"] == "masks.max_age_ms"
    assert settings["SALI_MASKS__MAX_AGE_MS"]["description"]


async def test_no_secret_is_shown(build: Builder, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = "hunter2-hunter2"  # noqa: S105 - no real one
    monkeypatch.setenv("SALI_AUTH__TOKEN", secret)
    turn = {"url": "turn:turn.example:3478", "username": "u", "credential": secret}
    monkeypatch.setenv("SALI_ICE_SERVERS", json.dumps([turn]))
    sources = (f"rtsp://user:{secret}@camera.example/room",)
    push = {"urls": (f"rtmp://user:{secret}@host.example/live/{secret}",)}
    settings = await settings_of(build, sources=sources, push=push)
    assert secret not in json.dumps(settings)
    assert settings["SALI_AUTH__TOKEN"]["value"] == "(set)"
    assert settings["SALI_SOURCES"]["value"] == '["rtsp://camera.example/room"]'
