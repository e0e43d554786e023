# SPDX-License-Identifier: MIT
"""Everything outside the board's network socket: the cable, its other end, what goes wrong on the way."""
