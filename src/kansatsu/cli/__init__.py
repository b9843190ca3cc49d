"""The command line: `main` is the entry point; everything else is imported by the command that needs it."""


def main() -> None:
    """Run `kansatsu`; leaves with the exit codes of docs/cli.md."""
    from kansatsu.cli.root import cli

    cli(prog_name="kansatsu")


__all__ = ["main"]
