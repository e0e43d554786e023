# SPDX-License-Identifier: MIT
"""The third-party source trees: fetched, checked against their pins, unpacked once, watched for changes."""

import hashlib
import json
import os
import shutil
import subprocess
import tarfile

from .aptroot import AptRoot
from .report import SetupError, require_space, say

PINS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "sources.json")
MEGABYTES = 250  # Debian's index, the archives, the unpacked trees


def load_pins():
    with open(PINS) as file:
        return json.load(file)


def default_directory(cache, source):
    return os.path.join(cache, "src", f"{source['name']}-{source['version']}")


def sha256(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def listing(tree):
    """{path: [size, mtime in ns]} of every file in `tree`."""
    found = {}
    for folder, _, names in os.walk(tree):
        for name in names:
            path = os.path.join(folder, name)
            status = os.lstat(path)
            found[os.path.relpath(path, tree)] = [status.st_size, status.st_mtime_ns]
    return found


def altered(tree, stamp):
    """The files of `stamp` that differ in `tree` now. Files that a build added are no concern."""
    changed = []
    for path, (size, mtime) in stamp["files"].items():
        try:
            status = os.lstat(os.path.join(tree, path))
        except OSError:
            changed.append(path)
            continue
        if (status.st_size, status.st_mtime_ns) != (size, mtime):
            changed.append(path)
    return changed


def unpack(source, archive, tree):
    """Unpack the checked archive so that `tree` is there whole or not at all; leaves a stamp beside it."""
    new, old = f"{tree}.new", f"{tree}.old"
    for path in (new, old):
        shutil.rmtree(path, ignore_errors=True)
    os.makedirs(new)
    if source["kind"] == "binary":
        subprocess.run(["dpkg-deb", "-x", archive, new], check=True)
        top = os.path.join(new, source["inside"])
    else:
        with tarfile.open(archive) as tar:
            # Debian 12's Python has no extraction filters before 3.11.4; the archive's hash was checked.
            tar.extractall(new, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))
        names = os.listdir(new)
        top = os.path.join(new, names[0]) if len(names) == 1 else new
    with open(f"{tree}.json", "w") as file:
        json.dump({"sha256": source["sha256"], "files": listing(top)}, file)
    if os.path.exists(tree):
        os.rename(tree, old)
    os.rename(top, tree)
    for path in (new, old):
        shutil.rmtree(path, ignore_errors=True)


def ready(source, tree):
    """Whether `tree` is this pin's, unpacked whole; SetupError when somebody changed it since."""
    try:
        with open(f"{tree}.json") as file:
            stamp = json.load(file)
    except (OSError, ValueError):
        return False
    if stamp["sha256"] != source["sha256"] or not os.path.isdir(tree):
        return False
    changed = altered(tree, stamp)
    if changed:
        more = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
        raise SetupError(
            f"altered source: {os.path.join(tree, changed[0])}{more}; delete {tree} to have it unpacked "
            f"anew, or set {source['variable']} to a tree of your own"
        )
    return True


def check_override(source, directory):
    if not os.path.isfile(os.path.join(directory, source["marker"])):
        raise SetupError(
            f"missing source: {source['variable']}={directory} is no {source['name']} tree "
            f"(it has no {source['marker']})"
        )


def prepare(cache, directories):
    """Have every source tree in place. directories: {variable: folder} as make has them."""
    pins = load_pins()
    to_do = []
    for source in pins["sources"]:
        tree = default_directory(cache, source)
        directory = directories.get(source["variable"]) or tree
        if os.path.abspath(directory) != os.path.abspath(tree):
            check_override(source, directory)
        elif not ready(source, tree):
            to_do.append(source)
    if not to_do:
        return
    require_space(cache, MEGABYTES, "fetching the sources")
    downloads = os.path.join(cache, "dl")
    os.makedirs(downloads, exist_ok=True)
    os.makedirs(os.path.join(cache, "src"), exist_ok=True)
    apt = None
    for source in to_do:
        archive = os.path.join(downloads, source["file"])
        if not os.path.exists(archive):
            if apt is None:
                say(f"reading Debian {pins['suite']}'s package index")
                apt = AptRoot(os.path.join(cache, "apt"), pins["suite"])
                apt.update()
            say(f"fetching {source['name']} {source['version']}")
            apt.fetch(source, downloads)
        if not os.path.exists(archive):
            raise SetupError(f"missing source: {source['file']} was not downloaded")
        found = sha256(archive)
        if found != source["sha256"]:
            raise SetupError(
                f"altered source: {archive} has SHA-256 {found}, not {source['sha256']}; delete it"
            )
        say(f"unpacking {source['name']} {source['version']}")
        unpack(source, archive, default_directory(cache, source))
    if apt is not None:
        shutil.rmtree(apt.directory)
