# SPDX-License-Identifier: MIT
"""machine.Pin and Signal. On pins that no board of ours uses for anything else: PD0, PE7, PE9."""

import pytest
from support.board import BoardError


@pytest.fixture
def pin_board(board):
    board.exec("from machine import Pin, Signal")
    return board


def test_pin__names(pin_board):
    """A pin is found by the chip's and by the board's name, and as an attribute of either."""
    assert pin_board.eval("Pin('SW').name()") == "PA0"
    assert pin_board.eval("Pin('PA0') is Pin('SW') is Pin.board.SW is Pin.cpu.PA0") is True
    assert pin_board.eval("Pin.cpu.PA0.names()") == ["PA0", "SW"]


@pytest.mark.parametrize("name", ["'PZ1'", "'PA16'", "''"])
def test_pin__unknown__ValueError(pin_board, name):
    with pytest.raises(BoardError, match="ValueError: Pin.* doesn't exist"):
        pin_board.exec(f"Pin({name})")


@pytest.mark.parametrize("name", ["7", "None", "object()"])
def test_pin__no_name__TypeError(pin_board, name):
    """What is neither a Pin nor a name is the wrong type, here and in what takes a pin."""
    with pytest.raises(BoardError, match="TypeError: expected a Pin or its name"):
        pin_board.exec(f"Pin({name})")
    with pytest.raises(BoardError, match="TypeError: expected a Pin or its name"):
        pin_board.exec(f"import machine\nmachine.time_pulse_us({name}, 1, 100)")


OWNED = [
    ("PA1", "Ethernet .REF_CLK."),
    ("PE2", "Ethernet .reset of the PHY."),
    ("PB10", "Ethernet .RX_ER."),
    ("PA11", "USB .DM."),
    ("PA9", "USB .VBUS."),
    ("PC6", "the console .TX."),
    ("PA13", "the debugger .SWDIO."),
    ("PH0", "the clock .OSC_IN."),
]


@pytest.mark.parametrize("name,owner", OWNED)
def test_pin__the_board_has_it__ValueError(pin_board, name, owner):
    """A pin of the board's own parts is refused, with its owner's name, however a script wants to take it."""
    ways = (
        f"Pin('{name}', Pin.IN)",
        f"Pin('{name}').init(Pin.OUT)",
        f"Pin('{name}').on()",
        f"Pin('{name}')(0)",
        f"Pin('{name}').toggle()",
        f"Pin('{name}').value(1)",
        f"Pin('{name}').mode(Pin.OUT)",
        f"Pin('{name}').pull(None)",
        f"Pin('{name}').drive(Pin.DRIVE_0)",
        f"Pin('{name}').irq(print)",
        f"Signal(Pin('{name}')).on()",
        f"machine.SoftI2C(scl='PD0', sda='{name}')",
        f"machine.SoftSPI(sck='PD0', mosi='{name}', miso='PD1')",
    )
    pin_board.exec("import machine")
    before = pin_board.eval(f"repr(Pin('{name}'))")
    for way in ways:
        with pytest.raises(BoardError, match=f"ValueError: pin {name} belongs to {owner}"):
            pin_board.exec(way)
    assert pin_board.eval(f"repr(Pin('{name}'))") == before


def test_pin__the_board_has_it__can_be_looked_at(pin_board):
    """Naming, reading and printing take nothing away."""
    assert pin_board.eval("repr(Pin('USB_DM'))") == "Pin(Pin.cpu.PA11, mode=Pin.ALT, alt=10)"
    assert pin_board.eval("Pin('PE2')() in (0, 1)") is True
    assert pin_board.eval("Pin.board.ETH_NRST.names()") == ["PE2", "ETH_NRST"]


def test_pin__mode_pull_drive(pin_board):
    """Each can be read and be changed alone."""
    pin_board.exec("p = Pin('PD0', Pin.OUT, Pin.PULL_UP, value=1)")
    assert pin_board.eval("(p.mode() == Pin.OUT, p.pull() == Pin.PULL_UP, p.drive() == Pin.DRIVE_2)") == (
        (True,) * 3
    )
    pin_board.exec("p.mode(Pin.OPEN_DRAIN)\np.pull(None)\np.drive(Pin.DRIVE_0)")
    assert pin_board.eval("(p.mode() == Pin.OPEN_DRAIN, p.pull(), p.drive() == Pin.DRIVE_0)") == (
        True,
        None,
        True,
    )
    assert pin_board.eval("p()") == 0  # let go, nobody else drives it
    for call in ("mode(9)", "pull(3)", "drive(4)"):
        with pytest.raises(BoardError, match="ValueError: invalid pin"):
            pin_board.exec(f"p.{call}")


