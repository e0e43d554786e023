# SPDX-License-Identifier: MIT
"""USART: what a console and a serial driver lean on (RM0090 chapter 30)."""

import pytest
from emulator.devices.attach import attach
from emulator.peripheral import GuestError
from emulator.peripherals.irqs import IRQ
from emulator.peripherals.usart import PINS, Usart, sample_frame

PE, FE, NF, ORE, IDLE, RXNE, TC, TXE = (1 << bit for bit in range(8))
SBK, RWU, RE, TE, IDLEIE, RXNEIE, TCIE, TXEIE, PEIE, PS, PCE, WAKE, M, UE = (1 << bit for bit in range(14))
OVER8 = 1 << 15
EIE, RTSE, CTSE = 1, 1 << 8, 1 << 9
BRR_115200 = 139  # 16 MHz / 115200
FRAME_NS = 10 * 139 * 1_000_000_000 // 16_000_000


@pytest.fixture
def port(bus):
    """USART2 on PA2 and PA3 at 115200 8N1, from the HSI."""
    bus["GPIOA.AFRL"] = 7 << 8 | 7 << 12
    bus["GPIOA.MODER"] = bus["GPIOA.MODER"] | 2 << 4 | 2 << 6
    bus["USART2.BRR"] = BRR_115200
    bus["USART2.CR1"] = UE | TE | RE
    bus.model = bus.machine["USART2"]
    bus.sent = bytearray()
    bus.model.attach(bus.sent.extend)
    return bus


def send(port, *values):
    for value in values:
        while not port["USART2.SR"] & TXE:
            port.machine.advance(1000)
        port["USART2.DR"] = value


def test_usart__reset_status(bus):
    assert bus["USART1.SR"] == TXE | TC


def test_usart__byte_takes_ten_bits(port):
    port["USART2.DR"] = 0x55
    assert port["USART2.SR"] & (TXE | TC) == TXE
    port.machine.advance(FRAME_NS - 1)
    assert port.sent == b""
    port.machine.advance(1)
    assert port.sent == b"\x55"
    assert port["USART2.SR"] & TC


def test_usart__txe_falls_with_two_bytes(port):
    port["USART2.DR"] = 1
    port["USART2.DR"] = 2
    assert port["USART2.SR"] & (TXE | TC) == 0
    port.machine.advance(FRAME_NS)
    assert port["USART2.SR"] & (TXE | TC) == TXE
    port.machine.advance(FRAME_NS)
    assert port["USART2.SR"] & (TXE | TC) == TXE | TC
    assert port.sent == b"\x01\x02"


def test_usart__overwritten_byte_is_reported(port):
    port["USART2.DR"] = 1
    port["USART2.DR"] = 2
    with pytest.raises(GuestError, match="a byte is lost"):
        port["USART2.DR"] = 3


def test_usart__wrong_clock_gives_garbage(port):
    """Firmware that takes the HSI for twice its speed is not read by a terminal at the right one."""
    port.model.attach(port.sent.extend, baud=115200)
    port["USART2.BRR"] = 2 * BRR_115200
    port["USART2.DR"] = 0x41
    port.machine.advance(3 * FRAME_NS)
    assert len(port.sent) == 1 and port.sent != b"\x41"
    port["USART2.BRR"] = BRR_115200
    port["USART2.DR"] = 0x41
    port.machine.advance(3 * FRAME_NS)
    assert port.sent[1:] == b"\x41"


@pytest.mark.parametrize(
    "ratio, exact", ((1.0, True), (1.03, True), (0.97, True), (1.12, False), (0.88, False))
)
def test_usart__sampling_tolerates_half_a_bit(ratio, exact):
    good = all(sample_frame(value, 8, ratio) == (value, 1) for value in range(256))
    assert good == exact


