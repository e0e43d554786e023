# SPDX-License-Identifier: MIT
"""machine.SPI and SoftSPI with a W25Q16 flash on SPI1 (PB3, PB4, PB5), its chip select on PB0."""

import pytest
from support.board import BoardError
from support.upstream_file import read

FLASH = "a W25Q16 flash: CLK PB3, DO PB4, DI PB5, /CS PB0"
SPEC = "spi:PB3,PB4,PB5:w25q16@PB0"
HELPERS = """
import gc, time
from machine import SPI, SoftSPI, Pin
cs = Pin('PB0', Pin.OUT, value=1)
def command(s, out, n=0):
    cs(0)
    s.write(out)
    r = s.read(n, 0xFF) if n else b''
    cs(1)
    return r
def ready(s):
    while command(s, b'\\x05', 1)[0] & 1:
        time.sleep_ms(1)
def erase(s, a):
    command(s, b'\\x06')
    command(s, b'\\x20' + a.to_bytes(3, 'big'))
    ready(s)
def program(s, a, data):
    command(s, b'\\x06')
    command(s, b'\\x02' + a.to_bytes(3, 'big') + data)
    ready(s)
def fetch(s, a, n):
    return command(s, b'\\x03' + a.to_bytes(3, 'big'), n)
"""
IDENTITY = b"\xef\x40\x15"


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


@pytest.fixture
def spi(board):
    board.exec("from machine import SPI, SoftSPI, Pin")
    return board


# Set-up


@pytest.mark.parametrize(
    "asked, given",
    [
        (50_000_000, 42_000_000),
        (42_000_000, 42_000_000),
        (41_999_999, 21_000_000),
        (1_000_000, 656_250),
        (1, 328_125),
    ],
)
def test_init__rate_of_SPI1(spi, asked, given):
    """The next slower rate that halving the bus clock gives; below the slowest, the slowest."""
    assert f"SPI(1, baudrate={given}, polarity=0, phase=0, bits=8" in spi.eval(f"repr(SPI(1, {asked}))")


def test_init__what_print_shows(spi):
    said = spi.eval("repr(SPI(3, 21_000_000, polarity=1, phase=1, bits=16, firstbit=SPI.LSB, miso=None))")
    assert said == (
        "SPI(3, baudrate=21000000, polarity=1, phase=1, bits=16, firstbit=1, sck=PC10, mosi=PC12, miso=None)"
    )
    assert spi.eval("SPI(3, 1000) is SPI(3)") is True


@pytest.mark.parametrize(
    "call, message",
    [
        ("SPI(0)", r"SPI\(0\) doesn't exist"),
        ("SPI(4)", r"SPI\(4\) doesn't exist"),
        ("SPI(1, 0)", "invalid baudrate"),
        ("SPI(1, polarity=2)", "polarity and phase are 0 or 1"),
        ("SPI(1, bits=9)", "bits is 8 or 16"),
        ("SPI(1, firstbit=7)", "invalid firstbit"),
        ("SPI(1, sck='PC10')", "sck cannot be on PC10"),
        ("SPI(1, mosi='PA7')", "pin PA7 belongs to Ethernet"),
        ("SPI(1, sck=None)", "SPI needs sck"),
        ("SPI(1, bits=16).write(b'abc')", "an odd number of bytes with bits=16"),
        ("SPI(1).write_readinto(b'ab', bytearray(3))", "buffers must be the same length"),
    ],
)
def test_init__nonsense__ValueError(spi, call, message):
    with pytest.raises(BoardError, match=f"ValueError: .*{message}"):
        spi.exec(call)


def test_deinit__then_OSError(spi):
    spi.exec("s = SPI(1)\ns.deinit()\ns.deinit()")
    with pytest.raises(BoardError, match=r"OSError: SPI\(1\) is not initialised"):
        spi.exec("s.write(b'x')")
    assert spi.eval("(Pin('PB3').mode(), s.init(), s.read(0))") == (0, None, b"")


def test_soft_reset__gives_the_pins_back(board):
    board.exec("import machine\ns = machine.SPI(1, 42_000_000)\ns.write(b'abc')")
    board.soft_reset()
    assert board.eval("[__import__('machine').Pin(p).mode() for p in ('PB3', 'PB4', 'PB5')]") == [0, 0, 0]


