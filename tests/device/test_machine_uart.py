# SPDX-License-Identifier: MIT
"""machine.UART, with the TX of UART2 wired to its RX, and its RTS to its CTS."""

import re

import pytest
from support.board import BoardError
from support.upstream_file import read

LOOP, FLOW = "PD5 to PD6 (UART2)", "PD4 to PD3 (UART2)"
SPECS = ("uart:USART2-USART2", "wire:PD4-PD3")


@pytest.fixture(scope="module")
def wired_board(start_board, shared_board, pytestconfig):
    if pytestconfig.getoption("port"):
        shared_board.drop()
    board = start_board(*(word for spec in SPECS for word in ("--attach", spec)))
    yield board
    board.close()


@pytest.fixture
def wired(wired_board):
    wired_board.soft_reset()
    wired_board.exec("import gc, time, select\nfrom machine import UART, Pin")
    return wired_board


@pytest.fixture
def uart(board):
    board.exec("from machine import UART, Pin")
    return board


@pytest.fixture
def bench(uart_board):
    """In this process, for what only a model can do."""
    uart_board.soft_reset()
    uart_board.exec("import time\nfrom machine import UART")
    return uart_board


# Set-up


def test_init__what_print_shows(uart):
    """The rate is the divider's, not the one asked for; pins are the board's own unless named."""
    said = uart.eval("repr(UART(2, 115200))")
    assert said.startswith(
        "UART(2, baudrate=115068, bits=8, parity=None, stop=1, tx=PD5, rx=PD6, rts=None, cts=None"
    )
    said = uart.eval("repr(UART(4, 9600, 7, 0, 2, tx='PC10', rx=None, timeout=30, rxbuf=99))")
    assert (
        "bits=7, parity=0, stop=2, tx=PC10, rx=None" in said and "timeout=30" in said and "rxbuf=99" in said
    )


def test_init__same_object(uart):
    """One object per port: with the id alone nothing changes."""
    assert uart.eval("UART(3, 19200) is UART(3)") is True
    assert "baudrate=1919" in uart.eval("repr(UART(3))") or "baudrate=192" in uart.eval("repr(UART(3))")


@pytest.mark.parametrize(
    "call, message",
    [
        ("UART(0)", r"UART\(0\) doesn't exist"),
        ("UART(7)", r"UART\(7\) doesn't exist"),
        ("UART(2, 0)", "invalid baudrate"),
        ("UART(2, 300)", "baudrate out of reach"),
        ("UART(2, 6_000_000)", "baudrate out of reach"),
        ("UART(2, bits=7)", "bits is 8 or 9, with parity 7 or 8"),
        ("UART(2, bits=9, parity=1)", "bits is 8 or 9, with parity 7 or 8"),
        ("UART(2, parity=2)", "parity is None, 0 or 1"),
        ("UART(2, stop=3)", "stop is 1 or 2"),
        ("UART(2, tx='PD8')", "tx cannot be on PD8"),
        ("UART(2, tx='PA2')", r"pin PA2 belongs to Ethernet"),
        ("UART(4, flow=UART.CTS)", "no pin for cts"),
        ("UART(2, flow=8)", "invalid flow"),
        ("UART(2, tx=None, rx=None)", "neither tx nor rx"),
        ("UART(2, invert=1)", "cannot invert"),
        ("UART(2, rxbuf=0)", "invalid buffer size"),
        ("UART(2, timeout=-1)", "invalid timeout"),
        ("UART(2).irq(print, 64)", "invalid trigger"),
        ("UART(2).irq(print, UART.IRQ_RX, True)", "hard interrupts are not supported"),
        ("UART(2).irq(5, UART.IRQ_RX)", "handler must be None or callable"),
    ],
)
def test_init__nonsense__ValueError(uart, call, message):
    with pytest.raises(BoardError, match=f"ValueError: .*{message}"):
        uart.exec(call)


def test_init__console_is_taken__ValueError(uart, pytestconfig):
    number = 1 if pytestconfig.getoption("board").startswith("BLACK") else 6
    with pytest.raises(BoardError, match=rf"ValueError: UART\({number}\) belongs to the console"):
        uart.exec(f"UART({number})")


def test_deinit__then_OSError(uart):
    uart.exec("u = UART(2)\nu.deinit()\nu.deinit()")
    for call in ("u.read(1)", "u.write(b'x')", "u.any()", "u.txdone()", "u.flush()", "u.sendbreak()"):
        with pytest.raises(BoardError, match=r"OSError: UART\(2\) is not initialised"):
            uart.exec(call)
    assert uart.eval("(repr(u), u.init(9600), u.any())") == ("UART(2)", None, 0)


