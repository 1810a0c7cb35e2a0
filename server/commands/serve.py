"""`sali serve`: run the service."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

import typer

from server.commands.config import ConfigFile


def serve(
    source: Annotated[
        list[str] | None,
        typer.Option(
            help="demo, whip, frames, a file's path, /dev/videoN or an rtsp:// URL; may be repeated"
        ),
    ] = None,
    loop: Annotated[bool, typer.Option("--loop", help="Start files again at their end")] = False,
    push: Annotated[
        list[str] | None,
        typer.Option(
            help="Send the video to this rtsp://, rtmp:// or srt:// URL; may be repeated, one for "
            "each --source"
        ),
    ] = None,
    push_overlay: Annotated[
        str | None, typer.Option(help="burned or clean: whether masks are drawn into it")
    ] = None,
    region: Annotated[
        str | None, typer.Option(help="What the AI sees: auto, full or x,y,width,height in pixels")
    ] = None,
    config: ConfigFile = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on")] = None,
    weights: Annotated[str | None, typer.Option(help="Known weights, or a file")] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu or cuda")] = None,
    model: Annotated[
        str | None, typer.Option(help="What runs the weights: an installed model")
    ] = None,
) -> None:
    """Serve live video with its masks; open the printed address in a browser."""
    from server.launch import run_service
    from server.settings import load_settings

    flat = {"sources": source or None, "loop": loop or None, "region": region}
    listen = {"host": host, "port": port}
    pushed = {"urls": push or None, "overlay": push_overlay}
    worker = {"weights": weights, "device": device, "model": model}
    given = _given(flat, {"listen": listen, "push": pushed, "worker": worker})
    run_service(partial(load_settings, config, **given))


def _given(flat: dict[str, Any], groups: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Return the settings that were given on the command line."""
    chosen = {name: value for name, value in flat.items() if value is not None}
    for name, group in groups.items():
        given = {key: value for key, value in group.items() if value is not None}
        if given:
            chosen[name] = given
    return chosen
