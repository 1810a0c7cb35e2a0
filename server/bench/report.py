"""Results as Markdown, for the screen and for docs/benchmarks/media.md alike."""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from server.bench import glass, relay_delay
from server.bench.glass import GlassResult
from server.bench.many_inputs import InputsResult
from server.bench.many_viewers import ViewersResult
from server.bench.percentiles import Percentiles
from server.bench.relay_delay import RelayResult
from server.errors import BenchError
from server.masks.message import NOTICE

RELAY_BOUND_MS = 15
"""What the relay may add at p99 on loopback."""

_PLAYERS: dict[relay_delay.Player, str] = {
    "packets": "An RTSP source, read straight and by WHEP, up to the coded picture",
    "chromium": "A WebRTC source in Chromium both ways, up to the decoded picture",
}

DECODED_BOUND = 0.995
"""Share of the pictures of many inputs that is to be decoded."""


def glass_lines(result: GlassResult) -> list[str]:
    """Capture to glass, a row for each source and mode."""
    model = result.settings.weights or f"a stand-in model of {result.settings.step_ms} ms a step"
    rows = []
    for mode in result.modes:
        can_match = mode.mode == "exact" and result.settings.weights is None
        rows.append(
            [
                mode.kind,
                glass.MEANINGS[mode.mode],
                f"{mode.pictures - mode.missing} of {mode.pictures}",
                _three(mode.glass),
                _three(mode.mask_message),
                f"{mode.masked}" if can_match else "-",
                _three(mode.masked_glass) if can_match else "-",
                f"{mode.wrong}" if can_match else "-",
            ]
        )
    head = ["source", "mode", "pictures seen", "capture to glass, ms",
            "capture to mask message, ms", "seen with their mask",
            "capture to mask on glass, ms", "wrong masks"]  # fmt: skip
    return [
        f"{result.settings.shape.text}; {model}; {result.settings.seconds:g} s of each; p50 / "
        f"p95 / p99; clocks compared to {result.clock_error_ms:g} ms.",
        "",
        *_table(head, rows),
    ]


def relay_lines(result: RelayResult) -> list[str]:
    """Delay added by the relay, a row for each condition of the AI."""
    rows = [
        [
            relay_delay.MEANINGS[one.condition],
            f"{one.pictures - one.missing} of {one.pictures}",
            _three(one.added),
            f"{one.added.largest_ms:.1f}" if one.added else "-",
            ", ".join(f"{p99:.1f}" for p99 in one.block_p99_ms),
        ]
        for one in result.conditions
    ]
    head = [
        "AI",
        "pictures that came both ways",
        "added, ms",
        "largest, ms",
        "p99 of each block, ms",
    ]
    worst = max((one.added.p99_ms for one in result.conditions if one.added), default=None)
    verdict = "nothing came through" if worst is None else _kept(
        f"largest p99 {worst:.1f} ms, bound {RELAY_BOUND_MS} ms", worst <= RELAY_BOUND_MS
    )  # fmt: skip
    return [
        f"{_PLAYERS[result.player]}; {result.shape.text}; blocks of {result.block_s:g} s in turn; "
        "p50 / p95 / p99.",
        "",
        *_table(head, rows),
        "",
        f"{verdict}.{_beside_working(result)}",
    ]


def _beside_working(result: RelayResult) -> str:
    """Say which conditions lie within what blocks with the AI at work vary by themselves."""
    blocks = {one.condition: one.block_p99_ms for one in result.conditions if one.block_p99_ms}
    usual = blocks.pop("working", None)
    if usual is None or not blocks:
        return ""
    same = [name for name, p99s in blocks.items() if statistics.median(p99s) <= max(usual)]
    more = [name for name in blocks if name not in same]
    text = f" p99 of blocks with the AI at work: {min(usual):.1f} to {max(usual):.1f} ms; "
    text += f"median block within that: {', '.join(same) or 'none'}"
    return f"{text}; above it: {', '.join(more)}." if more else f"{text}."