def test_soft_reset__leaves_nothing(board):
    """Pins are inputs again, nothing of the port is left, and a new one starts empty."""
    board.exec("import gc\ngc.collect()\nfree = gc.mem_free()\nprint(free)")
    free = int(board.exec("gc.collect()\nprint(gc.mem_free())"))
    board.exec("from machine import *\nu = UART(2, rxbuf=4000)\nu.irq(print, UART.IRQ_RX)\nSPI(1)\nI2C(1)")
    board.soft_reset()
    assert board.eval("__import__('machine').Pin('PD5').mode()") == 0
    board.exec("import gc\nfree = 0")
    assert abs(int(board.exec("gc.collect()\nprint(gc.mem_free())")) - free) < 400


# Data


@pytest.mark.wires(LOOP)
def test_stream__methods(wired):
    """read, readline, readinto, any, and None where nothing comes."""
    wired.exec("u = UART(2, 115200, timeout=20)")
    assert wired.eval("(u.read(), u.read(1), u.readline(), u.readinto(bytearray(1)), u.any())") == (
        *(None,) * 4,
        0,
    )
    assert wired.eval("(u.write('one\\ntwo'), u.flush(), time.sleep_ms(1), u.any())") == (7, None, None, 7)
    assert wired.eval("(u.readline(), u.readline(), u.any())") == (b"one\n", b"two", 0)
    wired.exec("b = bytearray(4)")
    assert wired.eval("(u.write(b'abcdef'), u.readinto(b), bytes(b), u.read())") == (6, 4, b"abcd", b"ef")


@pytest.mark.wires(LOOP)
def test_stream__64_KB_at_921600(wired):
    """Sent and received at once without a gap: nothing is lost, the digests agree, the line is never idle."""
    wired.exec("import hashlib\nu = UART(2, 921600, timeout=100, rxbuf=4096, txbuf=1024)")
    script = """
block = memoryview(bytes(range(256)) * 4)
def run():
    sent, got, buf = hashlib.sha256(), hashlib.sha256(), bytearray(2048)
    put = n = 0
    start = time.ticks_us()
    while n < 65536:
        if put < 65536 and put - n < 2048:
            put += u.write(block)
            sent.update(block)
        r = u.readinto(buf, min(u.any() or 1, 2048)) or 0
        got.update(memoryview(buf)[:r])
        n += r
    return n, time.ticks_diff(time.ticks_us(), start), sent.digest() == got.digest()
"""
    wired.exec(script)
    count, us, same = wired.eval("run()", timeout=300)
    assert (count, same) == (65536, True)
    assert count * 10 * 1e6 / us > 0.95 * 913043
    assert "lost=0, errors=0" in wired.eval("repr(u)")


@pytest.mark.wires(LOOP)
@pytest.mark.parametrize(
    "frame", ["bits=8", "bits=7, parity=0", "bits=8, parity=1, stop=2", "bits=8, stop=2"]
)
def test_stream__frames(wired, frame):
    """Each kind of frame carries all its data bits, and no parity bit among them."""
    wired.exec(f"u = UART(2, 115200, {frame}, timeout=20)\nu.write(bytes(range(256)))")
    mask = 0x7F if "7" in frame else 0xFF
    assert wired.eval("u.read(256)") == bytes(n & mask for n in range(256))
    assert "errors=0" in wired.eval("repr(u)")


@pytest.mark.wires(LOOP)
def test_stream__nine_bits(wired):
    """A character is two bytes, and half of one is EINVAL."""
    wired.exec(
        "u = UART(2, 115200, bits=9, timeout=20)\nu.write(b'\\x55\\x01\\xaa\\x00\\xff\\xff')\nu.flush()"
    )
    assert wired.eval("(time.sleep_ms(1), u.any(), u.read(6))") == (None, 3, b"\x55\x01\xaa\x00\xff\x01")
    for call in ("u.write(b'abc')", "u.read(3)"):
        with pytest.raises(BoardError, match="EINVAL"):
            wired.exec(call)


