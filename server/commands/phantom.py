"""`sali phantom`: renders a scene with known polyps to a video file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    out: Annotated[Path, typer.Option("-o", "--out", help="Video to write (.mp4 or .mkv).")],
    truth: Annotated[
        Path | None, typer.Option(help="Masks of every frame to write, JSON lines.")
    ] = None,
    seconds: Annotated[float, typer.Option(help="Length of the scene.")] = 60.0,
    seed: Annotated[int, typer.Option(help="Which scene; every seed is another colon.")] = 0,
    width: Annotated[int, typer.Option(help="Width in pixels, even.")] = 640,
    height: Annotated[int, typer.Option(help="Height in pixels, even.")] = 480,
    fps: Annotated[float, typer.Option(help="Frames per second.")] = 25.0,
    frame_code: Annotated[
        bool, typer.Option("--frame-code", help="Burn the frame's number into the picture.")
    ] = False,
    polyps: Annotated[bool, typer.Option(help="Let polyps grow in this colon.")] = True,
) -> None:
    """Render a colonoscopy-like scene whose polyps are known to the pixel."""
    from rich.progress import Progress

    from sali_core.data.phantom import PhantomConfig
    from server.phantom_video import write_phantom_video

    config = PhantomConfig(
        width=width,
        height=height,
        fps=fps,
        seconds=seconds,
        seed=seed,
        frame_code=frame_code,
        polyps=polyps,
    )
    with Progress() as progress:
        bar = progress.add_task(out.name, total=config.frames)
        write_phantom_video(
            config, out, truth, lambda done, _total: progress.update(bar, completed=done)
        )
    typer.echo(f"{config.frames} frames; video {out}" + (f", masks {truth}" if truth else ""))
