# SPDX-License-Identifier: MIT
"""MicroPython's own test suite on the board, one pytest test per file of it.

run-tests.py runs in the background on two emulated boards (a real one: on that one); each test here
waits for its verdict. A skip or a failure that skip.txt does not explain fails, and so does an entry of it
that no longer holds.
"""

import os
import threading

import pytest

from .runner import Run, SkipList, difference

HERE = os.path.dirname(os.path.abspath(__file__))
TESTS = os.path.join(
    os.environ.get("MICROPYTHON_DIR") or os.path.expanduser("~/.cache/mplwip/src/micropython-1.25.0"), "tests"
)
# Two halves that take about equally long.
HALVES = (
    ("basics", "float", "unicode", "io", "import"),
    ("extmod", "micropython", "misc", "stress", "thread", "inlineasm/thumb"),
)
NETWORK = ("net_hosted", "net_inet")
# The interface has to be up when a test's script begins; boot.py runs at each soft reset. One test imports
# ssl and then asks what it can do: nothing.
NETWORK_FILES = {
    "boot.py": """\
import network, time
lan = network.LAN()
lan.active(True)
for _ in range(1000):
    if lan.isconnected():
        break
    time.sleep_ms(10)
""",
    "lib/ssl.py": "",
}
# What micropython.org answered when upstream wrote down what its tests expect (net_inet/*.exp).
PAGE = (
    b"""\
HTTP/1.1 200 OK
Server: local
Content-Type: text/html
Content-Length: 54
Connection: close
Vary: Accept-Encoding
ETag: "54306c85-36"
Strict-Transport-Security: max-age=15768000
Accept-Ranges: bytes

""".replace(b"\n", b"\r\n")
    + b"x" * 54
)
SKIPS = SkipList(os.path.join(HERE, "skip.txt"))
SECONDS = 1800  # the first test waits until its board is up; any other only for its turn


def names_in(directory):
    """The test files of one directory of the suite, as run-tests.py names them."""
    path = os.path.join(TESTS, directory)
    if not os.path.isdir(path):
        return []
    return [f"{directory}/{name}" for name in sorted(os.listdir(path)) if name.endswith(".py")]


ALL = [name for group in (*HALVES, NETWORK) for directory in group for name in names_in(directory)]


class WebServer(threading.Thread):
    """Answers each request on port 80 of the tests' network with PAGE."""

    def __init__(self, lan):
        super().__init__(daemon=True)
        self.listener = lan.socket()
        self.listener.bind((lan.host, 80))
        self.listener.listen(16)
        self.listener.settimeout(None)

    def run(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return  # closed at the end of the session
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        with connection:
            connection.settimeout(30)
            try:
                while b"\r\n\r\n" not in (request := connection.recv(4096)):
                    if not request:
                        return
                connection.sendall(PAGE)
            except OSError:
                return  # the board dropped the connection, as some tests do


def collected(request, groups):
    """For each of `groups` (of directories) the test files that this session runs."""
    names = [
        item.callspec.params["name"]
        for item in request.session.items
        if item.originalname == "test_upstream" and SKIPS.kind(item.callspec.params["name"]) != "never"
    ]
    return [[name for name in names if name.rsplit("/", 1)[0] in group] for group in groups]


@pytest.fixture(scope="session")
def runs(request, start_board, tmp_path_factory, pytestconfig):
    """{test file: its Run}, for the files that need no network."""
    halves = collected(request, HALVES)
    if pytestconfig.getoption("port"):
        halves = [[name for half in halves for name in half]]
    by_name = {}
    for half in halves:
        run = Run(TESTS, half, start_board, str(tmp_path_factory.mktemp("results")))
        run.start()
        by_name |= dict.fromkeys(half, run)
    return by_name


@pytest.fixture(scope="session")
def network_runs(request, start_board, lan, tmp_path_factory):
    """{test file: its Run}, for those that need a network, on a board that has one to itself."""
    server = WebServer(lan)
    server.start()
    lan.take_tap()
    [names] = collected(request, [NETWORK])
    results = str(tmp_path_factory.mktemp("results"))
    run = Run(TESTS, names, lambda: start_board(lan=lan), results, NETWORK_FILES, lan.inside(TESTS))
    run.start()
    yield dict.fromkeys(names, run)
    server.listener.close()


@pytest.mark.timeout(SECONDS)
@pytest.mark.parametrize("name", ALL)
def test_upstream(name, request):
    """The file gives the output that upstream expects, or skip.txt says why not."""
    kind, reason = SKIPS.kind(name), SKIPS.reason(name)
    if kind == "never":
        pytest.skip(reason)
    network = name.startswith(NETWORK)
    if network and request.config.getoption("port"):
        pytest.skip("needs the emulated board's network")
    run = request.getfixturevalue("network_runs" if network else "runs")[name]
    verdict = run.wait(name)
    if verdict == "skip":
        assert kind == "skip", f"{name} skipped itself, and skip.txt does not say why"
        pytest.skip(reason)
    if verdict == "pass":
        assert kind in (None, "chance"), f"{name} passes: its entry in skip.txt no longer holds"
        return
    if kind in ("fail", "chance") and verdict == "FAIL":
        pytest.xfail(reason)
    pytest.fail(f"{name}: {difference(run.results, name) if verdict == 'FAIL' else verdict}", pytrace=False)


def test_skip_list__every_entry_exists():
    assert sorted(set(SKIPS.entries) - set(ALL)) == []


def test_suite__is_there():
    """A renamed or empty directory must not pass for a suite that passed."""
    for group in (*HALVES, NETWORK):
        for directory in group:
            assert names_in(directory), f"no tests in {os.path.join(TESTS, directory)}"
