# SPDX-License-Identifier: MIT
"""Build what stands in the emulated chip's system memory: the DFU loader of loader/*.c.

The result goes where the C core goes (see build_core.py), one for each crystal.
"""

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

from .build_core import output_directory

SOURCES = Path(__file__).parent / "loader"
CFLAGS = (
    *("-mcpu=cortex-m4", "-mthumb", "-Os", "-std=gnu11", "-Wall", "-Wextra", "-Werror"),
    *("-ffreestanding", "-nostdlib", "-fno-builtin"),
)


def build(hse_hz):
    """The loader's bytes for a board with this crystal; b"" where there is no cross compiler."""
    compiler = shutil.which("arm-none-eabi-gcc")
    if compiler is None:
        return b""
    digest = hashlib.sha256(repr((CFLAGS, hse_hz)).encode())
    files = sorted(path for path in SOURCES.iterdir() if path.suffix in (".c", ".h", ".ld"))
    for file in files:
        digest.update(file.name.encode() + file.read_bytes())
    directory = output_directory()
    target = directory / f"loader-{digest.hexdigest()[:16]}.bin"
    if not target.exists():
        directory.mkdir(parents=True, exist_ok=True)
        partial = directory / f".loader-{os.getpid()}"
        sources = [str(file) for file in files if file.suffix == ".c"]
        script = str(SOURCES / "loader.ld")
        subprocess.run(
            [compiler, *CFLAGS, f"-DHSE_HZ={hse_hz}u", "-T", script, *sources, "-o", f"{partial}.elf"],
            check=True,
        )
        subprocess.run(
            ["arm-none-eabi-objcopy", "-O", "binary", f"{partial}.elf", f"{partial}.bin"], check=True
        )
        Path(f"{partial}.bin").replace(target)
        Path(f"{partial}.elf").unlink()
    return target.read_bytes()
