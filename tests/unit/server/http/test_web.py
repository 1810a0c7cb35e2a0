from __future__ import annotations

from pathlib import Path

from tests.unit.server.http.conftest import Builder, Service


async def test_without_a_built_viewer_the_page_says_how_to_build_it(service: Service) -> None:
    answer = await service.client.get("/")
    assert answer.status_code == 503
    assert "make web" in answer.text
    assert "Not a medical device" in answer.text


async def test_the_built_viewer_is_served_and_asked_for_again(
    build: Builder, tmp_path: Path
) -> None:
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text("<title>viewer</title>")
    (tmp_path / "assets" / "app-1a2b.js").write_text("1")
    service = build(web={"directory": tmp_path})
    page = await service.client.get("/")
    assert "viewer" in page.text
    assert page.headers["cache-control"] == "no-cache"
    assert page.headers["x-content-type-options"] == "nosniff"
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
    script = await service.client.get("/assets/app-1a2b.js")
    assert "immutable" in script.headers["cache-control"]
    assert (await service.client.get("/v1/sessions")).json() == {"sessions": []}
    assert (await service.client.get("/../settings.py")).status_code == 404
