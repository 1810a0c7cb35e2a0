from __future__ import annotations

import pytest

from server.media.frame import RelayCodec
from tests.unit.server.http.conftest import Service

SDP = {"content-type": "application/sdp; charset=utf-8"}


async def test_a_viewer_comes_and_goes(service: Service) -> None:
    session_id = await service.create()
    service.media.pipelines[0].play()
    path = f"/v1/sessions/{session_id}/whep"
    answer = await service.client.post(path, content="offer", headers=SDP)
    assert answer.status_code == 201
    assert answer.headers["content-type"].startswith("application/sdp")
    assert answer.headers["location"] == f"{path}/v1"
    assert answer.text == "clean h264 answer to offer"
    assert (await service.client.get(f"/v1/sessions/{session_id}")).json()["viewers"] == 1
    assert (await service.client.delete(f"{path}/v1")).status_code == 204
    gone = await service.client.delete(f"{path}/v1")
    assert (gone.status_code, gone.json()["code"]) == (404, "resource_not_found")


@pytest.mark.parametrize(
    ("source_codec", "query", "answered"),
    [
        ("vp8", "", "clean vp8 answer"),
        ("vp8", "?overlay=clean", "clean vp8 answer"),
        ("vp8", "?overlay=burned", "burned h264 answer"),
    ],
)
async def test_a_viewer_chooses_clean_or_burned_video(
    service: Service, source_codec: RelayCodec, query: str, answered: str
) -> None:
    session_id = await service.create()
    service.media.pipelines[0].play(source_codec)
    path = f"/v1/sessions/{session_id}/whep"
    answer = await service.client.post(f"{path}{query}", content="offer", headers=SDP)
    assert (answer.status_code, answer.headers["location"]) == (201, f"{path}/v1")
    assert answer.text == f"{answered} to offer"


async def test_another_overlay_is_refused(service: Service) -> None:
    session_id = await service.create()
    service.media.pipelines[0].play()
    path = f"/v1/sessions/{session_id}/whep?overlay=painted"
    answer = await service.client.post(path, content="offer", headers=SDP)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert "burned" in answer.json()["detail"]


async def test_a_source_without_video_asks_to_come_back_in_a_second(service: Service) -> None:
    session_id = await service.create()
    answer = await service.client.post(
        f"/v1/sessions/{session_id}/whep", content="offer", headers=SDP
    )
    assert answer.status_code == 409
    assert answer.headers["retry-after"] == "1"
    assert answer.json()["code"] == "source_not_ready"


async def test_a_publisher_comes_and_goes_one_at_a_time(service: Service) -> None:
    session_id = await service.create("whip")
    path = f"/v1/sessions/{session_id}/whip"
    answer = await service.client.post(path, content="offer", headers=SDP)
    assert (answer.status_code, answer.headers["location"]) == (201, f"{path}/p1")
    busy = await service.client.post(path, content="offer", headers=SDP)
    assert (busy.status_code, busy.json()["code"]) == (409, "whip_busy")
    assert (await service.client.delete(f"{path}/p1")).status_code == 204
    assert (await service.client.post(path, content="offer", headers=SDP)).status_code == 201


@pytest.mark.parametrize(
    ("content", "content_type", "status", "code"),
    [
        (b"offer", "text/plain", 415, "unsupported_media_type"),
        (b"", "application/sdp", 400, "invalid_offer"),
        (b"\xff\xfe", "application/sdp", 400, "invalid_offer"),
        (b"x" * 300_000, "application/sdp", 413, "request_too_large"),
    ],
)
async def test_what_is_no_offer_is_a_problem(
    service: Service, content: bytes, content_type: str, status: int, code: str
) -> None:
    session_id = await service.create("whip")
    answer = await service.client.post(
        f"/v1/sessions/{session_id}/whip", content=content, headers={"content-type": content_type}
    )
    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_trickled_candidates_are_not_taken_and_options_tell_what_is(
    service: Service,
) -> None:
    session_id = await service.create("whip")
    path = f"/v1/sessions/{session_id}/whip"
    assert (await service.client.patch(f"{path}/p1")).status_code == 405
    options = await service.client.options(path)
    assert (options.status_code, options.headers["accept-post"]) == (204, "application/sdp")
