# SPDX-License-Identifier: MIT
"""The Debian packages that building, running and testing need: found by what they provide."""

import glob
import importlib.util
import os
import shutil
import subprocess
from collections import namedtuple

from .report import SetupError, failure, require_space, say, stream

# megabytes: installed size with what else the package brings in, rounded up (measured on Debian 12).
Package = namedtuple("Package", "name provided megabytes")

PATHS = os.environ.get("PATH", "/usr/bin") + ":/usr/local/sbin:/usr/sbin:/sbin"


def program(name):
    return lambda: shutil.which(name, path=PATHS) is not None


def file(pattern):
    return lambda: bool(glob.glob(pattern))


def has_newlib():
    """Whether the cross compiler finds newlib, wherever it was installed from."""
    compiler = shutil.which("arm-none-eabi-gcc", path=PATHS)
    if compiler is None:
        return False
    answer = subprocess.run(
        [compiler, "-print-file-name=libm.a"], capture_output=True, text=True, check=False
    )
    return os.path.isabs(answer.stdout.strip())


def has_venv():
    return importlib.util.find_spec("ensurepip") is not None and importlib.util.find_spec("venv") is not None


FOR_RUN = (
    Package("gcc", program("gcc"), 160),
    Package("libc6-dev", file("/usr/include/stdio.h"), 20),
    Package("gcc-arm-none-eabi", program("arm-none-eabi-gcc"), 500),
    Package("libnewlib-arm-none-eabi", has_newlib, 380),
    Package("python3-venv", has_venv, 10),
    Package("passt", program("passt"), 2),
)
FOR_TEST = (
    Package("iproute2", program("ip"), 10),
    Package("dnsmasq-base", program("dnsmasq"), 5),
    Package("iperf", program("iperf"), 1),
    Package("bind9-dnsutils", program("dig"), 12),
    Package("tshark", program("tshark"), 180),
    Package("dfu-util", program("dfu-suffix"), 1),
    # tools/devnode: the emulated board's DFU loader for the real dfu-util
    Package("umockdev", program("umockdev-wrapper"), 2),
    Package("gir1.2-umockdev-1.0", file("/usr/lib/*/girepository-1.0/UMockdev-1.0.typelib"), 1),
    Package("python3-gi", file("/usr/lib/python3/dist-packages/gi/__init__.py"), 40),
    Package("gdb-multiarch", program("gdb-multiarch"), 130),
    Package("chromium", program("chromium"), 500),
    Package("fonts-dejavu-core", file("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"), 3),
)
FOR_LINT = tuple(package for package in FOR_RUN if package.name == "python3-venv")
STEPS = {"firmware": FOR_RUN, "run": FOR_RUN, "test": FOR_RUN + FOR_TEST, "lint": FOR_LINT}


def missing(step):
    return [package for package in STEPS[step] if not package.provided()]


def apt_get(*arguments):
    """apt-get as root, by sudo where need be; None where there is no way to be root."""
    command = ["apt-get", "-o", "DPkg::Lock::Timeout=300", *arguments]
    if os.geteuid() == 0:
        return ["env", "DEBIAN_FRONTEND=noninteractive", *command]
    if shutil.which("sudo") is None:
        return None
    ask = ["sudo"] if os.isatty(0) else ["sudo", "-n"]
    if subprocess.run([*ask, "true"], capture_output=not os.isatty(0), check=False).returncode != 0:
        return None
    return [*ask, "env", "DEBIAN_FRONTEND=noninteractive", *command]


def install(step):
    """Install what `step` lacks. Silent when nothing is missing."""
    lacking = missing(step)
    if not lacking:
        return
    names = [package.name for package in lacking]
    by_hand = "apt-get install --no-install-recommends " + " ".join(names)
    if shutil.which("apt-get") is None:
        raise SetupError(f"missing: {' '.join(names)}, and this is no Debian (no apt-get) to install them on")
    command = apt_get("install", "-y", "--no-install-recommends", *names)
    if command is None:
        raise SetupError(f"missing Debian packages and no rights to install them; as root: {by_hand}")
    require_space(
        "/usr", sum(package.megabytes for package in lacking) + 200, "installing " + ", ".join(names)
    )
    say("installing Debian packages: " + " ".join(names))
    status, lines = stream(apt_get("update", "-q"), lambda line: None)
    if status != 0:
        raise failure("apt-get update", lines)
    status, lines = stream(command, show_apt)
    if status != 0:
        raise failure(by_hand, lines)
    lacking = missing(step)
    if lacking:
        raise SetupError(f"installed, but still not found: {' '.join(package.name for package in lacking)}")


def show_apt(line):
    if line.startswith(("Need to get", "Setting up")):
        say("  " + line.removesuffix(" ..."))
