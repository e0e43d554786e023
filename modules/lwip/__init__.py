# SPDX-License-Identifier: MIT
"""lwIP's three APIs and the rest of the stack. What is here is C (_lwip), so names cost no RAM."""

import sys

import _lwip
from _lwip import netconn, options, raw, socket, stats, version  # noqa: F401

# So that "import lwip.socket" and "from lwip.socket import ..." find them, too.
for _name in ("socket", "netconn", "raw"):
    sys.modules["lwip." + _name] = getattr(_lwip, _name)
