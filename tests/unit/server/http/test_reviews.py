from __future__ import annotations

import asyncio
from pathlib import Path

import httpx

from tests.fakes.coded_film import write_coded_film
from tests.unit.server.http.conftest import Builder, Service


async def opened(service: Service, film: Path) -> str:
    answer = await service.client.post("/v1/reviews", json={"file": str(film)})
    assert answer.status_code == 201, answer.text
    assert answer.headers["Location"] == f"/v1/reviews/{answer.json()['id']}"
    review_id: str = answer.json()["id"]
    return review_id


async def copied(service: Service, review_id: str) -> httpx.Response:
    """The review's state once the film is there; no worker runs here that would compute masks."""
    async with asyncio.timeout(60):
        while True:
            answer = await service.client.get(f"/v1/reviews/{review_id}")
            if answer.json()["film"]["is_complete"]:
                return answer
            await asyncio.sleep(0.01)


async def test_the_film_is_there_before_any_mask_is(build: Builder, tmp_path: Path) -> None:
    # All pictures are for the AI, which does not run here.
    service = build(region="full", view={"is_checked": False})
    film = write_coded_film(tmp_path / "film.mp4", 30)
    review_id = await opened(service, film)
    state = (await copied(service, review_id)).json()
    assert state["file"] == str(film)
    assert state["state"] == "waiting"
    assert state["computed_to_pts"] == 0
    assert state["notice"] == "Not a medical device."
    parts = (await service.client.get(f"/v1/reviews/{review_id}/film")).json()["parts"]
    assert [part[:2] for part in parts] == [[0, 90_000], [90_000, 108_000]]
    rest = await service.client.get(f"/v1/reviews/{review_id}/film?first=1")
    assert rest.json() == {"first": 1, "parts": parts[1:]}
    content = await service.client.get(f"/v1/reviews/{review_id}/film/1")
    assert content.headers["cache-control"] == "no-store"
    assert len(content.content) == parts[1][2]
    masks = await service.client.get(f"/v1/reviews/{review_id}/masks?from_pts=0&to_pts=90000")
    assert masks.json() == {"from_pts": 0, "to_pts": 90_000, "computed_to_pts": 0, "masks": []}
    timeline = await service.client.get(f"/v1/reviews/{review_id}/timeline")
    assert timeline.json() == {"stretches": [], "findings": [], "computed_to_pts": 0}


async def test_the_same_file_again_is_the_same_review(service: Service, tmp_path: Path) -> None:
    film = write_coded_film(tmp_path / "film.mp4", 3)
    review_id = await opened(service, film)
    again = await service.client.post("/v1/reviews", json={"file": str(film)})
    assert (again.status_code, again.json()["id"]) == (200, review_id)
    listed = (await service.client.get("/v1/reviews")).json()["reviews"]
    assert [review["id"] for review in listed] == [review_id]


async def test_a_deleted_review_is_gone(service: Service, tmp_path: Path) -> None:
    review_id = await opened(service, write_coded_film(tmp_path / "film.mp4", 3))
    assert (await service.client.delete(f"/v1/reviews/{review_id}")).status_code == 204
    gone = await service.client.get(f"/v1/reviews/{review_id}")
    assert (gone.status_code, gone.json()["code"]) == (404, "review_not_found")


async def test_a_part_that_is_not_there_is_told_so(service: Service, tmp_path: Path) -> None:
    review_id = await opened(service, write_coded_film(tmp_path / "film.mp4", 3))
    answer = await service.client.get(f"/v1/reviews/{review_id}/film/99")
    assert (answer.status_code, answer.json()["code"]) == (404, "review_part_not_found")


async def test_a_missing_file_is_refused_in_words(service: Service) -> None:
    answer = await service.client.post("/v1/reviews", json={"file": "/videos/missing.mp4"})
    assert answer.json()["code"] == "source_unreachable"


async def test_the_film_needs_the_token(build: Builder, tmp_path: Path) -> None:
    service = build(auth={"token": "x" * 32})
    answer = await service.client.get("/v1/reviews/abc/film/0")
    assert answer.status_code == 401
