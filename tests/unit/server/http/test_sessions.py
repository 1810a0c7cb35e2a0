from __future__ import annotations

import pytest

from server.media.region import AUTO, FULL, rectangle_choice
from tests.unit.server.http.conftest import Builder, Service


async def test_a_session_is_created_looked_at_listed_and_ended(service: Service) -> None:
    answer = await service.client.post("/v1/sessions", json={"name": "Room 1", "source": "demo"})
    assert answer.status_code == 201
    session = answer.json()
    assert answer.headers["location"] == f"/v1/sessions/{session['id']}"
    assert session["name"] == "Room 1"
    assert session["source"] == {"kind": "demo", "label": "phantom"}
    assert session["source_state"] == "connecting"
    assert session["ai_state"] == "warming"
    assert session["video"] is None
    assert (session["encoders"], session["push"]) == (0, [])
    assert session["region"] == {"mode": "auto", "rectangle": None}
    assert session["created_at"].endswith("Z")
    assert session["counters"] == {
        "frames_received": 0,
        "frames_decoded": 0,
        "frames_masked": 0,
        "drops": {},
    }
    assert (await service.client.get(f"/v1/sessions/{session['id']}")).json() == session
    assert (await service.client.get("/v1/sessions")).json() == {"sessions": [session]}
    assert (await service.client.delete(f"/v1/sessions/{session['id']}")).status_code == 204
    assert (await service.client.get("/v1/sessions")).json() == {"sessions": []}
    assert service.media.pipelines[0].is_closed


async def test_a_playing_session_tells_its_video(service: Service) -> None:
    session_id = await service.create()
    service.media.pipelines[0].play()
    session = (await service.client.get(f"/v1/sessions/{session_id}")).json()
    assert session["source_state"] == "playing"
    assert session["video"] == {"width": 640, "height": 480, "fps": 25.0, "codec": "h264"}


async def test_a_camera_is_told_without_its_password(service: Service) -> None:
    await service.create("rtsp://user:secret@camera.example/stream?key=secret")
    text = (await service.client.get("/v1/sessions")).text
    assert "camera.example" in text
    assert "secret" not in text


async def test_a_session_pushes_where_it_is_told_to_without_telling_the_password(
    service: Service,
) -> None:
    push = [
        {"url": "rtsp://user:secret@monitor.example/room1"},
        {"url": "rtmp://recorder.example/live/secret-key", "overlay": "clean"},
    ]
    session_id = await service.create("demo", push=push)
    answer = await service.client.get(f"/v1/sessions/{session_id}")
    assert answer.json()["push"] == [
        {
            "label": label, "overlay": overlay, "state": "connecting", "reason": "",
            "packets_sent": 0,
        }
        for label, overlay in (
            ("rtsp://monitor.example/room1", "burned"),
            ("rtmp://recorder.example/live/...", "clean"),
        )
    ]  # fmt: skip
    assert "secret" not in answer.text
    assert service.media.outputs[0].is_started
    assert (await service.client.delete(f"/v1/sessions/{session_id}")).status_code == 204
    assert service.media.outputs[0].is_closed


async def test_a_reset_is_answered_without_content(service: Service) -> None:
    session_id = await service.create()
    answer = await service.client.post(f"/v1/sessions/{session_id}/reset")
    assert (answer.status_code, answer.content) == (204, b"")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/sessions/nobody"),
        ("DELETE", "/v1/sessions/nobody"),
        ("POST", "/v1/sessions/nobody/reset"),
        ("POST", "/v1/sessions/nobody/whep"),
        ("POST", "/v1/sessions/nobody/whip"),
        ("DELETE", "/v1/sessions/nobody/whep/v1"),
    ],
)
async def test_an_unknown_session_is_a_problem(service: Service, method: str, path: str) -> None:
    answer = await service.client.request(method, path)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "session_not_found"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "invalid_request"),
        ({"source": ""}, "invalid_request"),
        ({"source": "demo", "name": "n" * 81}, "invalid_request"),
        ({"source": "demo", "loops": True}, "invalid_request"),
        ({"source": "http://camera.example"}, "source_refused"),
        ({"source": "missing.mp4"}, "source_unreachable"),
        ({"source": "demo", "push": [{"url": "http://monitor"}]}, "push_refused"),
        ({"source": "demo", "push": [{"url": "rtsp://m", "overlay": "x"}]}, "invalid_request"),
        ({"source": "demo", "push": [{"url": "rtsp://m"}] * 5}, "invalid_request"),
    ],
)
async def test_an_unusable_wish_is_a_problem_and_makes_no_session(
    service: Service, body: dict[str, object], code: str
) -> None:
    answer = await service.client.post("/v1/sessions", json=body)
    assert answer.status_code == 422
    assert answer.json()["code"] == code
    assert service.services.registry.sessions == []


