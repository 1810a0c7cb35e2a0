"""`POST /v1/settings/reload`: a file that was changed, and one that cannot be used."""

from __future__ import annotations

from pathlib import Path

import pytest

from server.settings import known_variables, load_settings
from tests.unit.server.http.conftest import Builder, Service

OLD, NEW = "the-old-token", "the-new-token"


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*known_variables(), "SALI_CONFIG"):
        monkeypatch.delenv(name, raising=False)


class Room:
    """A service that reads a file, and that file."""

    def __init__(self, build: Builder, file: Path, text: str) -> None:
        self._file = file
        self.write(text)
        read = lambda: load_settings(file, sources=[])  # noqa: E731 - one line, used once
        self.service: Service = build(settings=read(), read=read)

    def write(self, text: str) -> None:
        self._file.write_text(text)

    async def reload(self, token: str = OLD) -> tuple[int, dict]:
        answer = await self.service.client.post("/v1/settings/reload", headers=bearer(token))
        return answer.status_code, answer.json()

    async def status(self, token: str) -> int:
        answer = await self.service.client.get("/v1/sessions", headers=bearer(token))
        return answer.status_code

    async def metric(self, name: str) -> float:
        text = (await self.service.client.get("/metrics")).text
        (line,) = (line for line in text.splitlines() if line.startswith(f"{name} "))
        return float(line.split()[1])


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture
def room(build: Builder, tmp_path: Path) -> Room:
    return Room(build, tmp_path / "sali.yaml", f"auth: {{token: {OLD}}}")


async def test_a_changed_token_holds_from_the_next_request_on(room: Room) -> None:
    room.write(f"auth: {{token: {NEW}}}")
    assert await room.status(NEW) == 401
    assert await room.reload() == (200, {"applied": ["auth.token"], "needs_restart": []})
    assert (await room.status(OLD), await room.status(NEW)) == (401, 200)


async def test_what_needs_a_restart_is_named_counted_and_shown(room: Room) -> None:
    room.write(f"auth: {{token: {OLD}}}\nworker: {{threads: 7}}")
    assert await room.reload() == (200, {"applied": [], "needs_restart": ["worker.threads"]})
    assert await room.metric("sali_settings_waiting") == 1
    answer = await room.service.client.get("/v1/settings", headers=bearer(OLD))
    shown = {setting["name"]: setting for setting in answer.json()["settings"]}
    assert shown["worker.threads"]["value"] == "0"
    assert (shown["worker.threads"]["is_waiting"], shown["worker.threads"]["applies"]) == (
        True, "restart",
    )  # fmt: skip
    assert shown["auth.token"]["is_waiting"] is False


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("log: {level: loud}", "log.level"),
        ("log: {levle: info}", "log.levle: there is no such setting"),
        ("a: [", "line 1: this is not YAML"),
        (f"auth: {{token: {NEW}}}\nregion: middle", "use auto, full, or x,y,width,height"),
        ("listen: {names: [room.example]}", "set SALI_AUTH__TOKEN"),
    ],
)
async def test_a_file_that_cannot_be_used_changes_nothing_and_says_why(
    room: Room, text: str, words: str
) -> None:
    room.write(text)
    status, problem = await room.reload()
    assert (status, problem["code"]) == (422, "settings_refused")
    assert "the settings stay as they were" in problem["detail"]
    assert words in problem["detail"]
    assert NEW not in problem["detail"]
    assert await room.status(OLD) == 200
    assert await room.metric("sali_settings_reload_successful") == 0
    room.write(f"auth: {{token: {OLD}}}")
    assert (await room.reload())[0] == 200
    assert await room.metric("sali_settings_reload_successful") == 1
    assert await room.metric("sali_settings_reload_success_timestamp_seconds") > 1e9


async def test_an_open_address_needs_its_token_also_when_that_is_taken_away(
    build: Builder, tmp_path: Path
) -> None:
    room = Room(build, tmp_path / "sali.yaml", f"listen: {{host: 0.0.0.0}}\nauth: {{token: {OLD}}}")
    # The file alone goes together: but the address of the start is still listened on.
    room.write("listen: {host: 127.0.0.1}")
    status, problem = await room.reload()
    assert status == 422
    assert "listening on 0.0.0.0" in problem["detail"]
    assert await room.status(OLD) == 200


async def test_limits_on_sessions_hold_at_once_and_on_viewers_for_the_next_session(
    room: Room,
) -> None:
    client = room.service.client

    async def create() -> int:
        answer = await client.post("/v1/sessions", json={"source": "demo"}, headers=bearer(OLD))
        return answer.status_code

    assert await create() == 201
    assert await create() == 503, "the AI's capacity is not measured: one session"
    room.write(f"auth: {{token: {OLD}}}\nsession: {{max_sessions: 2}}")
    assert (await room.reload())[1]["applied"] == ["session.max_sessions"]
    assert await create() == 201
    assert await create() == 503