def inputs_lines(result: InputsResult) -> list[str]:
    """Share of pictures decoded, and the cost."""
    settings = result.settings
    least = min(one.share for one in result.inputs)
    sent = sum(one.sent for one in result.inputs)
    lost = sent - sum(one.decoded for one in result.inputs)
    drops = ", ".join(f"{cause} {count}" for cause, count in result.drops.items()) or "none"
    rows = [
        ["pictures sent", f"{sent}"],
        ["decoded", f"{result.share:.4%} (worst input {least:.4%}; {lost} not)"],
        ["not decoded, by the service's counters", f"{result.undecoded}"],
        ["counters that moved", drops],
        ["encoders", f"{result.encoders}"],
        ["server process, share of one core", f"{result.server_cpu:.0%}"],
        ["worker process (stand-in model)", f"{result.worker_cpu:.0%}"],
        ["publisher process", f"{result.publisher_cpu:.0%}"],
    ]
    verdict = _kept(
        f"{result.share:.3%} decoded, bound {DECODED_BOUND:.1%}", result.share >= DECODED_BOUND
    )
    return [
        f"{settings.inputs} {settings.kind.upper()} inputs of {settings.shape.text}, "
        f"{result.seconds:g} s.",
        "",
        *_table(["what", "value"], rows),
        "",
        f"{verdict}.",
    ]


def viewers_lines(result: ViewersResult) -> list[str]:
    """What viewers cost, a row for each kind of block."""
    settings = result.settings
    rows = []
    for viewers, burned in ((1, False), (settings.viewers, False), (1, True)):
        blocks = result.like(viewers, burned=burned)
        rows.append(
            [
                f"{viewers}, {'burned in' if burned else 'relayed'}",
                f"{max(block.encoders for block in blocks)}",
                f"{result.server_cpu(viewers, burned=burned):.1%}",
                ", ".join(f"{block.server_cpu:.1%}" for block in blocks),
                f"{min(block.fps for block in blocks):.1f}",
                f"{sum(block.dropped for block in blocks)}",
            ]
        )
    head = ["viewers", "encoders", "server, share of one core", "each block",
            "least fps at a viewer", "not sent: viewer late"]  # fmt: skip
    encoders = max(block.encoders for block in result.like(settings.viewers))
    cost = (
        f"one more viewer costs {result.cpu_per_viewer:.1%} of a core"
        if result.has_followed
        else "the machine was too busy for all viewers, so that the processor times mean nothing"
    )
    return [
        f"One source of {settings.shape.text}; blocks of {settings.block_s:g} s in turn.",
        "",
        *_table(head, rows),
        "",
        f"{_kept(f'{settings.viewers} viewers and {encoders} encoders', encoders == 0)}; {cost}.",
    ]


def conditions_line(machine: dict[str, Any]) -> str:
    """Say where and when."""
    load = machine["load_before"]
    return (
        f"{machine['date']}, {machine['cpu']}, {machine['cores']} cores, load before {load}. "
        f"`{machine['command']}`. {NOTICE}"
    )


def write_section(page: Path, name: str, lines: Sequence[str]) -> None:
    """Put lines between the marks of a section of a Markdown page.

    Raises:
        BenchError: The page has no such marks.
    """
    begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    text = page.read_text()
    before, found_begin, rest = text.partition(begin)
    _, found_end, after = rest.partition(end)
    if not (found_begin and found_end):
        raise BenchError(f"{page} has no place for the figures: lines {begin} and {end}")
    page.write_text(before + "\n".join([begin, *lines, end]) + after)


def check_section(page: Path, name: str) -> None:
    """Refuse early a page that `write_section` would refuse.

    Raises:
        BenchError: It has no marks, or cannot be read.
    """
    try:
        text = page.read_text()
    except OSError as exc:
        raise BenchError(f"{page} cannot be read: {exc.strerror}") from exc
    if not all(mark in text for mark in (f"<!-- {name} -->", f"<!-- /{name} -->")):
        raise BenchError(f"{page} has no lines <!-- {name} --> and <!-- /{name} -->")


def to_json(machine: dict[str, Any], result: dict[str, Any]) -> str:
    """Write a result with where it was measured."""
    return json.dumps({"machine": machine, **result}, indent=2) + "\n"


def _kept(what: str, is_kept: bool) -> str:
    return f"{'Kept' if is_kept else '**Not kept**'}: {what}"


def _three(spread: Percentiles | None) -> str:
    if spread is None:
        return "-"
    return f"{spread.p50_ms:.1f} / {spread.p95_ms:.1f} / {spread.p99_ms:.1f}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [_row(head), _row(["---"] * len(head)), *(_row(row) for row in rows)]


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
