from __future__ import annotations

import asyncio
import logging
from io import BytesIO

import pytest
from PIL import Image

from server.media.frame import ModelFrame
from server.worker.protocol import FoundPolyp, Result
from tests.fakes.asgi_socket import open_socket
from tests.fakes.fake_worker import EMPTY_COUNTS
from tests.unit.server.http.conftest import Builder, Service

POLYP = FoundPolyp(box=(100, 100, 50, 40), area_px=2000, score=0.9)


async def find(service: Service, session_id: str, begin: int = 0) -> None:
    """Let a polyp be found for a second, and its picture be written."""
    session = service.services.registry.get(session_id)
    for sequence in range(begin, begin + 25):
        frame = ModelFrame(
            sequence=sequence,
            pts=3600 * sequence,
            captured_at_ns=session.now_ns(),
            source_size=(480, 640),
            region=(0, 0, 640, 480),
            rgb=bytes(352 * 352 * 3),
        )
        result = Result(
            session=session_id, epoch=0, sequence=sequence, size=(352, 352), counts=EMPTY_COUNTS,
            polyps=(POLYP,), step_ms=1.0, batch=1,
        )  # fmt: skip
        session.findings.judge(frame, result)
    async with asyncio.timeout(30):
        while session.findings.findings[-1].still is None:  # noqa: ASYNC110 - a thread writes it
            await asyncio.sleep(0.005)


async def test_findings_are_listed_with_their_picture(service: Service) -> None:
    session_id = await service.create()
    path = f"/v1/sessions/{session_id}/findings"
    assert (await service.client.get(path)).json() == {"findings": []}
    await find(service, session_id)
    [finding] = (await service.client.get(path)).json()["findings"]
    assert finding["id"] == "f1"
    assert (finding["status"], finding["note"], finding["is_in_sight"]) == ("open", "", True)
    assert finding["first_seen_at"].endswith("Z")
    assert finding["still"]["picture_size"] == [480, 640]
    still = await service.client.get(f"{path}/f1/still")
    assert still.headers["content-type"] == "image/jpeg"
    assert still.headers["cache-control"] == "no-store"
    assert Image.open(BytesIO(still.content)).size == (640, 480)


async def test_a_finding_is_reviewed(service: Service) -> None:
    session_id = await service.create()
    await find(service, session_id)
    path = f"/v1/sessions/{session_id}/findings/f1"
    answer = await service.client.patch(path, json={"status": "accepted", "note": "flat"})
    assert (answer.json()["status"], answer.json()["note"]) == ("accepted", "flat")
    answer = await service.client.patch(path, json={"status": "rejected"})
    assert (answer.json()["status"], answer.json()["note"]) == ("rejected", "flat")
    [listed] = (await service.client.get(path.removesuffix("/f1"))).json()["findings"]
    assert listed == answer.json()


@pytest.mark.parametrize(
    "content", [{"status": "maybe"}, {"note": "n" * 501}, {"stutas": "accepted"}, {"note": 7}]
)
async def test_a_review_that_cannot_be_used_is_refused_without_repeating_the_note(
    service: Service, content: dict[str, object]
) -> None:
    session_id = await service.create()
    await find(service, session_id)
    path = f"/v1/sessions/{session_id}/findings/f1"
    answer = await service.client.patch(path, json=content)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert "nnnn" not in answer.text


async def test_what_is_not_there_is_a_404(service: Service) -> None:
    session_id = await service.create()
    path = f"/v1/sessions/{session_id}/findings/f7"
    for answer in (
        await service.client.get(f"{path}/still"),
        await service.client.patch(path, json={"status": "accepted"}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "finding_not_found")
    gone = await service.client.get("/v1/sessions/nothing/findings")
    assert (gone.status_code, gone.json()["code"]) == (404, "session_not_found")


async def test_a_reset_deletes_findings_and_their_pictures(service: Service) -> None:
    session_id = await service.create()
    await find(service, session_id)
    await service.client.post(f"/v1/sessions/{session_id}/reset")
    path = f"/v1/sessions/{session_id}/findings"
    assert (await service.client.get(path)).json() == {"findings": []}
    assert (await service.client.get(f"{path}/f1/still")).status_code == 404


@pytest.mark.hazard("H15")
async def test_notes_are_never_logged(
    service: Service, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    session_id = await service.create()
    await find(service, session_id)
    await service.client.patch(f"/v1/sessions/{session_id}/findings/f1", json={"note": "Mrs Smith"})
    await service.client.post(f"/v1/sessions/{session_id}/reset")
    written = capsys.readouterr()
    assert "Smith" not in caplog.text + written.out + written.err
    assert "Smith" not in (await service.client.get("/metrics")).text


async def test_the_rule_is_told_and_changed(build: Builder) -> None:
    chosen = {"window_ms": 400, "share": 0.5, "outline": "confirmed"}
    service = build(findings=chosen, session={"max_sessions": 2})
    session_id, other = await service.create(), await service.create()
    path = f"/v1/sessions/{session_id}/finding_rule"
    assert (await service.client.get(path)).json() == chosen
    wanted = {"window_ms": 0, "share": 1.0, "outline": "at_once"}
    assert (await service.client.put(path, json=wanted)).json() == wanted
    assert (await service.client.get(path)).json() == wanted
    kept = await service.client.get(f"/v1/sessions/{other}/finding_rule")
    assert kept.json() == chosen


@pytest.mark.parametrize("change", [{"window_ms": -1}, {"share": 0}, {"share": 1.1}, {"n": 6}])
async def test_a_rule_that_cannot_be_used_is_refused(
    service: Service, change: dict[str, object]
) -> None:
    session_id = await service.create()
    rule = {"window_ms": 240, "share": 0.66, "outline": "at_once", **change}
    path = f"/v1/sessions/{session_id}/finding_rule"
    assert (await service.client.put(path, json=rule)).status_code == 422


async def test_readers_of_masks_are_told_of_findings(service: Service) -> None:
    session_id = await service.create()
    async with open_socket(service.app, f"/v1/sessions/{session_id}/masks") as socket:
        await socket.receive_type("hello")
        await find(service, session_id)
        message = await socket.receive_type("finding")
        assert message["finding"]["id"] == "f1"
        while message["finding"]["still"] is None:
            message = await socket.receive_type("finding")
        listed = await service.client.get(f"/v1/sessions/{session_id}/findings")
        assert message["finding"] == listed.json()["findings"][0]
        await service.client.post(f"/v1/sessions/{session_id}/reset")
        assert (await socket.receive_type("findings_removed"))["ids"] == ["f1"]


async def test_the_number_of_findings_is_bounded(build: Builder) -> None:
    service = build(findings={"max_findings": 2})
    session_id = await service.create()
    session = service.services.registry.get(session_id)
    for number in range(3):
        await find(service, session_id, begin=100 * number)
        session.on_discontinuity("another stretch")
    assert [finding.id for finding in session.findings.findings] == ["f2", "f3"]
