"""`python -m evalrun`: the same program as the console script."""

from evalrun.cli import main

main()
