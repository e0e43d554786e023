# SPDX-License-Identifier: MIT
"""lwip.nd6: the table of IPv6 neighbours."""

from lwip.netif import Netif

DELAY: int
INCOMPLETE: int
PROBE: int
REACHABLE: int
STALE: int

def neighbors() -> list[tuple[str, Netif, bytes, int, bool]]: ...
def clear_destination_cache() -> None: ...
