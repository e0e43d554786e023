#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes the C tables of pin names from a board's pins.csv (lines "name,pin of the chip").

make_pins.py pins.csv PACKAGE, the latter being how many pins the chip's package has: 100, 144 or 176.
"""

import re
import sys

PORTS = "ABCDEFGHI"
PINS = [f"P{port}{bit}" for port in PORTS for bit in range(16)]


def port_pins(ports, bits=16):
    return {f"P{port}{bit}" for port in ports for bit in range(bits)}


# What is bonded out, after the data sheet's pin table (DS8626, table 7): whole ports and PH0, PH1 (OSC).
PACKAGES = {
    "100": port_pins("ABCDE") | {"PH0", "PH1"},
    "144": port_pins("ABCDEFG") | {"PH0", "PH1"},
    "176": port_pins("ABCDEFGH") | port_pins("I", 12),
}


def read_names(path, package):
    names = {}
    with open(path) as file:
        for number, line in enumerate(file, 1):
            line = line.split("#")[0].strip()
            if not line:
                continue
            parts = [part.strip() for part in line.split(",")]
            if len(parts) != 2 or not re.fullmatch(r"[A-Za-z_]\w*", parts[0]):
                sys.exit(f"{path}:{number}: want NAME,PIN")
            if parts[1] not in PINS:
                sys.exit(f"{path}:{number}: no pin {parts[1]} on this chip")
            if parts[1] not in PACKAGES[package]:
                sys.exit(f"{path}:{number}: no pin {parts[1]} on a package of {package} pins")
            if parts[0] in names:
                sys.exit(f"{path}:{number}: {parts[0]} is there twice")
            names[parts[0]] = parts[1]
    return names


def print_dict(name, entries):
    print(f"static const mp_rom_map_elem_t {name}_table[] = {{")
    for key, pin in entries:
        index = PINS.index(pin)
        print(f"    {{ MP_ROM_QSTR(MP_QSTR_{key}), MP_ROM_PTR(&machine_pin_objs[{index}]) }},")
    print("};")
    print(f"MP_DEFINE_CONST_DICT({name}, {name}_table);\n")


def main():
    path, package = sys.argv[1:]
    if package not in PACKAGES:
        sys.exit(f"PACKAGE_PINS = {package}: there are {', '.join(PACKAGES)}")
    names = read_names(path, package)
    print("// Made by machine/make_pins.py.")
    print('#include "machine/machine_pin.h"\n')
    print("const machine_pin_obj_t machine_pin_objs[] = {")
    for index, pin in enumerate(PINS):
        print(f"    {{ {{ &machine_pin_type }}, {index}, MP_QSTR_{pin} }},")
    print("};\n")
    print_dict("machine_pin_cpu_dict", [(pin, pin) for pin in PINS if pin in PACKAGES[package]])
    print_dict("machine_pin_board_dict", names.items())


main()
