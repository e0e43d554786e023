# SPDX-License-Identifier: MIT
"""What the blocks inside the Ethernet peripheral have in common."""


class Part:
    """A block of Eth: it brings its own registers and their handlers, Eth puts them on the bus.

    eth      the peripheral: registers (`eth.regs`), what the MAC really uses (`eth.used`), other blocks
    machine  the board
    """

    REGISTERS = ()

    def __init__(self, eth):
        self.eth = eth
        self.machine = eth.machine

    def reset(self):
        """DMABMR.SR or a reset of the peripheral: queues, timers and state go."""
