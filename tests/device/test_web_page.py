# SPDX-License-Identifier: MIT
"""The way of the README: the web page is copied to the board, which is reset and serves it to a browser.

The screenshot is left in build/web-page.png; the README's picture is a copy of it.
"""

import os
import struct
import subprocess
import zlib

import pytest
from support.emulated import TOP

EXAMPLE = os.path.join(TOP, "examples", "web_page.py")
PICTURE = os.path.join(TOP, "build", "web-page.png")
# No sandbox: as root in a namespace. The rest keeps it from looking for its maker's hosts.
BROWSER = (
    "chromium --headless --no-sandbox --disable-gpu --disable-quic --no-first-run"
    " --disable-background-networking --disable-component-update --disable-sync --hide-scrollbars"
).split()


def browse(lan, directory, *arguments):
    """What Chromium says of a page, in the network of the board."""
    command = [*lan.inside(), *BROWSER, f"--user-data-dir={directory}", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout


def picture(path):
    """(width, height, how many different bytes its pixels have) of a PNG."""
    with open(path, "rb") as file:
        data = file.read()
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", data[16:24])
    pixels, at = b"", 8
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at : at + 8])
        if kind == b"IDAT":
            pixels += data[at + 8 : at + 8 + length]
        at += length + 12
    return width, height, len(set(zlib.decompress(pixels)))


@pytest.fixture
def served(net_board):
    """The page as main.py after a reset; its address."""
    net_board.mpremote("cp", EXAMPLE, ":main.py")
    net_board.dut.write(b"\x02\x04")  # Ctrl-B, Ctrl-D: a soft reset at the prompt runs main.py
    match = net_board.dut.expect(rb"listening on (http://[0-9.]+:80/)", timeout=30)
    yield match.group(1).decode()
    net_board.enter_raw_repl()
    net_board.exec("import os\nos.remove('main.py')")


def test_web_page__in_a_browser(served, lan, tmp_path):
    """Chromium shows the page with the board's name and its pools; the picture is more than an empty one."""
    text = browse(lan, tmp_path, "--dump-dom", served)
    assert "<h1>STM32F4DISC-DISBB with STM32F407VG</h1>" in text and "TCP_PCB" in text
    os.makedirs(os.path.dirname(PICTURE), exist_ok=True)
    browse(lan, tmp_path, f"--screenshot={PICTURE}", "--window-size=640,720", served)
    width, height, values = picture(PICTURE)
    assert (width, height) == (640, 720) and values > 20


def test_web_page__button(served, lan, net_board):
    """The button turns the LED on, and the page then offers to turn it off."""
    address = served.split("/")[2].split(":")[0]

    def ask(request):
        client = lan.socket()
        client.connect((address, 80))
        client.sendall(request + b" HTTP/1.0\r\n\r\n")
        answer = b""
        while part := client.recv(65536):
            answer += part
        client.close()
        return answer

    assert b"LED on" in ask(b"GET /")
    assert ask(b"POST /led").startswith(b"HTTP/1.0 303 See Other\r\nLocation: /\r\n")
    assert b"LED off" in ask(b"GET /")
    assert ask(b"GET /nothing").startswith(b"HTTP/1.0 404")
