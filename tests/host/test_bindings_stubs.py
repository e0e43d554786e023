# SPDX-License-Identifier: MIT
"""The type stubs in stubs/ name exactly what the built image has."""

import ast
import os

import pytest
from host.bindings import harness

STUBS = os.path.join(harness.TOP, "stubs")
# Of the firmware, not of the bindings: tests/device/test_machine_stubs.py compares them with a board.
DEVICE_ONLY = {"machine.pyi", "onewire.pyi", "ds18x20.pyi", "neopixel.pyi", "dht.pyi"}
MODULES = sorted(
    os.path.relpath(os.path.join(directory, name), STUBS)
    for directory, _, names in os.walk(STUBS)
    for name in names
    if name.endswith(".pyi") and name not in DEVICE_ONLY
)
# What instances have and classes do not: dir() of a class does not show it.
INSTANCES = {
    "socket.socket": "socket.socket()",
    "lwip.netconn.Netconn": "lwip.netconn.Netconn()",
    "lwip.netif.Netif": "lwip.netif.list()[0]",
    "lwip.raw.TCP": "lwip.raw.TCP()",
    "lwip.raw.UDP": "lwip.raw.UDP()",
    "lwip.raw.RawIP": "lwip.raw.RawIP(1)",
    "lwip.raw.Pbuf": "lwip.raw.Pbuf(1)",
}
# The type of a buffer's view has no name in a module.
TYPES_ONLY = {"lwip.raw": {"View"}, "socket": {"Address"}}


def names(body):
    """({name}, {class: (methods, attributes)}) that a stub's statements define."""
    found, classes = set(), {}
    for node in body:
        if isinstance(node, ast.FunctionDef):
            found.add(node.name)
        elif isinstance(node, ast.AnnAssign):
            found.add(node.target.id)
        elif isinstance(node, ast.Assign):
            found.update(target.id for target in node.targets)
        elif isinstance(node, ast.ClassDef):
            found.add(node.name)
            methods = {n.name for n in node.body if isinstance(n, ast.FunctionDef)}
            attributes = {n.target.id for n in node.body if isinstance(n, ast.AnnAssign)}
            classes[node.name] = methods, attributes
        elif isinstance(node, ast.Import | ast.ImportFrom):
            found.update(alias.asname for alias in node.names if alias.asname == alias.name)
    return found, classes


def public(found):
    return {name for name in found if not name.startswith("_")}


@pytest.mark.parametrize("path", MODULES)
def test_stub__same_names(bindings, path):
    """Module, classes and attributes of instances: nothing is missing in the stub, and nothing invented."""
    module = path[: -len(".pyi")].replace(os.sep, ".").removesuffix(".__init__")
    with open(os.path.join(STUBS, path)) as file:
        found, classes = names(ast.parse(file.read()).body)
    types_only = TYPES_ONLY.get(module, set())
    classes = {name: members for name, members in classes.items() if name not in types_only}
    script = "import lwip, socket\n" + "".join(
        f"print(*dir({value}))\n" for value in [module, *(f"{module}.{name}" for name in classes)]
    )
    lines = [public(line.split()) for line in bindings.run(script).splitlines()]
    assert public(found) - types_only == lines[0]
    for (name, (methods, attributes)), real in zip(classes.items(), lines[1:], strict=True):
        assert public(methods) == real, name
        instance = INSTANCES.get(f"{module}.{name}")
        if instance:
            script = f"import lwip, socket\nx = {instance}\nprint(all(hasattr(x, n) for n in {attributes}))"
            assert bindings.run(script) == "True\n", name


def test_stubs__of_every_module(bindings):
    """No module of the package is without a stub."""
    out = bindings.run("""
        import lwip, sys
        for name in sys.modules:
            if name.startswith("lwip.") and name != "lwip.socket":
                print(name)
    """)
    assert set(out.split()) == {
        path[: -len(".pyi")].replace(os.sep, ".")
        for path in MODULES
        if path != "socket.pyi" and "__" not in path
    }
