# SPDX-License-Identifier: MIT
"""The stubs of machine and its drivers name exactly what the board has."""

import ast

import pytest
from host.test_bindings_stubs import DEVICE_ONLY, STUBS, names, public

# What a module took in from another one, and types that stand in the stub alone.
NOT_OWN = {"bitstream", "const", "dht_readinto", "Buffer", "WriteBuffer", "PinLike"}
BASES = {"DHT11": {"measure"}, "DHT22": {"measure"}}


@pytest.mark.parametrize("path", sorted(DEVICE_ONLY))
def test_stub__same_names_as_the_board(board, path):
    """Nothing is missing, nothing invented: of the module, and of each class in it."""
    module = path.removesuffix(".pyi")
    with open(f"{STUBS}/{path}") as file:
        found, classes = names(ast.parse(file.read()).body)
    board.exec(f"import {module}")
    own = NOT_OWN if module != "machine" else {"Buffer", "WriteBuffer", "PinLike"}
    assert public(found) - own == public(board.eval(f"dir({module})")) - own
    for name, (methods, attributes) in classes.items():
        if not name.startswith("_"):
            # A class written in Python does not show what it inherits.
            real = public(board.eval(f"dir({module}.{name})")) - BASES.get(name, set())
            assert public(methods | attributes) == real, name
