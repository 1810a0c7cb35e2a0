"""`sali weights`: imports other people's checkpoints, lists and shows weights files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from sali_core.evaluation.calibration import Calibration
    from sali_core.weights.facts import WeightsFacts
    from sali_core.weights.importing import Imported

app = typer.Typer(
    help="Import, list and show weights files. Not a medical device.", no_args_is_help=True
)

_COLUMNS = ("name", "network", "backbone", "input", "parameters", "threshold", "size", "sha256")
_DISCLAIMER = "Research use only. Not a medical device."


@app.command("import")
def import_weights(
    checkpoint: Annotated[
        Path, typer.Argument(help="A state dict: torch.save'd (.pth, .pt) or .safetensors.")
    ],
    out: Annotated[Path, typer.Option("-o", "--out", help="File to write (.safetensors).")],
    name: Annotated[
        str | None, typer.Option(help="Name written into it; otherwise that of the file.")
    ] = None,
    threshold: Annotated[
        float | None, typer.Option(help="On the probability; 0.5 if not given.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over an existing file.")] = False,
) -> None:
    """Write CHECKPOINT in this project's format, in float32.

    Recognised by itself: the authors' released SALI, a network trained here (last.pt), and plain
    backbones (timm's, original PVTv2). Research use only. Not a medical device.
    """
    from sali_core.weights.facts import read_facts
    from sali_core.weights.importing import import_checkpoint

    imported = import_checkpoint(checkpoint, out, name=name, threshold=threshold, force=force)
    for line in _report(checkpoint, read_facts(out), imported, chosen=threshold is not None):
        typer.echo(line)


@app.command("calibrate")
def calibrate_weights(
    weights: Annotated[str, typer.Argument(help="A shipped name or a .safetensors file.")],
    data: Annotated[Path, typer.Option(help="Folder with images/ and masks/.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="File to write (.safetensors).")],
    split: Annotated[str, typer.Option(help="Split of manifest.csv.")] = "val",
    tolerance: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="Mean Dice that fewer alarms may cost.")
    ] = 0.005,
    force: Annotated[bool, typer.Option("--force", help="Write over an existing file.")] = False,
) -> None:
    """Choose the two thresholds of WEIGHTS on labelled stills and write them into a copy.

    The outline's is that of the best Dice; the peak's that of the fewest alarms on parts of the
    stills without polyp. Research use only. Not a medical device.
    """
    from dataclasses import replace

    from rich.progress import Progress

    from sali_core.data.stills import StillFolder
    from sali_core.evaluation.calibration import calibrate
    from sali_core.weights.registry import resolve_weights
    from sali_core.weights.store import check_weights_output, copy_weights, load_network

    path = resolve_weights(weights)
    check_weights_output(path, out, force=force)
    network, header = load_network(path)
    pictures = StillFolder(data, split)
    with Progress(transient=True) as progress:
        bar = progress.add_task(split, total=len(pictures))
        found = calibrate(
            network,
            pictures,
            lambda _part, done, _total: progress.update(bar, completed=done),
            tolerance=tolerance,
        )
    for line in _table(_calibration_rows(found)):
        typer.echo(line)
    rule = found.chosen.rule
    copy_weights(
        path, out, replace(header, threshold=rule.threshold, peak_threshold=rule.peak_threshold)
    )
    typer.echo(
        f"{found.stills} stills, {found.crop_frames} frames without polyp; * written to {out}"
    )


@app.command("mix")
def mix(
    first: Annotated[str, typer.Argument(help="A shipped name or a .safetensors file.")],
    second: Annotated[str, typer.Argument(help="The same, of the same network.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="File to write (.safetensors).")],
    share: Annotated[float, typer.Option(min=0.0, max=1.0, help="Share of SECOND.")] = 0.5,
    force: Annotated[bool, typer.Option("--force", help="Write over an existing file.")] = False,
) -> None:
    """Write a network between FIRST and SECOND, which was trained further from it.

    Name and thresholds are SECOND's; `sali weights calibrate` chooses new ones. Research use only.
    Not a medical device.
    """
    from sali_core.weights.mixing import mix_weights
    from sali_core.weights.registry import resolve_weights
    from sali_core.weights.store import check_weights_output

    paths = [resolve_weights(weights) for weights in (first, second)]
    for path in paths:
        check_weights_output(path, out, force=force)
    mix_weights(paths[0], paths[1], share, out)
    typer.echo(f"{1 - share:g} of {first} and {share:g} of {second} written to {out}")


@app.command("list")
def list_weights(
    folder: Annotated[
        Path | None, typer.Option(help="List the weights files in this folder too.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the weights that come with the package."""
    from sali_core.weights.facts import folder_facts
    from sali_core.weights.registry import shipped_facts

    facts = shipped_facts()
    found, left_out = folder_facts(folder) if folder else ([], [])
    facts += found
    if as_json:
        typer.echo(json.dumps([_without_card(f) for f in facts], indent=2))
    else:
        for line in _table([_COLUMNS, *(_row(f) for f in facts)]):
            typer.echo(line)
    for reason in left_out:
        typer.echo(f"left out: {reason}", err=True)


@app.command("show")
def show_weights(
    weights: Annotated[str, typer.Argument(help="A shipped name or a .safetensors file.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show what WEIGHTS says of itself, its parts and its card."""
    from sali_core.weights.facts import read_facts
    from sali_core.weights.registry import resolve_weights

    facts = read_facts(resolve_weights(weights))
    if as_json:
        typer.echo(json.dumps(facts.to_dict(), indent=2))
        return
    for line in _table(_fact_rows(facts)):
        typer.echo(line)
    typer.echo("")
    shares = [(part, f"{count:,}") for part, count in facts.parts.items()]
    for line in _table([("part", "parameters"), *shares, ("all", f"{facts.parameters:,}")]):
        typer.echo(line)
    if facts.card:
        typer.echo(f"\n{facts.card.rstrip()}")


def _report(
    checkpoint: Path, facts: WeightsFacts, imported: Imported, *, chosen: bool
) -> list[str]:
    recognised = imported.recognised
    averaged = ", averaged weights" if imported.is_averaged else ""
    lines = [
        f"{checkpoint}: {recognised.what}{averaged}, backbone {recognised.backbone}, "
        f"{facts.parameters:,} parameters",
        f"written: {facts.path} ({_size(facts)}, float32, sha256 {facts.sha256[:12]})",
    ]
    if recognised.assumed:
        lines.append(f"assumed: {recognised.assumed}")
    if recognised.config is None:
        lines.append(f"use: sali train --backbone-weights {facts.path}")
    elif chosen:
        lines.append(f"threshold: {imported.threshold}, as given")
    else:
        lines.append(
            f"threshold: {imported.threshold}, not chosen on validation data; sali weights "
            f"calibrate {facts.path} --data DATA -o NEW.safetensors chooses one"
        )
    lines.append("licence: the weights stay under their makers' terms; read those before any use")
    lines.append(_DISCLAIMER)
    return lines


def _row(facts: WeightsFacts) -> tuple[str, ...]:
    config = facts.config
    return (
        facts.name,
        f"{config.topology}/{facts.profile}" if config else facts.kind,
        facts.backbone,
        f"{config.input_size}" if config else "-",
        f"{facts.parameters / 1e6:.2f} M",
        f"{facts.threshold:g}" if facts.threshold is not None else "-",
        _size(facts),
        facts.sha256[:12],
    )


def _fact_rows(facts: WeightsFacts) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [
        ("name", facts.name),
        ("file", str(facts.path)),
        ("kind", facts.kind),
    ]
    if facts.config:
        settings = facts.config.to_dict()
        rows += [("profile", str(facts.profile)), ("threshold", f"{facts.threshold:g}")]
        if facts.peak_threshold is not None:
            rows.append(("peak_threshold", f"{facts.peak_threshold:g}"))
        rows += [(name, _plain(value)) for name, value in settings.items()]
    else:
        rows.append(("backbone", facts.backbone))
    rows += [("numbers", ", ".join(facts.dtypes)), ("size", _size(facts)), ("sha256", facts.sha256)]
    return rows


def _calibration_rows(found: Calibration) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [("", "threshold", "peak", "Dice", "frames with alarm")]
    for candidate in found.candidates:
        rule = candidate.rule
        rows.append(
            (
                "*" if candidate == found.chosen else "",
                f"{rule.threshold:g}",
                "-" if rule.peak_threshold is None else f"{rule.peak_threshold:g}",
                f"{candidate.dice:.4f}",
                f"{100 * candidate.alarms:.1f} %",
            )
        )
    return rows


def _plain(value: object) -> str:
    if isinstance(value, tuple):
        pairs = ("=".join(v) if isinstance(v, tuple) else str(v) for v in value)
        return ", ".join(pairs) or "-"
    return str(value)


def _without_card(facts: WeightsFacts) -> dict[str, object]:
    return {key: value for key, value in facts.to_dict().items() if key != "card"}


def _size(facts: WeightsFacts) -> str:
    return f"{facts.size_bytes / 1e6:.1f} MB"


def _table(rows: list[tuple[str, ...]]) -> list[str]:
    """Lay rows out in columns, as wide as their widest entry."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
