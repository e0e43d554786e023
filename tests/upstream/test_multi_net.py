# SPDX-License-Identifier: MIT
"""MicroPython's multi_net tests, one instance on the board and one on CPython, each way round.

Those without TLS. What is expected is upstream's, or what two CPythons print.
"""

import os
import re
import subprocess
import sys

import pytest

from .test_upstream import NETWORK_FILES, TESTS

VERDICT = re.compile(r"^multi_net/(\w+\.py) on (\S+)\|\S+: (pass|skip|FAIL)", re.MULTILINE)
FILES = sorted(
    name
    for name in os.listdir(os.path.join(TESTS, "multi_net"))
    if name.endswith(".py") and not re.match(r"ssl|tls|asyncio_tls", name)
)
ORDERS = ("board serves", "CPython serves")
# (file, order): why CPython cannot take its part.
NOT = {
    ("asyncio_tcp_readinto.py", "board serves"): "CPython's StreamReader has no readinto()",
}
SECONDS = 300


@pytest.fixture(scope="session")
def multi_net(start_board, lan, tmp_path_factory):
    """What run-multitests.py says of all of them, in both orders: ({(file, order): verdict}, its output)."""
    lan.take_tap()
    board = start_board(lan=lan)
    try:
        board.mpremote("fs", "mkdir", ":lib", check=False)
        boot = tmp_path_factory.mktemp("multi_net") / "boot.py"
        boot.write_text(NETWORK_FILES["boot.py"])
        board.mpremote("fs", "cp", str(boot), ":boot.py")
        board.release()
        runner = [
            sys.executable,
            "-u",
            "run-multitests.py",
            "-p",
            "2",
            "-i",
            f"pyb:{board.port}",
            "-i",
            "cpython",
        ]
        done = subprocess.run(
            [*lan.inside(TESTS), *runner, *(f"multi_net/{name}" for name in FILES)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=SECONDS,
            check=False,
            env={**os.environ, "MICROPY_CPYTHON3": sys.executable, "PYTHONDONTWRITEBYTECODE": "1"},
        )
    finally:
        board.close()
    said = done.stdout + done.stderr
    verdicts = {}
    for name, first, verdict in VERDICT.findall(said):
        verdicts[name, ORDERS[first.startswith("python")]] = verdict
    return verdicts, said


@pytest.mark.emulator_only
@pytest.mark.timeout(2 * SECONDS)
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("name", FILES)
def test_multi_net(multi_net, name, order):
    """The board and CPython understand each other as upstream's test has it."""
    verdicts, said = multi_net
    reason = NOT.get((name, order))
    if reason:
        assert verdicts.get((name, order)) != "pass", "its entry in NOT no longer holds"
        pytest.skip(reason)
    assert verdicts.get((name, order)) == "pass", said[-8000:]
