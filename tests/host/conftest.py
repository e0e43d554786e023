# SPDX-License-Identifier: MIT
"""Fixtures of the host tests."""

import pytest
from host.bindings import harness


@pytest.fixture(scope="session")
def bindings_interpreter():
    return harness.build()


@pytest.fixture
def bindings(bindings_interpreter, tmp_path):
    """The bindings on MicroPython's unix port, with lwIP's loopback interface."""
    return harness.Bindings(bindings_interpreter, str(tmp_path))