async def test_a_full_service_refuses_and_says_when_to_come_back(build: Builder) -> None:
    service = build(session={"max_sessions": 1})
    await service.create()
    answer = await service.client.post("/v1/sessions", json={"source": "demo"})
    assert answer.status_code == 503
    assert answer.json()["code"] == "session_limit"
    assert int(answer.headers["retry-after"]) > 0


async def test_the_region_is_chosen_at_creation_and_while_the_session_runs(
    service: Service,
) -> None:
    session_id = await service.create(region=[64, 32, 400, 300])
    pipeline = service.media.pipelines[0]
    assert pipeline.region_choice == rectangle_choice(64, 32, 400, 300)
    path = f"/v1/sessions/{session_id}/region"
    answer = await service.client.put(path, json={"region": "full"})
    assert (answer.status_code, answer.json()) == (200, {"mode": "full", "rectangle": None})
    pipeline.region = (0, 0, 640, 480)
    assert (await service.client.get(path)).json()["rectangle"] == [0, 0, 640, 480]
    assert (await service.client.put(path, json={"region": [1, 2, 40, 50]})).status_code == 200
    assert pipeline.region_choice == rectangle_choice(1, 2, 40, 50)
    assert (await service.client.delete(path)).status_code == 204
    assert pipeline.region_choice == AUTO


async def test_sessions_take_the_operators_region_where_they_choose_none(build: Builder) -> None:
    service = build(region="10,20,300,200", session={"max_sessions": 2})
    await service.create()
    await service.create(region="auto")
    chosen = [pipeline.region_choice for pipeline in service.media.pipelines]
    assert chosen == [rectangle_choice(10, 20, 300, 200), AUTO]


async def test_pushed_frames_are_seen_whole_where_nobody_chose_a_region(build: Builder) -> None:
    service = build(session={"max_sessions": 3})
    await service.create("frames")
    await service.create("frames", region="auto")
    await service.create("demo")
    chosen = [pipeline.region_choice for pipeline in service.media.pipelines]
    assert chosen == [FULL, AUTO, AUTO]
    service = build(region="auto")
    await service.create("frames")
    assert service.media.pipelines[0].region_choice == AUTO


@pytest.mark.parametrize(
    ("region", "code", "detail"),
    [
        ([0, 0, 31, 400], "region_invalid", "31x400 pixels are too few"),
        ([-1, 0, 100, 100], "region_invalid", "must not be negative"),
        ([620, 0, 100, 100], "region_invalid", "outside the picture of 640x480"),
        ([0, 470, 100, 100], "region_invalid", "outside the picture of 640x480"),
        ([0, 0, 100], "invalid_request", "region"),
        ("whole", "invalid_request", "region"),
        ([0.5, 0, 100, 100], "invalid_request", "region"),
    ],
)
async def test_a_region_that_cannot_be_used_is_a_problem_and_changes_nothing(
    service: Service, region: object, code: str, detail: str
) -> None:
    session_id = await service.create()
    service.media.pipelines[0].play()
    answer = await service.client.put(f"/v1/sessions/{session_id}/region", json={"region": region})
    assert answer.status_code == 422
    assert answer.json()["code"] == code
    assert detail in answer.json()["detail"]
    assert service.media.pipelines[0].region_choice == AUTO


async def test_a_session_is_given_another_source_and_another_name(service: Service) -> None:
    session_id = await service.create()
    path = f"/v1/sessions/{session_id}"
    url = "rtsp://user:secret@camera.example/stream"
    answer = await service.client.patch(path, json={"source": url})
    assert answer.status_code == 200
    assert answer.json()["source"] == {"kind": "rtsp", "label": "rtsp://camera.example/stream"}
    assert answer.json()["name"] == "rtsp://camera.example/stream"
    assert "secret" not in answer.text
    assert service.media.pipelines[0].spec.target == url
    answer = await service.client.patch(path, json={"name": " Room 1 "})
    assert answer.json()["name"] == "Room 1"
    assert answer.json()["source"]["kind"] == "rtsp"
    answer = await service.client.patch("/v1/sessions/nobody", json={"source": "demo"})
    assert (answer.status_code, answer.json()["code"]) == (404, "session_not_found")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"source": ""}, "invalid_request"),
        ({"sauce": "demo"}, "invalid_request"),
        ({"loop": True}, "invalid_request"),
        ({"source": "http://camera.example"}, "source_refused"),
        ({"source": "missing.mp4"}, "source_unreachable"),
    ],
)
async def test_a_source_that_cannot_be_used_leaves_the_session_as_it_is(
    service: Service, body: dict[str, object], code: str
) -> None:
    session_id = await service.create()
    answer = await service.client.patch(f"/v1/sessions/{session_id}", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    session = (await service.client.get(f"/v1/sessions/{session_id}")).json()
    assert session["source"]["kind"] == "demo"
