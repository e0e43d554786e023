# SPDX-License-Identifier: MIT
"""Set-up from an empty Debian machine: packages, third-party sources, the venv, the emulator's core.

Runs on the system's python3 before anything else is there, so it uses the standard library only.
"""