def test_soft_reset__in_the_middle_of_transfers(board):
    """Threads are ended first: none of them finds its bus without a clock."""
    script = """
import _thread
from machine import SPI, I2C, UART
b = bytearray(4000)
def run(f):
    while True:
        try:
            f(b)
        except OSError:
            pass
s, u, i = SPI(1, 1), UART(2, 9600), I2C(3)
for f in (s.write, u.write, lambda b: i.writeto(1, b)):
    _thread.start_new_thread(run, (f,))
"""
    for _ in range(3):
        board.exec(script)
        board.soft_reset()
    assert board.eval("__import__('machine').SPI(1).read(0)") == b""


# The flash


@pytest.mark.wires(FLASH)
@pytest.mark.parametrize("rate", [400_000, 5_250_000, 10_500_000, 21_000_000, 42_000_000])
def test_flash__what_is_written_is_read(wired, rate):
    """At every rate, in lengths that are odd, even, one and many, from one buffer and from two."""
    wired.exec(f"s = SPI(1, {rate})\nimport os\ndata = os.urandom(256)\nerase(s, 0)\nprogram(s, 0, data)")
    for start, count in ((0, 1), (0, 2), (0, 3), (5, 4), (1, 7), (0, 8), (3, 17), (0, 256)):
        assert wired.eval(f"fetch(s, {start}, {count}) == data[{start}:{start + count}]") is True
    wired.exec("b = bytearray(b'\\x03\\0\\0\\0' + bytes(256))\ncs(0)\ns.write_readinto(b, b)\ncs(1)")
    assert wired.eval("b[4:] == data") is True
    wired.exec("r = bytearray(260)\ncs(0)\ns.write_readinto(b'\\x03\\0\\0\\0' + bytes(256), r)\ncs(1)")
    assert wired.eval("r[4:] == data") is True


@pytest.mark.wires(FLASH)
@pytest.mark.parametrize("mode", range(4))
def test_flash__clock_modes(wired, mode):
    """The flash knows modes 0 and 3: polarity and phase reach the wire."""
    wired.exec(f"s = SPI(1, 1_000_000, polarity={mode >> 1}, phase={mode & 1})")
    assert (wired.eval("command(s, b'\\x9f', 3)") == IDENTITY) == (mode in (0, 3))


@pytest.mark.wires(FLASH)
def test_flash__least_significant_bit_first(wired):
    """Bits turned round on both sides come out the same."""
    turned = bytes(int(f"{n:08b}"[::-1], 2) for n in b"\x9f" + IDENTITY)
    wired.exec("s = SPI(1, 1_000_000, firstbit=SPI.LSB)")
    assert wired.eval(f"command(s, {turned[:1]}, 3)") == turned[1:]


@pytest.mark.wires(FLASH)
def test_flash__sixteen_bits(wired):
    """With bits=16 buffers hold half-words, low byte first; on the wire the high byte goes first."""
    wired.exec("s = SPI(1, 1_000_000, bits=16)\nb = bytearray(b'\\xff\\x9f\\xff\\xff')")
    wired.exec("cs(0)\ns.write_readinto(b, b)\ncs(1)")
    assert wired.eval("bytes(b)") == bytes((0xEF, 0xFF, 0x15, 0x40))


@pytest.mark.wires(FLASH)
def test_flash__other_interrupts_meanwhile(wired):
    """Timers, USB and another thread interrupt the frames at any place; no bit of 64 KB is lost."""
    script = """
import _thread, hashlib
from machine import Timer
s = SPI(1, 21_000_000)
block = bytes(range(256))
erase(s, 0)
for page in range(16):
    program(s, page * 256, block)
count = 0
def tick(t):
    global count
    count += 1
timers = [Timer(-1, period=1, callback=tick), Timer(-1, period=2, callback=tick)]
stop = False
def busy():
    while not stop:
        time.sleep_us(50)
_thread.start_new_thread(busy, ())
wrong = 0
for i in range(16):
    wrong += fetch(s, 0, 4096) != block * 16
stop = True
for t in timers:
    t.deinit()
print(wrong, count > 10)
"""
    assert wired.exec(script, timeout=120).split() == ["0", "True"]


