from __future__ import annotations

from tests.unit.server.http.conftest import Service


async def test_a_running_process_is_alive(service: Service) -> None:
    assert (await service.client.get("/livez")).status_code == 200


async def test_without_a_warm_worker_the_service_is_not_ready_and_says_why(
    service: Service,
) -> None:
    answer = await service.client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["code"] == "worker_not_ready"
    assert answer.json()["detail"] == "the AI worker is stopped"


async def test_metrics_are_prometheus_text_in_base_units_without_names(service: Service) -> None:
    session_id = await service.create(name="Jane Doe")
    answer = await service.client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    for line in (
        "sali_sessions 1.0",
        "sali_viewers 0.0",
        "sali_mask_readers 0.0",
        "sali_worker_ready 0.0",
        "sali_worker_restarts_total 0.0",
        "sali_frames_received_total 0.0",
        "# TYPE sali_mask_age_seconds histogram",
    ):
        assert line in answer.text.splitlines()
    assert session_id not in answer.text
    assert "Jane" not in answer.text


async def test_the_schema_of_the_configuration_is_served(service: Service) -> None:
    schema = (await service.client.get("/v1/config/schema")).json()
    assert schema["properties"]["sources"]["default"] == ["demo"]
    assert schema["additionalProperties"] is False
