# SPDX-License-Identifier: MIT
"""Bit protocols against models on the pins: bitstream, neopixel, time_pulse_us, onewire, ds18x20, dht."""

import pytest
from emulator.devices.dht import Dht
from emulator.devices.onewire import Ds18b20, OneWireBus
from support.board import BoardError

pytestmark = pytest.mark.emulator_only

US, MS = 1_000, 1_000_000


@pytest.fixture
def bench(uart_board):
    uart_board.soft_reset()
    uart_board.exec("import machine, time\nfrom machine import Pin")
    return uart_board


def pulses(edges):
    """[(ns high, ns low)] of the pulses in a list of edges; the last one's low is None."""
    times = [(time, level) for time, level in edges if level is not None]
    first = next(i for i, (_, level) in enumerate(times) if level == 1)
    ups, downs = times[first::2], times[first + 1 :: 2]
    ends = [time for time, _ in ups[1:]] + [None]
    return [
        (down - up, end - down if end else None)
        for (up, _), (down, _), end in zip(ups, downs, ends, strict=True)
    ]


def bits_of(data):
    return [byte >> bit & 1 for byte in data for bit in range(7, -1, -1)]


# bitstream, neopixel


def test_bitstream__timing(bench):
    """Each edge within 60 ns of its time, highest bit first, and no error adds up over the stream."""
    data = bytes(range(0, 256, 5))
    edges = bench.edges("PE7")
    bench.exec(f"machine.bitstream(Pin('PE7'), 0, (400, 850, 800, 450), {data!r})")
    seen = pulses(edges)
    assert len(seen) == 8 * len(data)
    for (high, low), bit in zip(seen, bits_of(data), strict=True):
        assert high == pytest.approx(800 if bit else 400, abs=60)
        assert low is None or low == pytest.approx(450 if bit else 850, abs=60)
    times = [time for time, level in edges if level == 1]
    assert times[-1] - times[0] == pytest.approx(1250 * (len(seen) - 1), abs=60)


def test_bitstream__at_a_low_clock(bench):
    bench.exec("machine.freq(42_000_000)")
    edges = bench.edges("PE7")
    bench.exec("machine.bitstream(Pin('PE7'), 0, (4000, 8500, 8000, 4500), b'\\xa5')")
    bench.exec("machine.freq(168_000_000)")
    assert [round(high / 4000) for high, _ in pulses(edges)] == [2, 1, 2, 1, 1, 2, 1, 2]


@pytest.mark.parametrize(
    "arguments, error",
    (
        ("'PE7', 1, (1, 2, 3, 4), b''", "ValueError"),
        ("'PE7', 0, (1, 2, 3), b''", "ValueError"),
        ("'PE7', 0, (1, 2, 3, 4), 5", "TypeError"),
        ("'PA1', 0, (1, 2, 3, 4), b'x'", "ValueError: pin PA1 belongs to Ethernet"),
    ),
)
def test_bitstream__refused(bench, arguments, error):
    with pytest.raises(BoardError, match=error):
        bench.exec(f"machine.bitstream({arguments})")


def test_neopixel(bench):
    """Green, red, blue on the wire, the pixel in front first; pixels read back as they were set."""
    bench.exec(
        "from neopixel import NeoPixel\nn = NeoPixel(Pin('PE7'), 3)\nn.fill((1, 2, 3))\nn[1] = (255, 0, 85)"
    )
    assert bench.eval("(len(n), n[0], n[1], n[-1])") == (3, (1, 2, 3), (255, 0, 85), (1, 2, 3))
    edges = bench.edges("PE7")
    bench.exec("n.write()")
    bits = [int(high > 600) for high, _ in pulses(edges)]
    assert bits == bits_of(bytes((2, 1, 3, 0, 255, 85, 2, 1, 3)))
    for index in (3, -4):
        with pytest.raises(BoardError, match="IndexError"):
            bench.exec(f"n[{index}] = (0, 0, 0)")


def test_neopixel__rgbw_and_slow(bench):
    bench.exec(
        "from neopixel import NeoPixel\nn = NeoPixel(Pin('PE7'), 1, bpp=4, timing=0)\nn[0] = (1, 2, 3, 4)"
    )
    edges = bench.edges("PE7")
    bench.exec("n.write()")
    assert [int(high > 1200) for high, _ in pulses(edges)] == bits_of(bytes((2, 1, 3, 4)))


# time_pulse_us


