"""The `sali` command."""

from __future__ import annotations

import sys

import typer

from sali_core.errors import SaliError
from server.commands import (
    ablate,
    bench,
    config,
    data,
    devices,
    evaluate,
    phantom,
    predict,
    run,
    train,
    weights,
)
from server.commands.check import check
from server.commands.serve import serve
from server.errors import ServiceError
from server.version import VERSION

app = typer.Typer(
    help="Live polyp masks for colonoscopy video. Not a medical device.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def version() -> None:
    """Print the version."""
    typer.echo(f"sali-live {VERSION}")


app.command("serve")(serve)
app.command("check")(check)
app.command("devices")(devices.command)
app.command("run")(run.command)
app.command("predict")(predict.command)
app.command("train")(train.command)
app.command("ablate")(ablate.command)
app.command("evaluate")(evaluate.command)
app.command("phantom")(phantom.command)
app.add_typer(config.app, name="config")
app.add_typer(bench.app, name="bench")
app.add_typer(weights.app, name="weights")
app.add_typer(data.app, name="data")
app.command("version")(version)


def main() -> None:
    """Run a command; a failure we can name is one line on standard error and exit status 1."""
    try:
        app()
    except (ServiceError, SaliError, OSError) as exc:
        line = " ".join(str(exc).split()) or type(exc).__name__
        sys.stderr.write(f"sali: error: {line}\n")
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
