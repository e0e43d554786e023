# SPDX-License-Identifier: MIT
"""machine.I2C and SoftI2C with a 24C32 EEPROM (0x50) and an LM75 sensor (0x48) on I2C1: PB6 and PB9."""

import pytest
from emulator.devices.attach import attach
from emulator.peripherals.irqs import IRQ
from support.board import BoardError

BUS = "a 24C32 EEPROM (0x50) and an LM75 (0x48): SCL PB6, SDA PB9, with pull-ups"
SPEC = "i2c:PB6,PB9:24c32@0x50,lm75@0x48"
ENODEV, ETIMEDOUT, EIO = "ENODEV", "ETIMEDOUT", "EIO"
HELPERS = """
import time
from machine import I2C, SoftI2C, Pin
def put(i, a, data):
    i.writeto_mem(0x50, a, data, addrsize=16)
    time.sleep_ms(6)
def get(i, a, n):
    return i.readfrom_mem(0x50, a, n, addrsize=16)
"""
KINDS = {"hard": "I2C(1, scl='PB6', sda='PB9', freq={})", "soft": "SoftI2C(scl='PB6', sda='PB9', freq={})"}


@pytest.fixture(scope="module")
def wired_board(start_board, shared_board, pytestconfig):
    if pytestconfig.getoption("port"):
        shared_board.drop()
    board = start_board("--attach", SPEC)
    yield board
    board.close()


@pytest.fixture
def wired(wired_board):
    wired_board.soft_reset()
    wired_board.exec(HELPERS)
    return wired_board


@pytest.fixture(params=KINDS)
def both(request, wired):
    """The bus by the chip's block and by hand."""
    wired.exec("i = " + KINDS[request.param].format(400_000))
    return wired


@pytest.fixture
def i2c(board):
    board.exec("from machine import I2C, SoftI2C, Pin")
    return board


@pytest.fixture(scope="module")
def faulty(uart_board):
    """In this process: what only a model does. Its I2C1 is uart_board.machine["I2C1"]."""
    uart_board.wires = attach(uart_board.machine, SPEC)
    return uart_board


@pytest.fixture
def bench(faulty):
    faulty.soft_reset()
    faulty.machine["I2C1"].stretch_ns = 0
    faulty.wires.hold_sda(0)
    faulty.exec(HELPERS + "i = I2C(1, scl='PB6', sda='PB9', timeout=5000)\n")
    return faulty


# Set-up


@pytest.mark.parametrize(
    "asked, given", [(400_000, 400_000), (1_000_000, 400_000), (100_000, 87_866), (50_000, 50_000)]
)
def test_init__rate(i2c, asked, given):
    """Never above what was asked for; 88 to 100 kHz is 88 kHz, which ES0182 wants of a repeated START."""
    assert f"freq={given}, timeout=50000" in i2c.eval(f"repr(I2C(3, freq={asked}))")


@pytest.mark.parametrize(
    "call, message",
    [
        ("I2C(0)", r"I2C\(0\) doesn't exist"),
        ("I2C(4)", r"I2C\(4\) doesn't exist"),
        ("I2C(1, freq=0)", "invalid freq or timeout"),
        ("I2C(1, freq=2000)", "freq out of reach"),
        ("I2C(1, scl='PB9')", "scl cannot be on PB9"),
        ("I2C(2, scl='PB10', sda='PB11')", "pin PB1[01] belongs to Ethernet"),
        ("I2C(1, scl=None)", "I2C needs scl and sda"),
        ("SoftI2C('PA1', 'PB9')", "pin PA1 belongs to Ethernet"),
    ],
)
def test_init__nonsense__ValueError(i2c, call, message):
    with pytest.raises(BoardError, match=f"ValueError: .*{message}"):
        i2c.exec(call)


def test_transfer__address_of_eight_bits__EINVAL(i2c):
    with pytest.raises(BoardError, match="EINVAL"):
        i2c.exec("I2C(3).writeto(0x80, b'')")


def test_soft_reset__gives_the_pins_back(board):
    board.exec("import machine\ni = machine.I2C(3)\ni.scan()")
    board.soft_reset()
    assert board.eval("[__import__('machine').Pin(p).mode() for p in ('PA8', 'PC9')]") == [0, 0]


# Devices


@pytest.mark.wires(BUS)
def test_scan(both):
    assert both.eval("i.scan()") == [0x48, 0x50]


