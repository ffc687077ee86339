"""The state: what mi-sync remembers, behind one class. SQL lives here and nowhere else.

`store` says what is remembered, `schema` how it lies in tables, `locks` who may change it; `database` is the seam
behind which `sqlite` and `postgres` are, and `address` tells from a URL which of them it is. `keys` is a set of keys
that may be larger than the memory.
"""

from mi_sync.state.address import Location, Server, locate
from mi_sync.state.keys import Keys
from mi_sync.state.schema import MIGRATIONS
from mi_sync.state.store import Entry, FileRead, Standing, Stands, Store

__all__ = ["MIGRATIONS", "Entry", "FileRead", "Keys", "Location", "Server", "Standing", "Stands", "Store", "locate"]
