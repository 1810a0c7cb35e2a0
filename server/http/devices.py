"""`/v1/devices`: the capture devices of this machine."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter
from pydantic import BaseModel

from server.media.v4l2 import CaptureCard, list_devices

router = APIRouter(prefix="/v1/devices", tags=["sessions"])


class DeviceSize(BaseModel):
    """Pictures a device can deliver; `fps` is empty if its driver does not tell."""

    width: int
    height: int
    fps: list[float]


class DeviceFormat(BaseModel):
    """A form in which a device delivers; `format` is empty if it cannot be used here."""

    format: str
    description: str
    sizes: list[DeviceSize]


class DeviceView(BaseModel):
    """A capture device; `problem` says why nothing more is known of it."""

    path: str
    stable_path: str
    name: str
    formats: list[DeviceFormat]
    problem: str


class DeviceList(BaseModel):
    """All capture devices."""

    devices: list[DeviceView]


@router.get("")
async def get_devices() -> DeviceList:
    """List the capture devices of this machine, with what they deliver."""
    cards = await asyncio.to_thread(list_devices)
    return DeviceList(devices=[_card_to_view(card) for card in cards])


def _card_to_view(card: CaptureCard) -> DeviceView:
    return DeviceView(
        path=card.path,
        stable_path=card.stable_path,
        name=card.name,
        formats=[
            DeviceFormat(
                format=form.format,
                description=form.description,
                sizes=[
                    DeviceSize(width=size.width, height=size.height, fps=list(size.fps))
                    for size in form.sizes
                ],
            )
            for form in card.formats
        ],
        problem=card.problem,
    )