@pytest.mark.wires(BUS)
@pytest.mark.parametrize("count", (1, 2, 3, 4, 5, 31, 32))
def test_eeprom__every_length(both, count):
    """One, two and more bytes are received by different sequences (RM0090 27.3.3)."""
    data = bytes((37 * n + count) & 255 for n in range(count))
    both.exec(f"put(i, 0x200, {data})")
    assert both.eval(f"get(i, 0x200, {count})") == data
    assert both.eval("get(i, 0x200, 0)") == b""
    both.exec("b = bytearray(3)\ni.readfrom_mem_into(0x50, 0x200, b, addrsize=16)")
    assert both.eval("bytes(b)")[:count] == data[:3]


@pytest.mark.wires(BUS)
def test_eeprom__long_read(both):
    """More than a page; the next one goes on where this one ended."""
    for page in range(4):
        both.exec(f"put(i, {page * 32}, bytes(range({page * 32}, {page * 32 + 32})))")
    assert both.eval("get(i, 0, 128)") == bytes(range(128))
    assert both.eval(
        "(i.writeto(0x50, b'\\0\\x10'), i.readfrom(0x50, 3), i.readfrom(0x50, 1), i.readfrom(0x50, 2))"
    ) == (
        2,
        b"\x10\x11\x12",
        b"\x13",
        b"\x14\x15",
    )


@pytest.mark.wires(BUS)
@pytest.mark.parametrize("count", (1, 2, 5))
def test_stop__left_out(both, count):
    """Without a STOP the next transfer begins with a repeated START: after a write, and after a read."""
    both.exec("put(i, 0x40, b'abcdefgh')")
    script = f"(i.writeto(0x50, b'\\0\\x40', False), i.readfrom(0x50, {count}, False), i.readfrom(0x50, 2))"
    data = b"abcdefgh"
    assert both.eval(script) == (2, data[:count], data[count : count + 2])
    assert both.eval("(i.writeto(0x50, b'\\0', False), i.scan())") == (1, [0x48, 0x50])


@pytest.mark.wires(BUS)
def test_write__counts_acknowledges(both):
    """The sensor takes its pointer and two bytes: what follows is not sent, and the count says so."""
    assert both.eval("i.writeto(0x48, b'\\x02\\x11\\x22\\x33\\x44')") == 3
    assert both.eval("i.writevto(0x48, [b'\\x03', b'', b'\\x50', bytearray(b'\\x80'), b'zz'])") == 3
    assert both.eval("i.readfrom_mem(0x48, 3, 2)") == b"\x50\x80"
    assert both.eval("i.readfrom_mem(0x48, 0, 2)") == b"\x19\x80"


@pytest.mark.wires(BUS)
def test_nobody_there__ENODEV(both):
    """And the bus is free after it, also while the EEPROM is busy with its own write."""
    for call in ("i.writeto(0x33, b'x')", "i.readfrom(0x33, 2)", "i.readfrom_mem(0x33, 0, 1)"):
        with pytest.raises(BoardError, match=ENODEV):
            both.exec(call)
    assert both.eval("i.readfrom_mem(0x48, 0, 2)") == b"\x19\x80"
    with pytest.raises(BoardError, match=ENODEV):
        both.exec("i.writeto_mem(0x50, 0, b'x', addrsize=16)\ni.readfrom(0x50, 1)")


@pytest.mark.wires(BUS)
def test_freq__rate_follows_the_clock(wired):
    wired.exec(
        "import machine\ni = "
        + KINDS["hard"].format(400_000)
        + "\nput(i, 0, b'clock')\nmachine.freq(84_000_000)"
    )
    try:
        assert wired.eval("get(i, 0, 5)") == b"clock"
    finally:
        wired.exec("machine.freq(168_000_000)")
    assert wired.eval("get(i, 0, 5)") == b"clock"


@pytest.mark.wires(BUS)
def test_threads__other_python_runs_meanwhile(wired):
    """A long transfer holds neither the interpreter nor, where two threads want it, the bus in pieces."""
    script = """
import _thread
i = I2C(1, scl='PB6', sda='PB9', freq=88000)
put(i, 0, bytes(range(32)))
done = []
def run():
    done.append(all(get(i, 0, 32) == bytes(range(32)) for n in range(5)))
_thread.start_new_thread(run, ())
run()
while len(done) < 2:
    pass
print(done)
"""
    assert wired.exec(script, timeout=60).strip() == "[True, True]"


