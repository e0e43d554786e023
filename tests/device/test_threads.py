# SPDX-License-Identifier: MIT
"""_thread on FreeRTOS tasks: the GIL changes hands, memory comes back, a soft reset ends them all."""

import pytest
from support.board import BoardError

WAIT = """
def wait(ready):
    for _ in range(2000):
        if ready():
            return
        time.sleep_ms(5)
    raise RuntimeError("nothing happened in 10 s")
"""


@pytest.fixture
def thread_board(board):
    board.exec("import _thread, gc, sys, time\n" + WAIT)
    return board


def test_threads_share_the_cpu(thread_board):
    """Two that never wait both get on: neither starves the other or the REPL."""
    thread_board.exec(
        "count = [0, 0]\nrun = True\n"
        "def work(i):\n while run:\n  count[i] += 1\n"
        "for i in range(2):\n _thread.start_new_thread(work, (i,))\n"
    )
    thread_board.exec("wait(lambda: min(count) > 500)")
    assert thread_board.eval("max(count) / min(count)") < 3
    thread_board.exec("run = False\ntime.sleep_ms(20)")


def test_sleeping_threads_run_at_once(thread_board):
    """A sleep releases the GIL: ten sleeps at once last as long as one."""
    thread_board.exec(
        "done = []\n"
        "def nap(i):\n time.sleep_ms(100)\n done.append(i)\n"
        "t = time.ticks_ms()\n"
        "for i in range(10):\n _thread.start_new_thread(nap, (i,))\n"
        "wait(lambda: len(done) == 10)\n"
        "took = time.ticks_diff(time.ticks_ms(), t)\n"
    )
    assert thread_board.eval("sorted(done)") == list(range(10))
    assert 100 <= thread_board.eval("took") < 250


def test_memory_of_ended_threads_comes_back(thread_board):
    """A hundred threads one after the other fit where all their stacks together would not."""
    thread_board.exec(
        "def end():\n global ended\n ended += 1\nended = 0\ngc.collect()\nbefore = gc.mem_free()"
    )
    thread_board.exec(
        "for i in range(100):\n _thread.start_new_thread(end, ())\n wait(lambda: ended == i + 1)\n",
        timeout=60,
    )
    thread_board.exec("time.sleep_ms(5)\ngc.collect()")
    assert thread_board.eval("before - gc.mem_free()") < 1000


def test_collection_sees_other_threads_stacks(thread_board):
    """What only a waiting thread's local variables hold survives a collection by another thread."""
    thread_board.exec(
        "result = []\nlock = _thread.allocate_lock()\nlock.acquire()\n"
        "def hold():\n"
        " kept = [bytes((i,)) * 40 for i in range(50)]\n"
        " lock.acquire()\n"
        " result.append(all(kept[i] == bytes((i,)) * 40 for i in range(50)))\n"
        "_thread.start_new_thread(hold, ())\n"
        "time.sleep_ms(10)\n"
        "for _ in range(20):\n gc.collect()\n x = [bytearray(100) for _ in range(100)]\n"
        "lock.release()\n"
        "wait(lambda: result)\n"
    )
    assert thread_board.eval("result") == [True]


def test_collection_by_a_thread(thread_board):
    """A thread that collects reads its own stack, guard and all, and keeps what main holds."""
    thread_board.exec(
        "done = []\n"
        "def collect():\n"
        " for _ in range(5):\n  gc.collect()\n  x = [bytearray(50) for _ in range(50)]\n"
        " done.append(1)\n"
        "def main():\n"
        " kept = [bytes((i,)) * 40 for i in range(50)]\n"
        " _thread.start_new_thread(collect, ())\n"
        " wait(lambda: done)\n"
        " return all(kept[i] == bytes((i,)) * 40 for i in range(50))\n"
    )
    assert thread_board.eval("main()") is True


def test_lock__handed_over_in_order(thread_board):
    """Whoever waits for a lock gets it, though its holder takes it again at once."""
    thread_board.exec(
        "lock = _thread.allocate_lock()\ngot = []\nstop = False\n"
        "def take(i):\n"
        " while not stop:\n"
        "  with lock:\n"
        "   got.append(i)\n"
        "   time.sleep_ms(1)\n"
        "for i in range(3):\n _thread.start_new_thread(take, (i,))\n"
        "wait(lambda: len(got) > 60)\nstop = True\ntime.sleep_ms(20)\n"
    )
    counts = [thread_board.eval(f"got.count({i})") for i in range(3)]
    assert min(counts) > 10


def test_lock__no_wait(thread_board):
    thread_board.exec("lock = _thread.allocate_lock()")
    assert thread_board.eval("(lock.acquire(), lock.acquire(0), lock.locked())") == (True, False, True)
    assert thread_board.eval("(lock.release(), lock.locked())") == (None, False)


def test_stack_size(thread_board):
    """A larger stack holds a deeper recursion, and each one's limit is found before its end."""
    thread_board.exec(
        "depth = []\n"
        "def dig(n):\n try:\n  dig(n + 1)\n except RuntimeError:\n  depth.append(n)\n  raise SystemExit\n"
        "for size in (4096, 12288):\n"
        " n = len(depth)\n"
        " _thread.stack_size(size)\n"
        " _thread.start_new_thread(dig, (0,))\n"
        " wait(lambda: len(depth) > n)\n"
        "_thread.stack_size(0)\n"
    )
    small, large = thread_board.eval("depth")
    assert small > 3 and large > 3 * small


def test_exception_in_a_thread_is_printed(thread_board):
    output = thread_board.exec(
        "def fail():\n raise ValueError('in a thread')\n_thread.start_new_thread(fail, ())\ntime.sleep_ms(50)"
    )
    assert "Unhandled exception in thread started by <function fail" in output
    assert "ValueError: in a thread" in output


def test_soft_reset__ends_threads(thread_board):
    """Threads that compute, sleep and wait for a lock are all gone, and their memory with them."""
    thread_board.exec("gc.collect()")
    free = thread_board.eval("gc.mem_free()")
    for _ in range(5):
        thread_board.exec(
            "lock = _thread.allocate_lock()\nlock.acquire()\n"
            "def spin():\n while True:\n  pass\n"
            "_thread.start_new_thread(spin, ())\n"
            "_thread.start_new_thread(time.sleep, (1000,))\n"
            "_thread.start_new_thread(lock.acquire, ())\n"
        )
        thread_board.soft_reset()
        thread_board.exec("import _thread, gc, time\ngc.collect()")
    assert thread_board.eval("gc.mem_free()") > free - 2000


def test_main_thread__interrupted_while_others_run(thread_board):
    """Ctrl-C breaks the main thread's loop though other threads keep the CPU busy."""
    thread_board.exec(
        "def spin():\n while run:\n  pass\n"
        "run = True\nfor _ in range(3):\n _thread.start_new_thread(spin, ())"
    )
    thread_board.start("print('go')\nwhile True:\n pass\n")
    thread_board.expect(b"go\r\n")
    thread_board.dut.write(b"\x03")
    _, error = thread_board.finish()
    assert b"KeyboardInterrupt" in error
    thread_board.exec("run = False\ntime.sleep_ms(20)")


def test_too_many_threads__MemoryError(thread_board):
    with pytest.raises(BoardError, match="MemoryError"):
        thread_board.exec("run = True\nwhile True:\n _thread.start_new_thread(lambda: time.sleep(1000), ())")