def test_time_pulse_us(bench):
    """Both levels, from the edge or from the middle, and the two time-outs."""
    port = bench.machine["GPIOE"]
    port.set_input(7, 0)

    def pulse(level, after, length, call):
        bench.start(f"print(machine.time_pulse_us({call}))")
        bench.machine.at(after, lambda: port.set_input(7, level))
        bench.machine.at(after + length, lambda: port.set_input(7, 1 - level))
        return int(bench.finish())

    bench.exec("p = Pin('PE7', Pin.IN)")
    assert pulse(1, 3 * MS, 750 * US, "p, 1") == pytest.approx(750, abs=2)
    port.set_input(7, 1)
    assert pulse(0, 3 * MS, 5 * MS, "p, 0, 20_000") == pytest.approx(5000, abs=2)
    port.set_input(7, 0)
    assert bench.eval("machine.time_pulse_us(p, 1, 500)") == -2
    assert bench.eval("machine.time_pulse_us(p, 0, 500)") == -1
    port.set_input(7, None)


# 1-wire


SERIALS = (b"\x01\x02\x03\x04\x05\x06", b"\x01\x02\x03\x04\x05\x07", b"\x80\x00\x00\x00\x00\x01", b"\xff" * 6)


def test_onewire__scan(bench):
    """All devices are found, whatever their numbers have in common; an empty bus has none."""
    bus = OneWireBus(bench.board, "PE7", [])
    bench.exec("import onewire\now = onewire.OneWire(Pin('PE7'))")
    assert bench.eval("(ow.scan(), ow.reset())") == ([], False)
    with pytest.raises(BoardError, match="OneWireError"):
        bench.exec("ow.reset(True)")
    for count in range(1, len(SERIALS) + 1):
        bus.devices[:] = [Ds18b20(serial) for serial in SERIALS[:count]]
        found = bench.eval("[bytes(rom) for rom in ow.scan()]")
        assert sorted(found) == sorted(device.rom for device in bus.devices)
    assert bench.eval("[ow.crc8(rom) for rom in ow.scan()]") == [0] * len(SERIALS)
    assert bus.short_resets == 0


def test_ds18x20(bench):
    """Two sensors' temperatures, below zero too; resolution; a sensor that is read too early says 85."""
    hot, cold = Ds18b20(SERIALS[0], 42.4375), Ds18b20(SERIALS[1], -10.125)
    OneWireBus(bench.board, "PE8", [hot, cold])
    bench.exec("import onewire, ds18x20\nds = ds18x20.DS18X20(onewire.OneWire(Pin('PE8')))\nroms = ds.scan()")
    bench.exec("ds.convert_temp()")
    assert bench.eval("[ds.read_temp(rom) for rom in roms]") == [85.0, 85.0]
    bench.exec("time.sleep_ms(750)")
    temperatures = bench.eval("{bytes(rom): ds.read_temp(rom) for rom in roms}")
    assert temperatures == {hot.rom: 42.4375, cold.rom: -10.125}
    assert bench.eval("(ds.resolution(roms[0]), ds.resolution(roms[0], 9), ds.resolution(roms[0]))") == (
        12,
        9,
        9,
    )
    bench.exec("ds.convert_temp()\ntime.sleep_ms(100)")
    first = bench.eval("bytes(roms[0])")
    assert bench.eval("ds.read_temp(roms[0])") == (42.0 if first == hot.rom else -10.5)


# dht


def test_dht(bench):
    """Both kinds' numbers, a temperature below zero, no sensor, a damaged answer."""
    sensor = Dht(bench.board, "PE9", bytes((0x02, 0x8C, 0x01, 0x5F)))
    bench.exec("import dht\nsensor = dht.DHT22(Pin('PE9'))\nsensor.measure()")
    assert bench.eval("(round(sensor.temperature(), 1), round(sensor.humidity(), 1))") == (35.1, 65.2)
    sensor.data = bytes((0x00, 0x64, 0x80, 0x65))
    bench.exec("sensor.measure()")
    assert bench.eval("(round(sensor.temperature(), 1), round(sensor.humidity(), 1))") == (-10.1, 10.0)
    sensor.data = bytes((40, 0, 23, 0))
    bench.exec("sensor = dht.DHT11(Pin('PE9'))\nsensor.measure()")
    assert bench.eval("(sensor.temperature(), sensor.humidity())") == (23, 40)
    sensor.broken = 4
    with pytest.raises(BoardError, match="Exception: checksum error"):
        bench.exec("sensor.measure()")
    sensor.data = None
    with pytest.raises(BoardError, match="OSError: .*ETIMEDOUT"):
        bench.exec("sensor.measure()")
