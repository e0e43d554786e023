# SPDX-License-Identifier: MIT
"""Pins that can carry the lines of the I2C and SPI blocks, and by which function (data sheet table 9)."""

# block: (alternate function, {line: pins})
I2C_PINS = {
    "I2C1": (4, {"scl": ("B6", "B8"), "sda": ("B7", "B9")}),
    "I2C2": (4, {"scl": ("B10", "F1", "H4"), "sda": ("B11", "F0", "H5")}),
    "I2C3": (4, {"scl": ("A8", "H7"), "sda": ("C9", "H8")}),
}
SPI_PINS = {
    "SPI1": (5, {"sck": ("A5", "B3"), "miso": ("A6", "B4"), "mosi": ("A7", "B5")}),
    "SPI2": (5, {"sck": ("B10", "B13", "I1"), "miso": ("B14", "C2", "I2"), "mosi": ("B15", "C3", "I3")}),
    "SPI3": (6, {"sck": ("B3", "C10"), "miso": ("B4", "C11"), "mosi": ("B5", "C12")}),
}


def carried(machine, pins, line):
    """(port, pin number) of the pin that carries `line` of a block now, or None; `pins` is its row above."""
    function, lines = pins
    for name in lines[line]:
        port, number = machine[f"GPIO{name[0]}"], int(name[1:])
        if port.alternate(number) == function:
            return port, number
    return None


def block_of(table, line, pin):
    """Name of the block in `table` whose `line` can be on `pin` ("PB6"), or None."""
    for name, (_, lines) in table.items():
        if pin[1:] in lines[line]:
            return name
    return None
