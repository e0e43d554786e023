# SPDX-License-Identifier: MIT
"""Fixtures for tests that need a board: emulated unless PORT= names a real one.

board           a board at its raw REPL's prompt, soft reset before each test (support.board.Board)
emulated_board  make one with arguments of your own: emulated_board("--flash", path)
lan             a network namespace with a TAP, DHCP and DNS, and sockets for the test (support.lan.Lan)
uart_board      an emulated board in this process, in virtual time, without USB (support.uart_board.UartBoard)
net_board       like board, another one, on lan's wire (not with PORT=)
firmware        path of the ELF under test

Marker wires("PA0 to PA1", ...): what must be wired on a real board for the test; the emulated one has models.

`--port` is pytest-embedded's option, `--elf` and `--board` are ours (`make test` passes them).
"""

import os

import pytest
from support.board import Board
from support.emulated import TOP, EmulatedBoard
from support.lan import TAP, Lan
from support.uart_board import UartBoard


def pytest_addoption(parser):
    group = parser.getgroup("board")
    group.addoption("--board", default="STM32F4DISC_DISBB", help="board whose firmware is tested")
    group.addoption("--full", action="store_true", help="soak tests at full length (make soak)")
    group.addoption("--wired", action="store_true", help="the wires that tests ask for are on the real board")
    group.addoption("--elf", help="firmware under test (default: build/BOARD/firmware.elf)")


def pytest_collection_modifyitems(config, items):
    """What the chosen kind of board cannot do is skipped by marker, with its reason."""
    real = config.getoption("port")
    for item in items:
        if real and item.get_closest_marker("emulator_only"):
            item.add_marker(pytest.mark.skip(reason="needs the emulated board"))
        if not real and item.get_closest_marker("board_only"):
            item.add_marker(pytest.mark.skip(reason="needs a real board (PORT=)"))
        if real and item.get_closest_marker("wires") and not config.getoption("wired"):
            item.add_marker(pytest.mark.skip(reason="needs wires on the board (WIRED=1 when they are there)"))
        if real and (item.get_closest_marker("network") or "net_board" in item.fixturenames):
            item.add_marker(pytest.mark.skip(reason="needs the emulated board's network"))


def pytest_report_collectionfinish(config, items):
    """Before a real board is tested: what must be on it."""
    port = config.getoption("port")
    if not port:
        return []
    wanted = {}
    for item in items:
        for marker in item.iter_markers("wires"):
            for wire in marker.args:
                wanted.setdefault(wire, set()).add(item.name.split("[")[0])
    lines = [f"Real board on {port}: its USB in this computer, nothing else that talks to it."]
    if not wanted:
        return lines
    state = "said to be there" if config.getoption("wired") else "not there, so their tests are skipped"
    lines.append(f"Wires ({state}; WIRED=1 says that they are):")
    return lines + [f"  {wire}: for {', '.join(sorted(tests))}" for wire, tests in sorted(wanted.items())]


@pytest.fixture(scope="session")
def firmware(pytestconfig):
    name = pytestconfig.getoption("board")
    path = pytestconfig.getoption("elf") or os.path.join("build", name, "firmware.elf")
    return os.path.join(TOP, path)


@pytest.fixture(scope="session")
def formatted_flash(pytestconfig, firmware, tmp_path_factory):
    """The flash of a board that was started once: with an empty filesystem, which takes seconds to erase."""
    directory = tmp_path_factory.mktemp("flash")
    image = directory / "flash.bin"
    process = EmulatedBoard(
        firmware, pytestconfig.getoption("board"), str(directory / "emulator.log"), "--flash", str(image)
    )
    board = Board(process.usb, str(directory / "serial.log"), process)
    try:
        board.enter_raw_repl()
    finally:
        board.close()
    return image.read_bytes()


@pytest.fixture(scope="session")
def start_board(request, pytestconfig, firmware, tmp_path_factory):
    """start_board(*arguments, lan=None) -> Board: a new emulated board, or the real one; close it."""
    port = pytestconfig.getoption("port")
    # Here and not in start(), which other threads call: pytest makes its fixtures in one thread only.
    flash = None if port else request.getfixturevalue("formatted_flash")

    def start(*arguments, lan=None):
        directory = tmp_path_factory.mktemp("board")
        transcript = str(directory / "serial.log")
        if port:
            return Board(port, transcript)
        if "--flash" not in arguments:
            image = directory / "flash.bin"
            image.write_bytes(flash)
            arguments = ("--flash", str(image), *arguments)
        name = pytestconfig.getoption("board")
        prefix = ()
        if lan is not None:
            prefix = lan.inside()
            arguments = ("--net", f"tap:{TAP}", *arguments)
        process = EmulatedBoard(firmware, name, str(directory / "emulator.log"), *arguments, prefix=prefix)
        try:
            return Board(process.usb, transcript, process)
        except BaseException:
            process.close()
            raise

    return start


@pytest.fixture
def emulated_board(start_board):
    """A factory of emulated boards with arguments of the test's own, closed after it."""
    boards = []

    def make(*arguments):
        boards.append(start_board(*arguments))
        return boards[-1]

    yield make
    for board in boards:
        board.close()


class SharedBoard:
    """One board for the whole session; a new one when a test killed it."""

    def __init__(self, start):
        self.start = start
        self.board = None

    def get(self):
        if self.board is not None and self.board.emulated and self.board.process.process.poll() is not None:
            self.board.close()
            self.board = None
        if self.board is None:
            self.board = self.start()
        return self.board

    def drop(self):
        if self.board is not None:
            self.board.close()
            self.board = None


@pytest.fixture(scope="session")
def shared_board(start_board):
    shared = SharedBoard(start_board)
    yield shared
    shared.drop()


def fresh(shared):
    """The shared board after a soft reset; a test that leaves it beyond Ctrl-C fails for that at its end."""
    board = shared.get()
    board.soft_reset()
    yield board
    try:
        board.enter_raw_repl()
    except Exception:
        shared.drop()
        raise


@pytest.fixture
def board(shared_board):
    """The session's board, soft reset: no variable, socket or module of an earlier test is left on it."""
    yield from fresh(shared_board)


@pytest.fixture(scope="session")
def lan(tmp_path_factory):
    made = Lan(str(tmp_path_factory.mktemp("lan")))
    yield made
    made.close()


@pytest.fixture(scope="session")
def shared_net_board(start_board, lan):
    def start():
        lan.take_tap(shared.drop)
        return start_board(lan=lan)

    shared = SharedBoard(start)
    yield shared
    shared.drop()


@pytest.fixture
def net_board(shared_net_board):
    """Like `board`, on the wire of `lan`. Its interface is as a soft reset leaves it: not active."""
    yield from fresh(shared_net_board)


@pytest.fixture(scope="module")
def uart_board(pytestconfig, firmware, formatted_flash):
    """An emulated board in this process, at its raw REPL by UART (support.uart_board.UartBoard)."""
    made = UartBoard(firmware, pytestconfig.getoption("board"), flash_image=formatted_flash)
    yield made
    made.close()
