# SPDX-License-Identifier: MIT
"""What the device tests share: emulated boards as processes, the raw REPL, networks."""