def test_pin__output(pin_board):
    """Each way to write a pin reads back."""
    pin_board.exec("p = Pin('PD0', Pin.OUT, value=1)")
    assert pin_board.eval("p()") == 1
    writes = "(p.off(), p(), p.on(), p.value(), p.toggle(), p(), p(1), p())"
    assert pin_board.eval(writes) == (None, 0, None, 1, None, 0, None, 1)


def test_pin__print_shows_the_set_up(pin_board):
    assert pin_board.eval("repr(Pin('PD0', Pin.IN, Pin.PULL_UP))") == (
        "Pin(Pin.cpu.PD0, mode=Pin.IN, pull=Pin.PULL_UP)"
    )
    assert pin_board.eval("repr(Pin('PD0', Pin.ALT, alt=9))") == "Pin(Pin.cpu.PD0, mode=Pin.ALT, alt=9)"
    assert pin_board.eval("repr(Pin('PD0', Pin.OPEN_DRAIN))") == "Pin(Pin.cpu.PD0, mode=Pin.OPEN_DRAIN)"


@pytest.mark.parametrize("arguments", ["mode=9", "pull=3", "drive=7", "Pin.ALT", "Pin.ALT, alt=16"])
def test_pin__invalid__ValueError(pin_board, arguments):
    with pytest.raises(BoardError, match="ValueError: invalid pin"):
        pin_board.exec(f"Pin('PD0', {arguments})")


@pytest.mark.emulator_only
def test_pin__pulls(pin_board):
    """An open input follows its pull."""
    assert pin_board.eval("Pin('PE7', Pin.IN, Pin.PULL_UP)()") == 1
    assert pin_board.eval("Pin('PE7', Pin.IN, Pin.PULL_DOWN)()") == 0


def test_signal__inverts(pin_board):
    pin_board.exec("s = Signal('PD0', Pin.OUT, invert=True)\ns.on()")
    assert pin_board.eval("Pin('PD0')()") == 0
    assert pin_board.eval("(s.off(), Pin('PD0')())[1]") == 1


@pytest.mark.emulator_only
def test_irq__edges(pin_board):
    """A handler runs for the edges asked for and for no other; with its pin as the argument."""
    pin_board.exec("import time\nseen = []\np = Pin('PE7', Pin.IN, Pin.PULL_DOWN)")
    pin_board.exec("irq = p.irq(lambda p: seen.append((p.name(), irq.flags())), Pin.IRQ_RISING)")
    # The pull makes the edges: nothing else is connected.
    edge = "for pull in (Pin.PULL_UP, Pin.PULL_DOWN):\n Pin('PE7', Pin.IN, pull)\n time.sleep_ms(2)\n"
    pin_board.exec(edge)
    assert pin_board.eval("seen") == [("PE7", 1)]
    pin_board.exec("irq.trigger(Pin.IRQ_FALLING)\n" + edge)
    assert pin_board.eval("seen") == [("PE7", 1), ("PE7", 2)]
    pin_board.exec("p.irq(None)\n" + edge)
    assert pin_board.eval("len(seen)") == 2


def test_irq__line_is_taken__OSError(pin_board):
    """Pins of equal number share an interrupt line."""
    pin_board.exec("Pin('PD0', Pin.IN).irq(print)")
    with pytest.raises(BoardError, match="OSError: interrupt line taken by PD0"):
        pin_board.exec("Pin('PE0', Pin.IN).irq(print)")


def test_irq__hard__ValueError(pin_board):
    with pytest.raises(BoardError, match="ValueError: hard interrupts are not supported"):
        pin_board.exec("Pin('PD0', Pin.IN).irq(print, hard=True)")


def test_irq__wake(pin_board):
    """PA0 alone can end a deep sleep."""
    pin_board.exec("import machine\nPin('PA0', Pin.IN).irq(print, Pin.IRQ_RISING, wake=machine.DEEPSLEEP)")
    assert pin_board.eval("machine.mem32[0x40007004] >> 8 & 1") == 1
    pin_board.exec("Pin('PA0').irq(None, Pin.IRQ_RISING)")
    assert pin_board.eval("machine.mem32[0x40007004] >> 8 & 1") == 0
    with pytest.raises(BoardError, match="ValueError: only PA0 wakes from deepsleep"):
        pin_board.exec("Pin('PD0', Pin.IN).irq(print, wake=machine.DEEPSLEEP)")
    for argument in ("wake=8", "priority=2"):
        with pytest.raises(BoardError, match="ValueError: invalid (wake|priority)"):
            pin_board.exec(f"Pin('PD0', Pin.IN).irq(print, {argument})")
