# SPDX-License-Identifier: MIT
"""The request lines between peripherals and the DMA controllers."""


def request(machine, signal, level):
    """Drive request line `signal` ("USART1_RX", "TIM2_UP", ...) to every DMA controller on the board."""
    for name in ("DMA1", "DMA2"):
        dma = machine.peripherals.get(name)
        if dma is not None:
            dma.signal(signal, level)


def pulse(machine, signal):
    """One request on `signal` that the controller remembers until it is served."""
    for name in ("DMA1", "DMA2"):
        dma = machine.peripherals.get(name)
        if dma is not None:
            dma.pulse(signal)
