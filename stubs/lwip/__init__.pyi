# SPDX-License-Identifier: MIT
"""lwIP's three APIs and the rest of the stack."""

import socket as socket
from typing import Any

from lwip import autoip as autoip
from lwip import dhcp as dhcp
from lwip import dns as dns
from lwip import etharp as etharp
from lwip import igmp as igmp
from lwip import lwiperf as lwiperf
from lwip import mdns as mdns
from lwip import mld6 as mld6
from lwip import nd6 as nd6
from lwip import netconn as netconn
from lwip import netif as netif
from lwip import raw as raw
from lwip import sntp as sntp

version: str

def options() -> dict[str, int]: ...
def stats(group: str = ..., /) -> dict[str, Any]: ...
