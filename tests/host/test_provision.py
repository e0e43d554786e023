# SPDX-License-Identifier: MIT
"""Set-up: what it reads of the machine's apt, what it checks, and its one line when it cannot go on."""

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
from collections import namedtuple

import pytest
from provision import aptroot, packages, report, sources

TOOLS = os.path.dirname(os.path.dirname(os.path.abspath(sources.__file__)))
MIRROR = "http://mirror.invalid/debian"
RELEASE = {"ID": "debian", "VERSION_CODENAME": "bookworm"}
DEB822 = f"""\
Types: deb
URIs: {MIRROR}
Suites: bookworm bookworm-updates
Components: main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 mQINBF
 -----END PGP PUBLIC KEY BLOCK-----

# a comment
Types: deb
URIs: http://other.invalid/
Suites: nodistro
Components: main

Enabled: no
Types: deb
URIs: http://disabled.invalid/debian
Suites: bookworm
Components: main
"""


def found_mirrors(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    return aptroot.mirrors([str(tmp_path / "*.list"), str(tmp_path / "*.sources")], RELEASE)


def test_mirrors__deb822(tmp_path):
    """Debian's own archive is taken with its key as it stands; other archives and disabled ones are not."""
    [(uri, key)] = found_mirrors(tmp_path, "debian.sources", DEB822)
    assert uri == MIRROR
    assert key.splitlines()[1] == " -----BEGIN PGP PUBLIC KEY BLOCK-----" and len(key.splitlines()) == 5


def test_mirrors__one_line(tmp_path):
    text = f"""\
# deb http://commented.invalid/debian bookworm main
deb cdrom:[Debian]/ bookworm main
deb [arch=amd64 signed-by=/usr/share/keyrings/k.gpg] {MIRROR} bookworm main contrib # tail
deb-src {MIRROR} bookworm contrib
deb http://security.invalid/debian-security bookworm-security main
deb http://third.invalid/ ./
"""
    assert found_mirrors(tmp_path, "sources.list", text) == [(MIRROR, "/usr/share/keyrings/k.gpg")]


def test_mirrors__none(tmp_path):
    assert found_mirrors(tmp_path, "other.list", "deb http://third.invalid/ubuntu jammy main\n") == []


def test_fetch__revision_moved_on(tmp_path, monkeypatch):
    """A newer Debian revision with the same upstream tarball is as good; another tarball is not taken."""
    record = "Version: {}\nChecksums-Sha256:\n {} 123 lwip.orig.tar.xz\n ff 9 lwip.debian.tar.xz\n\n"
    shown = record.format("2.2.1-1", "00") + record.format("2.2.1-9", "aa")
    calls = []

    def run(self, program, *arguments, cwd=None):
        calls.append([program, *arguments])
        return subprocess.CompletedProcess(arguments, 0, shown if program == "apt-cache" else "", "")

    monkeypatch.setattr(aptroot.AptRoot, "_run", run)
    source = {"kind": "source", "package": "lwip", "file": "lwip.orig.tar.xz", "sha256": "aa"}
    source |= {"name": "lwip", "version": "2.2.1", "variable": "LWIP_DIR"}
    apt = aptroot.AptRoot(str(tmp_path), "trixie")
    apt.fetch(source, str(tmp_path))
    assert calls[-1][-1] == "lwip=2.2.1-9"
    with pytest.raises(report.SetupError, match=r"no longer carries.*2\.2\.1-1, 2\.2\.1-9.*LWIP_DIR"):
        apt.fetch(source | {"sha256": "bb"}, str(tmp_path))


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """A cache whose download folder already holds the one source that is pinned."""
    tree = tmp_path / "demo-upstream"
    (tree / "src").mkdir(parents=True)
    (tree / "src" / "demo.c").write_text("int demo;\n")
    (tree / "README").write_text("demo\n")
    downloads = tmp_path / "cache" / "dl"
    downloads.mkdir(parents=True)
    archive = downloads / "demo_1.orig.tar.xz"
    with tarfile.open(archive, "w:xz") as tar:
        tar.add(tree, "demo-1")
    source = {"name": "demo", "version": "1", "package": "demo", "kind": "source", "file": archive.name}
    source |= {"variable": "DEMO_DIR", "marker": "src/demo.c"}
    source["sha256"] = hashlib.sha256(archive.read_bytes()).hexdigest()
    monkeypatch.setattr(sources, "load_pins", lambda: {"suite": "trixie", "sources": [source]})
    return tmp_path / "cache"


def test_sources__unpacked_once_without_network(cache, capsys):
    """A download that is there is unpacked without asking apt; the second time nothing is said or done."""
    sources.prepare(str(cache), {})
    assert (cache / "src" / "demo-1" / "src" / "demo.c").read_text() == "int demo;\n"
    assert "unpacking demo 1" in capsys.readouterr().out
    (cache / "src" / "demo-1" / "made-by-a-build.o").write_text("")
    sources.prepare(str(cache), {})
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("change", ["edited", "deleted"])
def test_sources__altered_tree(cache, change):
    sources.prepare(str(cache), {})
    victim = cache / "src" / "demo-1" / "src" / "demo.c"
    victim.write_text("int demo = 1;\n") if change == "edited" else victim.unlink()
    with pytest.raises(report.SetupError, match="altered source: .*demo.c; delete .*DEMO_DIR"):
        sources.prepare(str(cache), {})


def test_sources__altered_download(cache):
    with open(cache / "dl" / "demo_1.orig.tar.xz", "ab") as file:
        file.write(b"x")
    with pytest.raises(report.SetupError, match="altered source: .*demo_1.orig.tar.xz has SHA-256"):
        sources.prepare(str(cache), {})
    assert not (cache / "src" / "demo-1").exists()


def test_sources__interrupted_unpacking(cache):
    """A tree that was not unpacked to its end has no stamp and is unpacked anew."""
    (cache / "src" / "demo-1").mkdir(parents=True)
    sources.prepare(str(cache), {})
    assert (cache / "src" / "demo-1" / "README").exists()


def test_sources__override(cache, tmp_path):
    """A tree of the user's own is taken as it is; a folder that is none is named."""
    sources.prepare(str(cache), {"DEMO_DIR": str(tmp_path / "demo-upstream")})
    assert not (cache / "src" / "demo-1").exists()
    with pytest.raises(report.SetupError, match="missing source: DEMO_DIR=/nowhere is no demo tree"):
        sources.prepare(str(cache), {"DEMO_DIR": "/nowhere"})


def test_require_space__too_little(tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")(10**9, 10**9 - 7_000_000, 7_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with pytest.raises(report.SetupError, match="too little disk: it needs 250 MB at .*, 7 MB are free"):
        report.require_space(str(tmp_path / "not" / "there"), 250, "it")


@pytest.fixture
def lacking(monkeypatch):
    """A machine without two packages."""
    demo = (packages.Package("demo-gcc", lambda: False, 5), packages.Package("demo-libc", lambda: False, 5))
    monkeypatch.setitem(packages.STEPS, "run", (*demo, packages.Package("there", lambda: True, 5)))


def test_install__no_rights(lacking, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(
        shutil, "which", lambda name, path=None: None if name == "sudo" else f"/usr/bin/{name}"
    )
    with pytest.raises(report.SetupError) as error:
        packages.install("run")
    assert str(error.value) == (
        "missing Debian packages and no rights to install them; "
        "as root: apt-get install --no-install-recommends demo-gcc demo-libc"
    )


def test_install__not_debian(lacking, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name, path=None: None)
    with pytest.raises(report.SetupError, match="missing: demo-gcc demo-libc, and this is no Debian"):
        packages.install("run")


@pytest.mark.parametrize(
    "said, told",
    [
        (
            "W: Failed to fetch x  Temporary failure resolving 'mirror.invalid'",
            "no network: x could not reach",
        ),
        ("E: You don't have enough free space in /var/cache/apt/archives/.", "too little disk: x ran out"),
        ("E: Unable to locate package demo", "x failed: E: Unable to locate package demo"),
        ("", "x failed"),
    ],
)
def test_failure__told_in_one_line(said, told):
    text = str(report.failure("x", said.splitlines()))
    assert text.startswith(told) and "\n" not in text


def test_command__error_is_one_line(tmp_path):
    """What the user sees of a failure: one line on stderr, status 1, no traceback."""
    command = [sys.executable, "-m", "provision", "firmware", "--cache", "/proc/no-such-place", "LWIP_DIR=/x"]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": TOOLS})
    assert done.returncode == 1
    assert done.stderr.startswith("set-up: error: ") and done.stderr.count("\n") == 1


def test_pins__complete():
    """Every source names all that set-up reads, and no pin or tool carries an archive's host name."""
    pins = sources.load_pins()
    for source in pins["sources"]:
        assert {"name", "version", "package", "kind", "file", "variable", "marker"} <= set(source)
        assert len(bytes.fromhex(source["sha256"])) == 32
    with open(sources.PINS) as file:
        assert "://" not in file.read()
