"""`python -m emoflow.cli`."""

from . import main

main()
