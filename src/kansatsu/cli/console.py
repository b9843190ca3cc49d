"""`kansatsu console`: the web console, opened as an administrator by a link that is good once, and for a minute."""

import os
import sys
import webbrowser
from typing import Any

import click

from kansatsu.cli import client, daemon, options
from kansatsu.cli.output import Failure, say

_PATH = "/_kansatsu/console/"


@click.command()
@click.option("--no-browser", is_flag=True, help="Print the link and open nothing.")
@options.account_option
@options.where_options
def console(no_browser: bool, whose: str | None, **given: Any) -> None:
    """Open the web console, signed in as the administrator."""
    settings = options.load(**given).settings
    control = client.connect(settings, "kansatsu", account=whose)
    endpoint = daemon.require_running(settings.data_dir).endpoint
    if settings.console is None:
        raise Failure("The console is off: the setting console says so.")
    with client.answers():
        token = control.create_console_link()["Token"]
    # INVARIANT: the token is behind the number sign, which no browser sends to a server, into a log or to a next page.
    url = f"{endpoint}{_PATH}#link={token}"
    if not no_browser and _has_browser() and webbrowser.open(url):
        say("Opened the console in the browser.")
        return
    click.echo(url)
    say("Open it in a browser on this machine, within a minute; it is good once.")


def _has_browser() -> bool:
    """Of a desktop; a browser of the terminal would take the terminal away."""
    return sys.platform != "linux" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
