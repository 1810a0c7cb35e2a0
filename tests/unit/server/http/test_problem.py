from __future__ import annotations

import pytest

from server.errors import ServiceError
from tests.unit.server.http.conftest import Service


def all_errors(root: type[ServiceError] = ServiceError) -> list[type[ServiceError]]:
    return [root, *(found for child in root.__subclasses__() for found in all_errors(child))]


def test_every_error_has_a_code_of_its_own() -> None:
    codes = [error.code for error in all_errors() if error.__module__.startswith("server.")]
    assert len(codes) == len(set(codes))
    assert all(code.replace("_", "").isalpha() for code in codes)


async def test_unknown_paths_and_methods_are_problems(service: Service) -> None:
    for method, path, status, code in (
        ("GET", "/v1/nothing", 404, "not_found"),
        ("PUT", "/v1/sessions", 405, "method_not_allowed"),
    ):
        answer = await service.client.request(method, path)
        assert answer.headers["content-type"] == "application/problem+json"
        problem = answer.json()
        assert (answer.status_code, problem["status"], problem["code"]) == (status, status, code)
        assert problem["type"] == f"urn:sali:problem:{code}"


async def test_broken_json_is_a_problem_that_does_not_repeat_it(service: Service) -> None:
    answer = await service.client.post(
        "/v1/sessions", content=b'{"source": secret', headers={"content-type": "application/json"}
    )
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert "secret" not in answer.text


async def test_a_fault_of_ours_is_a_problem_without_details(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: object) -> None:
        raise KeyError("password")

    monkeypatch.setattr(type(service.services.registry), "sessions", property(fail))
    answer = await service.client.get("/v1/sessions")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert "password" not in answer.text
