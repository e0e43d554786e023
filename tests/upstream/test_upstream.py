# SPDX-License-Identifier: MIT
"""MicroPython's own test suite on the board, one pytest test per file of it.

run-tests.py runs in the background on two emulated boards (a real one: on that one); each test here
waits for its verdict. A skip or a failure that skip.txt does not explain fails, and so does an entry of it
that no longer holds.
"""

import os

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
SKIPS = SkipList(os.path.join(HERE, "skip.txt"))
SECONDS = 1800  # the first test waits until its board is up; any other only for its turn


def names_in(directory):
    """The test files of one directory of the suite, as run-tests.py names them."""
    path = os.path.join(TESTS, directory)
    if not os.path.isdir(path):
        return []
    return [f"{directory}/{name}" for name in sorted(os.listdir(path)) if name.endswith(".py")]


ALL = [name for half in HALVES for directory in half for name in names_in(directory)]


@pytest.fixture(scope="session")
def runs(request, start_board, tmp_path_factory, pytestconfig):
    """{test file: its Run}, for the files that this session collected."""
    wanted = [
        item.callspec.params["name"]
        for item in request.session.items
        if item.originalname == "test_upstream" and SKIPS.kind(item.callspec.params["name"]) != "never"
    ]
    halves = [[name for name in wanted if name.rsplit("/", 1)[0] in half] for half in HALVES]
    if pytestconfig.getoption("port"):
        halves = [wanted]
    by_name = {}
    for half in halves:
        run = Run(TESTS, half, start_board, str(tmp_path_factory.mktemp("results")))
        run.start()
        by_name |= dict.fromkeys(half, run)
    return by_name


@pytest.mark.timeout(SECONDS)
@pytest.mark.parametrize("name", ALL)
def test_upstream(name, request):
    """The file gives the output that upstream expects, or skip.txt says why not."""
    kind, reason = SKIPS.kind(name), SKIPS.reason(name)
    if kind == "never":
        pytest.skip(reason)
    run = request.getfixturevalue("runs")[name]
    verdict = run.wait(name)
    if verdict == "skip":
        assert kind == "skip", f"{name} skipped itself, and skip.txt does not say why"
        pytest.skip(reason)
    if verdict == "pass":
        assert kind is None, f"{name} passes: its entry in skip.txt no longer holds"
        return
    if kind == "fail" and verdict == "FAIL":
        pytest.xfail(reason)
    pytest.fail(f"{name}: {difference(run.results, name) if verdict == 'FAIL' else verdict}", pytrace=False)


def test_skip_list__every_entry_exists():
    assert sorted(set(SKIPS.entries) - set(ALL)) == []


def test_suite__is_there():
    """A renamed or empty directory must not pass for a suite that passed."""
    for half in HALVES:
        for directory in half:
            assert names_in(directory), f"no tests in {os.path.join(TESTS, directory)}"
