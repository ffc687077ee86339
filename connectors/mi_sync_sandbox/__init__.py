"""What the local stand-ins of the boards have in common, whatever tool they stand in for.

A store of JSON documents, faults on request, a transport without sockets, and the page of a board. What a tool's API
says lies beside its connector, in `mi_sync_<tool>.sandbox`.
"""