@pytest.mark.wires(LOOP)
def test_timeouts(wired):
    """timeout is for the first character, timeout_char for each one after it.

    read(n) begins anew for the rest of its n, as MicroPython's streams do."""
    wired.exec("u = UART(2, 115200, timeout=60, timeout_char=20)")
    script = "t = time.ticks_ms()\nr = u.read(5)\nprint(time.ticks_diff(time.ticks_ms(), t), r)"
    ms, said = wired.exec(script).split()
    assert 60 <= int(ms) < 80 and said == "None"
    ms, said = wired.exec("u.write(b'abc')\n" + script).split()
    assert 20 + 60 <= int(ms) < 100 and said == "b'abc'"


@pytest.mark.wires(LOOP)
def test_flush__and_txdone(wired):
    """Both know of the last bit, not only of the buffer."""
    wired.exec(
        "u = UART(2, 9600)\nt = time.ticks_us()\n"
        "u.write(b'x' * 20)\na = u.txdone()\nu.flush()\n"
        "us = time.ticks_diff(time.ticks_us(), t)\nb = u.txdone()"
    )
    before, after, us = wired.eval("(a, b, us)")
    assert (before, after) == (False, True) and 20_800 <= us < 23_000


@pytest.mark.wires(LOOP)
def test_overflow__is_counted(wired):
    """Without flow control what comes after a full buffer is lost; the oldest stays."""
    wired.exec("u = UART(2, 115200, rxbuf=16)\nu.write(bytes(range(40)))\nu.flush()\ntime.sleep_ms(1)")
    assert wired.eval("u.any()") == 16
    assert "lost=24" in wired.eval("repr(u)")
    assert wired.eval("u.read()") == bytes(range(16))


@pytest.mark.wires(LOOP, FLOW)
def test_flow__nothing_is_lost(wired):
    """RTS goes up before the buffer is full, CTS holds the sender, a read lets it go on."""
    wired.exec("u = UART(2, 115200, rxbuf=64, txbuf=1024, flow=UART.RTS | UART.CTS, timeout=100)")
    wired.exec("u.write(bytes(i & 255 for i in range(1000)))\ntime.sleep_ms(50)")
    assert wired.eval("(u.any() <= 64, u.txdone())") == (True, False)
    wired.exec("r = b''\nwhile len(r) < 1000:\n time.sleep_ms(2)\n r += u.read(24) or b''")
    assert wired.eval("r == bytes(i & 255 for i in range(1000))") is True
    assert "lost=0" in wired.eval("repr(u)")


@pytest.mark.wires(LOOP)
def test_poll__and_asyncio(wired):
    """select.poll() tells when there is something; a StreamReader awaits it."""
    wired.exec("u = UART(2, 115200)\np = select.poll()\np.register(u, select.POLLIN)")
    assert wired.eval("p.poll(10)") == []
    assert wired.eval("(u.write(b'z'), len(p.poll(100)), u.read(1), p.poll(0))") == (1, 1, b"z", [])
    script = """
import asyncio
async def main():
    reader, writer = asyncio.StreamReader(u), asyncio.StreamWriter(u, {})
    writer.write(b"line one\\nline two\\n")
    await writer.drain()
    return await reader.readline(), await reader.readexactly(4)
print(asyncio.run(main()))
"""
    assert wired.exec(script).strip() == repr((b"line one\n", b"line"))


@pytest.mark.wires(LOOP)
def test_threads__one_reads_one_writes(wired):
    script = """
import _thread
u = UART(2, 460800, rxbuf=2048, timeout=200)
def writer():
    for i in range(20):
        u.write(bytes([i]) * 200)
_thread.start_new_thread(writer, ())
r = u.read(4000)
print(r == b"".join(bytes([i]) * 200 for i in range(20)))
"""
    assert wired.exec(script).strip() == "True"


@pytest.mark.wires(LOOP)
def test_freq__rate_is_kept(wired):
    """At half the clock the port has the same rate, and what is in its buffer still goes out."""
    wired.exec("import machine\nu = UART(2, 57600, timeout=50)\nu.write(b'before')\nmachine.freq(84_000_000)")
    try:
        assert wired.eval("(u.read(6), u.write(b'after'), u.read(5))") == (b"before", 5, b"after")
        assert re.search(r"baudrate=57\d\d\d", wired.eval("repr(u)"))
    finally:
        wired.exec("machine.freq(168_000_000)")
    assert wired.eval("(u.write(b'again'), u.read(5))") == (5, b"again")


@pytest.mark.wires(LOOP)
def test_gc__collects_around_an_open_port(wired):
    """A port that only its interrupt knows keeps its buffers over a collection."""
    wired.exec("UART(2, 9600).write(b'still here')\nfor i in range(5):\n gc.collect()\n x = bytearray(5000)")
    assert wired.eval("(time.sleep_ms(20), UART(2).read())") == (None, b"still here")


