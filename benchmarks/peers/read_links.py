"""The floor of planning: the links of all items, read from the state."""

import sys
from pathlib import Path

from mi_sync.state import Store

Store.open(Path(sys.argv[1]), sys.argv[2]).links("board")
