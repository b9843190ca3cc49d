"""`kansatsu config`: the effective settings and where each came from, so that nobody has to guess which layer won."""

from typing import Any

import click

from kansatsu.cli import daemon, options
from kansatsu.cli.output import again, emit, hint, output_option


@click.command()
@output_option
@options.setting_options
def config(form: str, **given: Any) -> None:
    """Show the effective settings and where each value came from."""
    effective = options.load(**given)
    rows = [{"setting": name, "value": value, "source": source} for name, value, source in effective.shown()]
    emit(rows, ("setting", "value", "source"), form)
    if daemon.running(effective.settings.data_dir) is None:
        hint(again("up -d"), form)
