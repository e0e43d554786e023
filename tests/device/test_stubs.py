# SPDX-License-Identifier: MIT
"""The type stubs in stubs/ name what the board itself has: its modules, classes and attributes."""

import ast
import os

import pytest
from host.test_bindings_stubs import INSTANCES, MODULES, STUBS, TYPES_ONLY, names, public

# Without Ethernet hardware's interface the first is the loopback's, which has all of them too.
SETUP = "import lwip, socket"


@pytest.mark.parametrize("path", MODULES)
def test_stub__same_names_on_the_board(board, path):
    module = path[: -len(".pyi")].replace(os.sep, ".").removesuffix(".__init__")
    with open(os.path.join(STUBS, path)) as file:
        found, classes = names(ast.parse(file.read()).body)
    types_only = TYPES_ONLY.get(module, set())
    board.exec(SETUP)
    assert public(found) - types_only == public(board.eval(f"dir({module})"))
    for name, (methods, attributes) in classes.items():
        if name in types_only:
            continue
        assert public(methods) == public(board.eval(f"dir({module}.{name})")), name
        instance = INSTANCES.get(f"{module}.{name}")
        if instance:
            board.exec(f"x = {instance}")
            missing = board.eval(f"[n for n in {sorted(attributes)} if not hasattr(x, n)]")
            assert missing == [], name


def test_stubs__every_module_of_the_board(board):
    board.exec(SETUP + ", sys")
    loaded = board.eval("[n for n in sys.modules if n.startswith('lwip.') and n != 'lwip.socket']")
    stubs = {
        path[: -len(".pyi")].replace(os.sep, ".") for path in MODULES if path.startswith("lwip" + os.sep)
    }
    assert set(loaded) == stubs - {"lwip.__init__"}
