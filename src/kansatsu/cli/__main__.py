"""`python -m kansatsu.cli`, for where the script is not on PATH."""

from kansatsu.cli import main

main()
