"""`sali check`: looks a machine over before people depend on it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from server.commands.config import ConfigFile

if TYPE_CHECKING:
    from server.checks.finding import Finding
    from server.settings import Settings

_NOTICE = "Not a medical device."


def check(
    config: ConfigFile = None,
    running: Annotated[
        bool,
        typer.Option(
            "--running", help="The service runs: ask whether it is ready, and leave its sources be"
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Findings as JSON")] = False,
) -> None:
    """Check device, weights, addresses, ICE servers, sources, memory, disk and clock.

    Reads the settings that `sali serve` would. Exit status 1 if something is wrong.
    """
    from server.settings import load_settings

    findings = list(_look(load_settings(config), running=running))
    is_fine = all(finding.status != "wrong" for finding in findings)
    if as_json:
        report = {"ok": is_fine, "findings": [asdict(finding) for finding in findings]}
        typer.echo(json.dumps(report, indent=2))
    else:
        for line in _lines(findings):
            typer.echo(line)
        typer.echo(f"{'All is well.' if is_fine else 'Something is wrong.'} {_NOTICE}")
    if not is_fine:
        raise typer.Exit(1)


def _look(settings: Settings, *, running: bool) -> Iterable[Finding]:
    """Look at one thing after the other."""
    from server.checks import collector, machine, network, service

    yield service.check_settings(settings)
    yield machine.check_device(settings.worker)
    yield machine.check_weights(settings.worker)
    yield service.check_viewer(settings.web)
    if running:
        yield service.check_readiness(settings.listen)
        yield from service.check_running_settings(settings)
    else:
        yield network.check_address(settings.listen)
        yield from service.check_sources(settings)
    yield network.check_media_addresses()
    yield from asyncio.run(network.check_ice_servers(settings.ice_servers))
    yield from collector.check_collector(settings.traces)
    yield machine.check_memory()
    yield machine.check_disk(settings.demo)
    yield machine.check_clock()
    yield machine.check_open_files()


def _lines(findings: Iterable[Finding]) -> Iterable[str]:
    """Write findings for people."""
    for finding in findings:
        yield f"{finding.status:<6} {finding.subject}: {finding.detail}"
        if finding.cure:
            yield f"       cure: {finding.cure}"
