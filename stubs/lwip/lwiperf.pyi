# SPDX-License-Identifier: MIT
"""lwip.lwiperf: a server and a client for iperf 2's TCP test."""

from collections.abc import Callable

CLIENT: int
DUAL: int
TCP_ABORTED_LOCAL: int
TCP_ABORTED_LOCAL_DATAERROR: int
TCP_ABORTED_LOCAL_TXERROR: int
TCP_ABORTED_REMOTE: int
TCP_DONE_CLIENT: int
TCP_DONE_SERVER: int
TCP_PORT_DEFAULT: int
TRADEOFF: int

# (type, local address, local port, remote address, remote port, bytes, ms, kbit/s)
_Report = Callable[[int, str, int, str, int, int, int, int], object] | None

class Session: ...

def start_tcp_server(addr: str, port: int, report: _Report, /) -> Session: ...
def start_tcp_server_default(report: _Report, /) -> Session: ...
def start_tcp_client(addr: str, port: int, type: int, report: _Report, /) -> Session: ...
def start_tcp_client_default(addr: str, report: _Report, /) -> Session: ...
def abort(session: Session, /) -> None: ...
