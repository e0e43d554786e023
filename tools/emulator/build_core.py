# SPDX-License-Identifier: MIT
"""Build the C core (core/*.c) against the headers and the library of the installed `unicorn` package.

    python -m emulator.build_core [--force]

The result goes to build/emulator in the project, or to $EMULATOR_BUILD; its name carries a digest of all
that went into it, so that an old one is never loaded.
"""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

SOURCES = Path(__file__).parent / "core"
CFLAGS = ["-O2", "-std=gnu11", "-Wall", "-Wextra", "-fPIC", "-shared"]


def unicorn_package():
    """(header directory, library) of the installed unicorn wheel."""
    import unicorn

    package = Path(unicorn.__file__).parent
    libraries = sorted((package / "lib").glob("libunicorn.so.2*"))
    if not libraries or not (package / "include" / "unicorn" / "unicorn.h").exists():
        raise RuntimeError(f"{package} has no headers or no library: the core needs the wheel from PyPI")
    return package / "include", libraries[0]


def output_directory():
    configured = os.environ.get("EMULATOR_BUILD")
    return Path(configured) if configured else Path(__file__).resolve().parents[2] / "build" / "emulator"


def build(force=False):
    """Compile if needed; returns the path of the shared library."""
    import unicorn

    include, library = unicorn_package()
    files = sorted(SOURCES.glob("*.[ch]"))
    digest = hashlib.sha256(repr((CFLAGS, unicorn.__version__, str(library))).encode())
    for file in files:
        digest.update(file.name.encode() + file.read_bytes())
    directory = output_directory()
    target = directory / f"core-{digest.hexdigest()[:16]}.so"
    if target.exists() and not force:
        return target
    directory.mkdir(parents=True, exist_ok=True)
    partial = directory / f".core-{os.getpid()}.so"
    sources = [str(file) for file in files if file.suffix == ".c"]
    compiler = os.environ.get("CC", "gcc")
    command = [compiler, *CFLAGS, f"-I{include}", *sources, str(library), f"-Wl,-rpath,{library.parent}"]
    try:
        subprocess.run([*command, "-o", str(partial)], check=True)
    except FileNotFoundError:
        raise RuntimeError(f"no C compiler ({compiler}): install gcc, or set CC") from None
    except subprocess.CalledProcessError:
        raise RuntimeError(f"{SOURCES} does not compile with {compiler}: see above") from None
    partial.replace(target)
    for old in directory.glob("core-*.so"):
        if old != target and old.stat().st_mtime < target.stat().st_mtime - 3600:
            old.unlink(missing_ok=True)
    return target


if __name__ == "__main__":
    print(build(force="--force" in sys.argv[1:]))