def test_rate__of_long_transfers(spi):
    """What goes over the wire per second: the share of the clock that the driver leaves unused is small."""
    script = """
import time
b = bytearray(8192)
def rate(f, *args):
    t = time.ticks_us()
    f(*args)
    return len(b) * 8 / time.ticks_diff(time.ticks_us(), t)
r = []
for hz in (42_000_000, 21_000_000, 5_250_000, 1_312_500):
    s = SPI(1, hz)
    r += [rate(s.write, b) * 1e6 / hz, rate(s.write_readinto, b, b) * 1e6 / hz]
print(r)
"""
    shares = eval(spi.exec(script, timeout=60))
    assert all(
        share > least
        for share, least in zip(shares, (0.85, 0.45, 0.9, 0.8, 0.95, 0.9, 0.95, 0.9), strict=True)
    )


def test_threads__take_turns(spi):
    """Two threads on one bus: each transfer is whole."""
    script = """
import _thread
s = SPI(1, 1_000_000, miso=None)
done = []
def run(n):
    for i in range(5):
        s.write(bytes(400))
    done.append(n)
_thread.start_new_thread(run, (1,))
run(2)
while len(done) < 2:
    pass
print(sorted(done))
"""
    assert spi.exec("import time\n" + script, timeout=60).strip() == "[1, 2]"


def test_ctrl_c__ends_a_long_transfer(board):
    """A transfer of 200 ms and more is left early, and the bus is free after it."""
    board.exec("from machine import SPI\ns = SPI(1, 1)\nb = bytearray(40000)")
    board.start("print('go')\nwhile True:\n s.write(b)")
    board.expect(b"go\r\n")
    board.dut.write(b"\x03")
    _, error = board.finish()
    assert b"KeyboardInterrupt" in error
    assert board.eval("s.read(1)") in (b"\xff", b"\x00")


@pytest.mark.wires(FLASH)
def test_freq__rate_follows_the_clock(wired):
    wired.exec("import machine\ns = SPI(1, 10_500_000)\nmachine.freq(84_000_000)")
    try:
        assert wired.eval("(repr(s)[:23], command(s, b'\\x9f', 3))") == (
            "SPI(1, baudrate=10500000"[:23],
            IDENTITY,
        )
    finally:
        wired.exec("machine.freq(168_000_000)")
    assert wired.eval("command(s, b'\\x9f', 3)") == IDENTITY


# SoftSPI


@pytest.mark.wires(FLASH)
@pytest.mark.parametrize("mode", (0, 3))
def test_soft__flash(wired, mode):
    """The same wires moved by hand."""
    wired.exec(
        f"s = SoftSPI(200_000, polarity={mode >> 1}, phase={mode & 1}, sck='PB3', mosi='PB5', miso='PB4')"
    )
    assert wired.eval("command(s, b'\\x9f', 3)") == IDENTITY
    wired.exec("erase(s, 4096)\nprogram(s, 4096, b'by hand')")
    assert wired.eval("fetch(s, 4096, 7)") == b"by hand"
    wired.exec("s = SPI(1, 21_000_000)")
    assert wired.eval("fetch(s, 4096, 7)") == b"by hand"


def test_soft__pins_are_the_board_s__ValueError(spi):
    with pytest.raises(BoardError, match="ValueError: pin PA1 belongs to Ethernet"):
        spi.exec("SoftSPI(sck='PA1', mosi='PB5', miso='PB4')")


# MicroPython's own


def test_upstream__spi_rate(spi):
    """extmod/machine_spi_rate.py on our pins: each transfer takes the time that its rate says."""
    change = (
        'if "alif" in sys.platform:',
        'if "stm32" in sys.platform:\n    spi_instances = ((1, None, None, None), (3, None, None, None))\n'
        'elif "alif" in sys.platform:',
    )
    script, expected = read("extmod/machine_spi_rate.py", [change])
    assert spi.exec(script, timeout=200) == expected