# What only a model does


@pytest.mark.emulator_only
def test_stuck_data_line__is_freed(bench):
    """A device left in the middle of a byte is clocked on, at the start of a transfer and of the bus."""
    bench.wires.hold_sda(5)
    assert bench.eval("(i.readfrom_mem(0x48, 0, 2), 'recoveries=1' in repr(i))") == (b"\x19\x80", True)
    bench.wires.hold_sda(7)
    bench.exec("i = I2C(1, freq=100000)")
    assert bench.eval("(i.readfrom_mem(0x48, 0, 2), 'recoveries=2' in repr(i))") == (b"\x19\x80", True)


@pytest.mark.emulator_only
def test_stuck_for_good__ETIMEDOUT(bench):
    """Nine clocks do not help: an error in bounded time, and all is well once the device lets go."""
    bench.wires.hold_sda(1000)
    with pytest.raises(BoardError, match=ETIMEDOUT):
        bench.exec("i.readfrom(0x48, 2)")
    bench.wires.hold_sda(0)
    assert bench.eval("i.readfrom_mem(0x48, 0, 2)") == b"\x19\x80"


@pytest.mark.emulator_only
def test_stretched_clock(bench):
    """For less than the timeout it is only slow; for ever it is ETIMEDOUT, and the bus works after it."""
    model = bench.machine["I2C1"]
    model.stretch_ns = 2_000_000
    assert bench.eval("i.readfrom_mem(0x48, 0, 2)") == b"\x19\x80"
    model.stretch_ns = None
    for call in (
        "i.readfrom(0x48, 1)",
        "i.readfrom(0x48, 2)",
        "i.readfrom(0x48, 5)",
        "i.writeto(0x48, b'ab')",
    ):
        start = bench.now
        with pytest.raises(BoardError, match=ETIMEDOUT):
            bench.exec(call)
        assert bench.now - start < 60_000_000
    model.stretch_ns = 0
    assert bench.eval("i.readfrom_mem(0x48, 0, 2)") == b"\x19\x80"


def during(bench, action):
    """Run `action` at each of many moments of a transfer; the outcomes."""
    outcomes = []
    model = bench.machine["I2C1"]
    for delay in range(5_000, 200_000, 13_000):
        bench.start(
            "time.sleep_ms(20)\ntry:\n print(i.readfrom_mem(0x48, 0, 2))\nexcept OSError as e:\n print(e)"
        )
        bench.run_until(lambda: model.regs[0x18] & 2, seconds=1)
        bench.advance(delay)
        if model.regs[0x18] & 2:
            action()
        outcomes.append(bench.finish().strip())
    return outcomes


@pytest.mark.emulator_only
def test_bus_error__is_spurious(bench):
    """ES0182: BERR in master mode means nothing, and no transfer suffers by it."""
    assert set(during(bench, bench.machine["I2C1"].bus_error)) == {repr(b"\x19\x80")}


@pytest.mark.emulator_only
def test_arbitration_lost__EIO(bench):
    """Another master wins, at any moment: EIO, and the next transfer has the bus."""
    outcomes = during(bench, bench.machine["I2C1"].lose_arbitration)
    assert set(outcomes) <= {"[Errno 5] EIO", repr(b"\x19\x80")} and outcomes.count("[Errno 5] EIO") > 5
    assert bench.eval("i.readfrom_mem(0x48, 0, 2)") == b"\x19\x80"


@pytest.mark.emulator_only
def test_interrupts__at_any_moment(bench):
    """A pause of 300 us in which no driver runs, at each place of the sequences, changes no byte."""
    bench.exec("put(i, 0, b'0123456789')")
    for count in (1, 2, 3, 7):
        for delay in range(0, 30 * count + 120, 11):
            bench.start(f"time.sleep_ms(20)\nprint(get(i, 0, {count}))")
            model = bench.machine["I2C1"]
            bench.run_until(lambda model=model: model.regs[0x18] & 2, seconds=1)
            bench.advance(delay * 1000)
            bench.machine.stall(300_000)
            assert bench.finish().strip() == repr(b"0123456789"[:count]), (count, delay)
    assert not bench.machine.irq_lines.get(IRQ["I2C1_EV"], False)