def test_usart__over8(port):
    port["USART2.CR1"] = 0
    port["USART2.BRR"] = (69 // 8) << 4 | 69 % 8
    port["USART2.CR1"] = OVER8 | UE | TE
    assert port.model.baud == pytest.approx(16_000_000 / 69)


def test_usart__no_baud_rate(port):
    port["USART2.BRR"] = 0
    with pytest.raises(GuestError, match="no baud rate"):
        port["USART2.DR"] = 1


def test_usart__no_pin(port):
    port["GPIOA.MODER"] = 0xA8000000
    port["USART2.DR"] = 1
    with pytest.raises(GuestError, match="no pin carries its TX"):
        port.machine.advance(FRAME_NS)


def test_usart__receive(port):
    port.model.feed(b"ab")
    port.machine.advance(FRAME_NS - 1)
    assert not port["USART2.SR"] & RXNE
    port.machine.advance(1)
    assert port["USART2.SR"] & RXNE
    assert port["USART2.DR"] == ord("a")
    assert not port["USART2.SR"] & RXNE
    port.machine.advance(FRAME_NS)
    assert port["USART2.DR"] == ord("b")


def test_usart__overrun_keeps_the_first_byte(port):
    port.model.feed(b"abc")
    port.machine.advance(3 * FRAME_NS)
    assert port["USART2.SR"] & (ORE | RXNE) == ORE | RXNE
    assert port["USART2.DR"] == ord("a")
    assert port["USART2.SR"] & (ORE | RXNE) == 0


def test_usart__ore_needs_the_sequence(port):
    """DR read without SR first leaves ORE standing."""
    port.model.feed(b"ab")
    port.machine.advance(2 * FRAME_NS)
    assert port["USART2.DR"] == ord("a")
    assert port["USART2.SR"] & (ORE | RXNE) == ORE
    assert port["USART2.DR"] == ord("a")
    assert port["USART2.SR"] & ORE == 0


def test_usart__overrun_after_the_status_read_is_not_cleared(port):
    port.model.feed(b"ab")
    port.machine.advance(FRAME_NS)
    assert port["USART2.SR"] & (ORE | RXNE) == RXNE
    port.machine.advance(FRAME_NS)
    assert port["USART2.DR"] == ord("a")
    assert port["USART2.SR"] & ORE


def test_usart__idle_line(port):
    port.model.feed(b"a")
    port.machine.advance(2 * FRAME_NS - 1)
    assert not port["USART2.SR"] & IDLE
    port.machine.advance(1)
    assert port["USART2.SR"] & IDLE
    assert port["USART2.DR"] == ord("a")
    assert not port["USART2.SR"] & IDLE
    port.machine.advance(5 * FRAME_NS)
    assert not port["USART2.SR"] & IDLE


def test_usart__interrupts(port):
    line = IRQ["USART2"]
    assert not port.irq(line)
    port.set("USART2.CR1", TXEIE)
    assert port.irq(line)
    port.clear("USART2.CR1", TXEIE)
    assert not port.irq(line)
    port.set("USART2.CR1", RXNEIE | IDLEIE)
    port.model.feed(b"a")
    port.machine.advance(FRAME_NS)
    assert port.irq(line)
    assert port["USART2.DR"] == ord("a")
    assert not port.irq(line)
    port.machine.advance(FRAME_NS)
    assert port.irq(line)
    assert port["USART2.SR"] & IDLE and port["USART2.DR"] == ord("a")
    assert not port.irq(line)


def test_usart__tc_cleared_by_sequence_or_by_zero(port):
    assert port["USART2.SR"] & TC
    port["USART2.SR"] = ~TC & 0x3FF
    assert port["USART2.SR"] & (TC | TXE) == TXE


def test_usart__parity(port):
    port["USART2.CR1"] = UE | TE | RE | M | PCE
    port.model.feed(b"a")
    port.machine.advance(2 * FRAME_NS)
    assert port["USART2.SR"] & (RXNE | PE) == RXNE
    assert port["USART2.DR"] == ord("a") | 1 << 8
    port.model.feed_frame(ord("a"))
    port.machine.advance(2 * FRAME_NS)
    assert port["USART2.SR"] & (RXNE | PE) == RXNE | PE
    assert port["USART2.DR"] & 0xFF == ord("a")
    assert not port["USART2.SR"] & PE
    send(port, 0x33)
    port.machine.advance(2 * FRAME_NS)
    assert port.sent == b"\x33"


def test_usart__odd_parity_seven_bits(port):
    port["USART2.CR1"] = UE | TE | RE | PCE | PS
    port.model.feed(b"a")
    port.machine.advance(FRAME_NS)
    assert port["USART2.DR"] == ord("a")  # three ones: odd already, so the parity bit is 0
    port.model.feed(b"c")
    port.machine.advance(FRAME_NS)
    assert port["USART2.DR"] == ord("c") | 0x80


def test_usart__nine_bits(port):
    port["USART2.CR1"] = UE | TE | RE | M
    port.model.feed_frame(0x1A5)
    port.machine.advance(FRAME_NS * 11 // 10 + 1)
    assert port["USART2.DR"] == 0x1A5


def test_usart__stop_bits_take_time(port):
    port["USART2.CR2"] = 2 << 12
    port["USART2.DR"] = 1
    port.machine.advance(FRAME_NS)
    assert not port["USART2.SR"] & TC
    port.machine.advance(FRAME_NS // 10 + 1)
    assert port["USART2.SR"] & TC


def test_usart__framing_error(port):
    port.set("USART2.CR3", EIE)
    port.model.feed_frame(0, FE)
    port.machine.advance(FRAME_NS)
    assert port["USART2.SR"] & (FE | RXNE) == FE | RXNE
    assert port["USART2.DR"] == 0
    assert not port["USART2.SR"] & FE


def test_usart__sender_at_another_speed(port):
    port.model.feed(b"a", baud=9600)
    port.machine.advance(20 * FRAME_NS)
    assert port["USART2.SR"] & FE


def test_usart__cts_holds_the_next_frame(port):
    port.set("USART2.CR3", CTSE)
    port.model.set_cts(False)
    port["USART2.DR"] = 1
    port.machine.advance(5 * FRAME_NS)
    assert port.sent == b""
    port.model.set_cts(True)
    port.machine.advance(FRAME_NS)
    assert port.sent == b"\x01"


def test_usart__rts_holds_the_sender(port):
    port.set("USART2.CR3", RTSE)
    port.model.feed(b"abc")
    port.machine.advance(10 * FRAME_NS)
    assert port["USART2.SR"] & (RXNE | ORE) == RXNE
    assert port.model.waiting_input == 2
    received = bytearray()
    for _ in range(3):
        received.append(port["USART2.DR"])
        port.machine.advance(2 * FRAME_NS)
    assert received == b"abc"


def test_usart__break(port):
    port.set("USART2.CR1", SBK)
    assert port["USART2.CR1"] & SBK
    port.machine.advance(FRAME_NS)
    assert not port["USART2.CR1"] & SBK


def test_usart__disabled_receiver_loses(port):
    port["USART2.CR1"] = UE | TE
    port.model.feed(b"a")
    port.machine.advance(FRAME_NS)
    port["USART2.CR1"] = UE | TE | RE
    assert not port["USART2.SR"] & RXNE


def test_usart__ue_off_aborts(port):
    port["USART2.DR"] = 1
    port["USART2.CR1"] = 0
    port.machine.advance(2 * FRAME_NS)
    assert port.sent == b""
    assert port["USART2.SR"] & (TXE | TC) == TXE | TC


def test_usart__unmodelled_mode(port):
    with pytest.raises(GuestError, match="not modelled"):
        port["USART2.CR3"] = 1 << 3


@pytest.mark.parametrize("name", PINS)
def test_usart__bus_clock(chip, name):
    chip["RCC.CFGR"] = 4 << 10 | 5 << 13
    port = chip.machine[name]
    assert isinstance(port, Usart)
    port.write(8, 100, 4)
    assert port.baud == (40_000 if name in ("USART1", "USART6") else 80_000)


def test_usart__dma(port):
    """DMA1 stream 6 sends from memory, stream 5 receives into it."""
    memory = port.machine.memory
    memory.write(0x20001000, b"hello")
    port["DMA1.S6PAR"] = port["DMA1.S5PAR"] = port.address("USART2.DR")
    port["DMA1.S6M0AR"], port["DMA1.S5M0AR"] = 0x20001000, 0x20002000
    port["DMA1.S6NDTR"], port["DMA1.S5NDTR"] = 5, 8
    port["DMA1.S6CR"] = 4 << 25 | 1 << 10 | 1 << 6 | 1 << 4 | 1
    port["DMA1.S5CR"] = 4 << 25 | 1 << 10 | 1
    port["USART2.CR3"] = 1 << 6 | 1 << 7
    port.model.feed(b"world")
    port.machine.advance(6 * FRAME_NS)
    assert port.sent == b"hello"
    assert port.irq(IRQ["DMA1_Stream6"])
    assert memory.read(0x20002000, 5) == b"world"
    assert port["DMA1.S5NDTR"] == 3


def test_usart__circular_dma_and_idle(port):
    """How serial drivers take input of unknown length: DMA round and round, IDLE tells when to look."""
    port["DMA1.S5PAR"], port["DMA1.S5M0AR"], port["DMA1.S5NDTR"] = port.address("USART2.DR"), 0x20002000, 8
    port["DMA1.S5CR"] = 4 << 25 | 1 << 10 | 1 << 8 | 1 << 4 | 1 << 3 | 1
    port["USART2.CR3"] = 1 << 6
    port.set("USART2.CR1", IDLEIE)
    port.model.feed(b"hello")
    port.machine.advance(6 * FRAME_NS + 1000)
    assert port.irq(IRQ["USART2"])
    assert port["USART2.SR"] & IDLE
    port["USART2.DR"]
    assert not port.irq(IRQ["USART2"])
    assert port["DMA1.S5NDTR"] == 3
    port.model.feed(b"world!")
    port.machine.advance(8 * FRAME_NS)
    assert port["DMA1.S5NDTR"] == 5
    assert port.machine.memory.read(0x20002000, 8) == b"ld!lowor"
    assert port["DMA1.HISR"] >> 6 & 0x30 == 0x30


def test_usart__full_speed_loses_nothing(port):
    """10,000 bytes back to back, read in time: all arrive, in order, in exactly their time."""
    data = bytes(n * 7 & 0xFF for n in range(10_000))
    received = bytearray()
    port.model.feed(data)
    begin = port.machine.now
    while len(received) < len(data):
        port.machine.advance(FRAME_NS // 2)
        if port["USART2.SR"] & RXNE:
            received.append(port["USART2.DR"])
    assert received == data
    assert port.machine.now - begin == pytest.approx(10_000 * FRAME_NS, rel=1e-4)


@pytest.fixture
def loop(port):
    """The same with its TX wired to its RX."""
    port.model.connect(port.model)
    return port


def test_usart__wire(loop):
    """What is sent arrives with the end of its frame, and the line is idle a frame later."""
    loop["USART2.DR"] = 0x5A
    loop.machine.advance(FRAME_NS - 1)
    assert not loop["USART2.SR"] & RXNE
    loop.machine.advance(1)
    assert loop["USART2.SR"] & (RXNE | FE | IDLE) == RXNE
    assert loop["USART2.DR"] == 0x5A
    loop.machine.advance(FRAME_NS)
    assert loop["USART2.SR"] & IDLE


def test_usart__wire_is_not_idle_between_frames(loop):
    loop["USART2.DR"] = 1
    loop["USART2.DR"] = 2
    loop.machine.advance(FRAME_NS)
    assert loop["USART2.DR"] == 1
    loop.machine.advance(FRAME_NS)
    assert not loop["USART2.SR"] & IDLE
    assert loop["USART2.DR"] == 2


def test_usart__break_over_a_wire(loop):
    """Zeros without a stop bit: RXNE with FE."""
    loop.set("USART2.CR1", SBK)
    loop.machine.advance(2 * FRAME_NS)
    assert loop["USART2.SR"] & (RXNE | FE) == RXNE | FE
    assert loop["USART2.DR"] == 0


def test_usart__wire_between_unequal_rates(bus):
    """Another rate at the other end is garbage or a framing error there."""
    bus["GPIOA.AFRL"] = 7 << 8 | 7 << 12
    bus["GPIOA.MODER"] = bus["GPIOA.MODER"] | 2 << 4 | 2 << 6
    bus["GPIOC.AFRH"] = 8 << 8 | 8 << 12
    bus["GPIOC.MODER"] = 2 << 20 | 2 << 22
    attach(bus.machine, "uart:USART2-UART4")
    for name, divider in (("USART2", BRR_115200), ("UART4", 2 * BRR_115200)):
        bus[f"{name}.BRR"] = divider
        bus[f"{name}.CR1"] = UE | TE | RE
    bus["USART2.DR"] = 0x41
    bus.machine.advance(FRAME_NS)
    assert bus["UART4.SR"] & RXNE
    assert bus["UART4.DR"] != 0x41


def test_usart__cts_by_a_wire(port):
    """A frame starts only while the pin at CTS is low."""
    port["GPIOD.AFRL"] = 7 << 12
    port["GPIOD.BSRR"] = 1 << 4
    port["GPIOD.MODER"] = 2 << 6 | 1 << 8
    attach(port.machine, "wire:PD4-PD3")
    port["USART2.CR3"] = CTSE
    port["USART2.DR"] = 1
    port.machine.advance(3 * FRAME_NS)
    assert port.sent == b""
    port["GPIOD.BSRR"] = 1 << 20
    port.machine.advance(FRAME_NS)
    assert port.sent == b"\x01"
