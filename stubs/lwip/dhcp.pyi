# SPDX-License-Identifier: MIT
"""lwip.dhcp: the DHCP client."""

from typing import Any

from lwip.netif import Netif

STATE_BACKING_OFF: int
STATE_BOUND: int
STATE_CHECKING: int
STATE_INFORMING: int
STATE_INIT: int
STATE_OFF: int
STATE_REBINDING: int
STATE_REBOOTING: int
STATE_RENEWING: int
STATE_REQUESTING: int
STATE_SELECTING: int

def start(netif: Netif | int | str, /) -> None: ...
def renew(netif: Netif | int | str, /) -> None: ...
def release(netif: Netif | int | str, /) -> None: ...
def stop(netif: Netif | int | str, /) -> None: ...
def release_and_stop(netif: Netif | int | str, /) -> None: ...
def inform(netif: Netif | int | str, /) -> None: ...
def supplied_address(netif: Netif | int | str, /) -> bool: ...
def data(netif: Netif | int | str, /) -> dict[str, Any] | None: ...