# Interrupts


@pytest.mark.wires(LOOP)
def test_irq__flags(wired):
    """Each trigger calls for its event and for no other."""
    wired.exec("u = UART(2, 115200)\nseen = []\ndef h(u):\n seen.append(u.irq().flags())")
    for name, expected in (("IRQ_RXIDLE", [2]), ("IRQ_TXIDLE", [4]), ("IRQ_RX", [1] * 3)):
        wired.exec(f"seen.clear()\nu.irq(h, UART.{name})\nfor c in b'abc':\n u.write(bytes([c]))\n")
        wired.exec("time.sleep_ms(5)")
        seen = wired.eval("(seen, u.read())")
        assert set(seen[0]) == set(expected) and seen[1] == b"abc", name
    wired.exec("seen.clear()\nu.irq(None)\nu.write(b'x')\ntime.sleep_ms(2)")
    assert wired.eval("(seen, u.irq().trigger())") == ([], 0)


UART2 = "uart_id = 2\n    tx_pin = None\n    rx_pin = None\n"
PYBOARD = 'elif "pyboard" in sys.platform:\n    uart_id = 4\n'
PLATFORMS = {
    "extmod/machine_uart_irq_txidle.py": [
        ('elif "mimxrt" in sys.platform:\n    uart_id = 1', 'elif "stm32" in sys.platform:\n    uart_id = 2')
    ],
    "extmod/machine_uart_tx.py": [(PYBOARD, 'elif "stm32" in sys.platform:\n    uart_id = 2\n')],
    "extmod_hardware/machine_uart_irq_rx.py": [(PYBOARD, 'elif "stm32" in sys.platform:\n    uart_id = 2\n')],
    "extmod_hardware/machine_uart_irq_rxidle.py": [
        (PYBOARD, 'elif "stm32" in sys.platform:\n    uart_id = 2\n')
    ],
    "extmod_hardware/machine_uart_irq_break.py": [
        (
            'elif "rp2" in sys.platform:\n    recv_uart_id = 0\n    send_uart_id = 0\n'
            '    recv_tx_pin = "GPIO0"\n    recv_rx_pin = "GPIO1"\n',
            'elif "stm32" in sys.platform:\n    recv_uart_id = 2\n    send_uart_id = 2\n'
            '    recv_tx_pin = "PD5"\n    recv_rx_pin = "PD6"\n',
        )
    ],
}


@pytest.mark.wires(LOOP)
@pytest.mark.parametrize("path", PLATFORMS)
def test_upstream__uart(wired, path):
    """MicroPython's own test, told where our port is."""
    script, expected = read(path, PLATFORMS[path])
    assert wired.exec(script, timeout=120) == expected


# What only a model does


def test_errors__are_counted(bench):
    """A wrong parity bit and a missing stop bit show in print(uart); the characters are there."""
    bench.exec("u = UART(2, 115200, parity=0, timeout=20)")
    model = bench.machine["USART2"]
    model.feed_frame(0x41 | 1 << 8)
    model.feed_frame(0x42, flags=2)
    model.feed(b"C")
    assert bench.eval("u.read()") == b"ABC"
    assert "errors=2" in bench.eval("repr(u)")


def test_break__is_no_character(bench):
    bench.exec(
        "u = UART(2, 115200, timeout=20)\nseen = []\n"
        "u.irq(lambda u: seen.append(u.irq().flags()), UART.IRQ_BREAK)"
    )
    model = bench.machine["USART2"]
    model.feed(b"a")
    model.feed_frame(0, flags=2)
    model.feed(b"b")
    assert bench.eval("(u.read(), seen)") == (b"ab", [8])


def test_write__held_by_CTS(bench):
    """The sender waits as long as it may, then says how much it took; flush() gives up with ETIMEDOUT."""
    bench.exec("u = UART(2, 115200, txbuf=32, flow=UART.CTS, timeout=50)")
    bench.machine["USART2"].set_cts(False)
    assert bench.eval("(u.write(b'x' * 100), u.write(b'y'))") == (33, None)
    with pytest.raises(BoardError, match="ETIMEDOUT"):
        bench.exec("u.flush()")
    bench.machine["USART2"].set_cts(True)
    assert bench.eval("(u.flush(), u.txdone())") == (None, True)
