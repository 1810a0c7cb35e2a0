from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from server.app import create_app
from server.errors import SourceUnreachableError
from server.http.services import Services
from server.media.source import SourceSpec
from server.settings import Settings
from tests.fakes.fake_media import FakeMedia

BASE_URL = "http://127.0.0.1:8000"


def refuse_missing(spec: SourceSpec) -> None:
    """Stands in for the real check."""
    if spec.target.endswith("missing.mp4"):
        raise SourceUnreachableError("no such file: missing.mp4")


@dataclass
class Service:
    """An application without a worker process, and a client of it."""

    app: FastAPI
    media: FakeMedia
    client: httpx.AsyncClient

    @property
    def services(self) -> Services:
        services: Services = self.app.state.services
        return services

    async def create(self, source: str = "demo", **more: Any) -> str:
        answer = await self.client.post("/v1/sessions", json={"source": source, **more})
        assert answer.status_code == 201, answer.text
        session_id: str = answer.json()["id"]
        return session_id


class Builder:
    """Makes services with other settings, and ends them."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._made: list[Service] = []

    def __call__(
        self,
        settings: Settings | None = None,
        read: Callable[[], Settings] | None = None,
        **chosen: Any,
    ) -> Service:
        media = FakeMedia()
        if settings is None:
            chosen.setdefault("web", {"directory": self._directory})
            settings = Settings(sources=(), **chosen)
        app = create_app(settings, read=read, create_media=media, check=refuse_missing)
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        service = Service(app, media, httpx.AsyncClient(transport=transport, base_url=BASE_URL))
        self._made.append(service)
        return service

    async def aclose(self) -> None:
        for service in self._made:
            await service.client.aclose()
            await service.services.reviews.aclose()
            await service.services.registry.aclose()


@pytest.fixture
async def build(tmp_path: Path) -> AsyncIterator[Builder]:
    builder = Builder(tmp_path / "dist")
    yield builder
    await builder.aclose()


@pytest.fixture
async def service(build: Builder) -> Service:
    return build()
