"""`kansatsu version`: which version this is."""

import click

from kansatsu import __version__


@click.command()
def version() -> None:
    """Print the version."""
    click.echo(f"kansatsu {__version__}")
