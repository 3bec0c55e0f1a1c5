"""``python -m elman``: the command line."""

from elman.cli import main

main()
