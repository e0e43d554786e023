# SPDX-License-Identifier: MIT
"""lwIP's three APIs and the rest of the stack. What is here is C (_lwip), so names cost no RAM."""

import sys

import _lwip
from _lwip import *  # noqa: F403

# So that "import lwip.socket" and "from lwip.socket import ..." find them, too.
for _name in dir(_lwip):
    if isinstance(getattr(_lwip, _name), type(sys)):
        sys.modules["lwip." + _name] = getattr(_lwip, _name)
del _name, _lwip, sys
