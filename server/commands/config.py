"""`sali config`: which settings hold, where each comes from, and what there is to set."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

app = typer.Typer(help="Check, show and describe the configuration.", no_args_is_help=True)

ConfigFile = Annotated[
    Path | None,
    typer.Option("--config", help="Configuration file; else SALI_CONFIG, /etc/sali/sali.yaml"),
]
_CHECKOUT = f"{Path(__file__).resolve().parents[2]}/"


@app.command("check")
def check(config: ConfigFile = None) -> None:
    """Read the settings as `sali serve` would; one line and exit status 1 if that fails."""
    from server.app import configured_pushes
    from server.media.region import parse_region
    from server.settings import load_settings, refuse_open_listening

    settings = load_settings(config)
    refuse_open_listening(settings)
    configured_pushes(settings)
    parse_region(settings.region)
    typer.echo("The configuration can be used.")


@app.command("show")
def show(
    config: ConfigFile = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON")] = False,
) -> None:
    """Print every setting, its value and where that comes from; secrets are not shown."""
    from server.settings import load_with_origins
    from server.shown_settings import shown_value

    settings, origins = load_with_origins(config)
    rows = [(name, shown_value(settings, name), origin) for name, origin in origins.items()]
    if as_json:
        shown = {name: {"value": value, "origin": origin} for name, value, origin in rows}
        typer.echo(json.dumps(shown, indent=2))
        return
    width = max(len(name) for name, _, _ in rows)
    for name, value, origin in rows:
        typer.echo(f"{name:<{width}}  {json.dumps(value)}  ({origin})")


@app.command("schema")
def schema() -> None:
    """Print the JSON Schema of the configuration file; editors complete and check with it."""
    from server.settings import configuration_schema

    typer.echo(json.dumps(configuration_schema(), indent=2))


@app.command("env")
def env() -> None:
    """Print every environment variable with its meaning and default, as comments of a .env file."""
    from server.settings import default_settings, known_variables, setting_paths, variable_of
    from server.shown_settings import shown_value

    descriptions = known_variables()
    defaults = default_settings()
    for path in setting_paths():
        variable = variable_of(path)
        value = shown_value(defaults, ".".join(path))
        typer.echo(f"# {descriptions[variable]}")
        typer.echo(f"#{variable}={_as_variable(value).removeprefix(_CHECKOUT)}")


def _as_variable(value: Any) -> str:
    """Write a value as the environment has it."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value)
