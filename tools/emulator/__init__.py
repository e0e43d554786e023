# SPDX-License-Identifier: MIT
"""The STM32F407 board in software: Unicorn for the CPU, a C core for what is hot, Python for the rest.

    core/, cpu.py             instructions, exceptions, NVIC, SysTick, SCB, MPU, DWT, bit-band, virtual time
    machine.py, peripheral.py what the models stand on: bus, events, interrupt lines, registers as tables
    peripherals/              one model per peripheral, from the reference manual
    board.py, boards/         a whole board: crystal, PHY, console, button, sockets
    usb/, net/                what is at the other end of the cables
    poll.py, uart_pty.py      the world outside
    gdb.py, trace.py, profile.py, symbols.py, rtos.py, watch.py   looking in

The board as a program: python -m emulator --help. As an object:

    board = Board("firmware.elf")
    board.console.attach(sys.stdout.buffer.write)
    board.run(until=lambda: ...)

Time is virtual and a run repeats to the instruction, as long as nothing outside (pty, TAP, gdb) takes part.
"""
