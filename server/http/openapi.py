"""`/v1/openapi.json`: what FastAPI knows of the routes, and what it cannot know."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute
from pydantic import BaseModel

NOT_A_DEVICE = "Live polyp masks for colonoscopy video. Not a medical device."
LICENSE = {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"}
_PROBLEM = "Problem"


class Problem(BaseModel):
    """A problem document (RFC 9457); `code` is stable, `detail` is for people."""

    type: str
    title: str
    status: int
    code: str
    detail: str


# Says it of every route; FastAPI then leaves out its own form of a 422, which is not ours.
PROBLEM_RESPONSE: dict[int | str, dict[str, Any]] = {
    "default": {
        "description": "What went wrong",
        "content": {
            "application/problem+json": {"schema": {"$ref": f"#/components/schemas/{_PROBLEM}"}}
        },
    }
}


def operation_id(route: APIRoute) -> str:
    """Name an operation as its function, which generators of clients make methods of."""
    return route.name


def complete_openapi(app: FastAPI) -> None:
    """Add to the application's document what holds for every route."""
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        document = generate()
        components = document["components"]
        components["schemas"][_PROBLEM] = Problem.model_json_schema()
        components["securitySchemes"] = {
            "token": {
                "type": "http",
                "scheme": "bearer",
                "description": "SALI_AUTH__TOKEN; where none is set, none is asked for",
            }
        }
        document["security"] = [{"token": []}, {}]
        return document

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way
