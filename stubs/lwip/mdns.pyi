# SPDX-License-Identifier: MIT
"""lwip.mdns: names and services without a server."""

from collections.abc import Callable, Sequence
from typing import Any

from lwip.netif import Netif

MAX_REQUESTS: int
MAX_SERVICES: int
PROBING_CONFLICT: int
PROBING_SUCCESSFUL: int
PROTO_TCP: int
PROTO_UDP: int
SEARCH_RESULT_FIRST: int
SEARCH_RESULT_LAST: int
TYPE_A: int
TYPE_AAAA: int
TYPE_PTR: int
TYPE_SRV: int
TYPE_TXT: int

def init() -> None: ...
def deinit() -> None: ...
def register_name_result_cb(function: Callable[[Netif, int, int], object] | None, /) -> None: ...
def add_netif(netif: Netif | int | str, hostname: str, /) -> None: ...
def remove_netif(netif: Netif | int | str, /) -> None: ...
def rename_netif(netif: Netif | int | str, hostname: str, /) -> None: ...
def netif_active(netif: Netif | int | str, /) -> bool: ...
def restart(netif: Netif | int | str, delay_ms: int = ..., /) -> None: ...
def announce(netif: Netif | int | str, /) -> None: ...
def add_service(
    netif: Netif | int | str,
    name: str,
    service: str,
    proto: int,
    port: int,
    txt: Sequence[str | bytes] = (),
    /,
) -> int: ...
def del_service(netif: Netif | int | str, slot: int, /) -> None: ...
def rename_service(netif: Netif | int | str, slot: int, name: str, /) -> None: ...
def txt(netif: Netif | int | str, slot: int, items: Sequence[str | bytes] = ..., /) -> list[bytes] | None: ...
def search_service(
    name: str | None,
    service: str,
    proto: int,
    netif: Netif | int | str,
    found: Callable[[str, int, int, Any, int], object],
    /,
) -> int: ...
def search_stop(request: int, /) -> None: ...
