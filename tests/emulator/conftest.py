# SPDX-License-Identifier: MIT
"""A board without a CPU, on which the models are tested one by one against the reference manual."""

import pytest
from emulator.machine import Machine


@pytest.fixture
def machine():
    """Strict: whatever a model reports fails the test."""
    return Machine(strict=True)
