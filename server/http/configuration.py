"""`/v1/config/schema`: what there is to set."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from server.settings import configuration_schema

router = APIRouter(tags=["configuration"])


@router.get("/v1/config/schema")
async def schema() -> dict[str, Any]:
    """Return the JSON Schema of the configuration file; no value of this service is in it."""
    return configuration_schema()
