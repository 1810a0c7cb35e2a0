"""`sali devices`: list the capture devices of this machine."""

from __future__ import annotations

import typer

from server.media.v4l2 import CaptureCard, CaptureSize, list_devices


def command() -> None:
    """List capture devices with what they deliver, as `--source` takes them."""
    cards = list_devices()
    if not cards:
        typer.echo("no capture device is plugged in (there is no /dev/videoN that gives pictures)")
    for card in cards:
        typer.echo("\n".join(describe(card)))


def describe(card: CaptureCard) -> list[str]:
    """Return lines about a device."""
    lines = [f"{card.path}  {card.name}".rstrip()]
    if card.stable_path:
        lines.append(f"  stays the same: {card.stable_path}")
    if card.problem:
        lines.append(f"  {card.problem}")
    for form in card.formats:
        name = form.format or "(cannot be used)"
        lines.append(f"  {name:<16}  {form.description}")
        lines += [f"    {_size_line(size)}" for size in form.sizes]
    source = _source(card)
    return [*lines, f"  sali serve --source '{source}'"] if source else lines


def _size_line(size: CaptureSize) -> str:
    rates = ", ".join(f"{fps:g}" for fps in size.fps)
    return f"{size.width}x{size.height}" + (f" at {rates} pictures a second" if rates else "")


def _source(card: CaptureCard) -> str:
    """Return a source that asks for a device's greatest pictures; empty if it has none."""
    usable = [(size, form) for form in card.formats if form.format for size in form.sizes]
    if not usable:
        return ""
    size, form = max(
        usable, key=lambda one: (one[0].width * one[0].height, max(one[0].fps, default=0))
    )
    rate = f"&fps={max(size.fps):g}" if size.fps else ""
    path = card.stable_path or card.path
    return f"{path}?size={size.width}x{size.height}{rate}&format={form.format}"
