# SPDX-License-Identifier: MIT
# Runs at every (soft) reset before boot.py: mounts the filesystem at /flash, makes it on a new board.
import sys
import vfs


def _mount():
    import os
    from stm32 import Flash

    flash = Flash()
    try:
        vfs.mount(vfs.VfsLfs2(flash), "/flash")
    except OSError:
        print("No filesystem in flash: making one")
        vfs.VfsLfs2.mkfs(flash)
        vfs.mount(vfs.VfsLfs2(flash), "/flash")
    os.chdir("/flash")
    sys.path.append("/flash")
    sys.path.append("/flash/lib")


try:
    _mount()
except Exception as error:
    print("The filesystem does not work:", error)
