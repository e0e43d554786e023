# SPDX-License-Identifier: MIT
"""The filesystem in the internal flash as scripts see it. What the power going leaves: test_power_cut.py."""

import pytest
from support.board import BoardError


@pytest.fixture
def fs_board(board):
    """A board whose filesystem is empty before and after the test."""
    board.exec(
        "import os\n"
        "def clear(d):\n"
        " for e in os.ilistdir(d):\n"
        "  p = d + '/' + e[0]\n"
        "  if e[1] == 0x4000:\n   clear(p)\n   os.rmdir(p)\n"
        "  else:\n   os.remove(p)\n"
        "clear('/flash')\nos.chdir('/flash')\n",
        timeout=120,
    )
    yield board
    board.soft_reset()
    board.exec(
        "import os\nos.chdir('/flash')\nfor e in os.ilistdir():\n os.remove(e[0]) if e[1] == 0x8000 else None"
    )


def test_fs__write_append_seek_read(fs_board):
    fs_board.exec("with open('a.bin', 'wb') as f:\n f.write(bytes(range(256)) * 8)")
    fs_board.exec("with open('a.bin', 'ab') as f:\n f.write(b'the end')")
    assert fs_board.eval("os.stat('a.bin')[6]") == 2055
    assert fs_board.eval(
        "(f := open('a.bin', 'rb'), f.seek(-7, 2), f.read(), f.seek(256), f.read(3))[1:]"
    ) == (
        2048,
        b"the end",
        256,
        b"\x00\x01\x02",
    )


def test_fs__folders_rename_remove(fs_board):
    fs_board.exec(
        "os.mkdir('d')\nos.mkdir('d/e')\nopen('d/e/f.txt', 'w').close()\nos.rename('d/e/f.txt', 'g.txt')"
    )
    assert fs_board.eval("(sorted(os.listdir()), os.listdir('d/e'))") == (["d", "g.txt"], [])
    with pytest.raises(BoardError, match="ENOTEMPTY|OSError: 39"):
        fs_board.exec("os.rmdir('d')")
    fs_board.exec("os.rmdir('d/e')\nos.rmdir('d')\nos.remove('g.txt')")
    assert fs_board.eval("os.listdir()") == []


@pytest.mark.parametrize(
    "call, error",
    [
        ("open('none')", "ENOENT"),
        ("os.mkdir('x')\nos.mkdir('x')", "EEXIST"),
        ("os.remove('none')", "ENOENT"),
        ("open('w', 'w').read()", "EBADF|OSError: 9"),
        ("open('r', 'w').close()\nopen('r').write('x')", "EBADF|OSError: 9"),
    ],
)
def test_fs__errors(fs_board, call, error):
    """What cannot be done raises OSError with its number, and changes nothing."""
    with pytest.raises(BoardError, match=error):
        fs_board.exec(call)


def test_fs__full__ENOSPC(fs_board):
    """A full filesystem says so, keeps what it has, and takes more after a file went."""
    fs_board.exec("block = bytes(range(256)) * 4\nn = 0", timeout=60)
    with pytest.raises(BoardError, match="ENOSPC|OSError: 28"):
        fs_board.exec(
            "while True:\n with open('f%d' % n, 'wb') as f:\n  f.write(block * 8)\n n += 1",
            timeout=300,
        )
    files = fs_board.eval("n")
    assert files >= 20
    assert fs_board.eval(
        f"all(open('f%d' % i, 'rb').read() == block * 8 for i in range({files}))", timeout=60
    )
    fs_board.exec("os.remove('f0')")
    fs_board.exec("with open('again', 'wb') as f:\n f.write(block)")
    assert fs_board.eval("open('again', 'rb').read() == block") is True


def test_fs__import_from_flash(fs_board):
    """Modules come from /flash and /flash/lib; a syntax error names file and line."""
    fs_board.exec("os.mkdir('lib')")
    for name, text in (("mine.py", "value = 11"), ("lib/yours.py", "x =")):
        fs_board.exec(f"with open({name!r}, 'w') as f:\n f.write({text!r})")
    assert fs_board.eval("__import__('mine').value") == 11
    with pytest.raises(BoardError, match='File "/flash/lib/yours.py", line 1'):
        fs_board.exec("import yours")
    fs_board.exec("os.remove('lib/yours.py')\nos.rmdir('lib')")


def test_fs__block_device(fs_board):
    """stm32.Flash is a block device for scripts too; wrong arguments are refused."""
    fs_board.exec("from stm32 import Flash\nf = Flash()\nb = bytearray(1024)")
    blocks = fs_board.eval("f.ioctl(4, 0)")
    assert fs_board.eval("f.ioctl(5, 0)") == 1024
    assert fs_board.eval(f"f.readblocks({blocks}, b)") == -22
    assert fs_board.eval("f.readblocks(-1, b)") == -22
    assert fs_board.eval(f"f.ioctl(6, {blocks})") == -22
    assert fs_board.eval("f.writeblocks(0, b'abc', 0)") == -22
    assert fs_board.eval("len(f.wear())") >= 2


def test_fs__ram_disk(fs_board):
    """FAT and littlefs both mount on a script's own block device."""
    fs_board.exec(
        "import vfs\n"
        "class Disk:\n"
        " def __init__(self):\n  self.data = bytearray(50 * 512)\n"
        " def readblocks(self, n, buf, off=0):\n"
        "  buf[:] = self.data[n * 512 + off : n * 512 + off + len(buf)]\n"
        " def writeblocks(self, n, buf, off=0):\n"
        "  self.data[n * 512 + off : n * 512 + off + len(buf)] = buf\n"
        " def ioctl(self, op, arg):\n"
        "  return {4: 50, 5: 512, 6: 0}.get(op)\n"
    )
    for kind in ("VfsFat", "VfsLfs2"):
        fs_board.exec(f"d = Disk()\nvfs.{kind}.mkfs(d)\nvfs.mount(vfs.{kind}(d), '/ram')")
        fs_board.exec("with open('/ram/x', 'w') as f:\n f.write('in RAM')")
        assert fs_board.eval("open('/ram/x').read()") == "in RAM"
        fs_board.exec("vfs.umount('/ram')")
