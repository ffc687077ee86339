"""`python -m mi_sync` is `mi-sync`."""

from mi_sync.cli import main

main()
