# SPDX-License-Identifier: MIT
"""A private apt root: packages of another Debian release, from the machine's own mirror, with apt's signature
checks and without touching the system's apt state."""

import glob
import os
import shutil
import subprocess

from .report import SetupError, failure, stream

SOURCES = ("/etc/apt/sources.list", "/etc/apt/sources.list.d/*.list", "/etc/apt/sources.list.d/*.sources")


def stanzas(text):
    """The deb822 stanzas of `text` as dicts with lower-case keys; comment lines are left out."""
    found, fields, key = [], {}, None
    for line in [*text.splitlines(), ""]:
        if line.startswith("#"):
            continue
        if not line.strip():
            if fields:
                found.append(fields)
            fields, key = {}, None
        elif line[0] in " \t" and key:
            fields[key] += "\n" + line
        elif ":" in line:
            key, value = line.split(":", 1)
            key = key.strip().lower()
            fields[key] = value.strip()
    return found


def one_line(text):
    """The entries of a one-line sources.list as dicts like those of stanzas()."""
    found = []
    for line in text.splitlines():
        line = line.split("#")[0].strip()
        if not line.startswith(("deb ", "deb-src ", "deb\t", "deb-src\t")):
            continue
        kind, rest = line.split(None, 1)
        options = {}
        if rest.startswith("["):
            inside, rest = rest[1:].split("]", 1)
            options = dict(pair.split("=", 1) for pair in inside.split() if "=" in pair)
        words = rest.split()
        if len(words) >= 2:
            entry = {"types": kind, "uris": words[0], "suites": words[1], "components": " ".join(words[2:])}
            if "signed-by" in options:
                entry["signed-by"] = options["signed-by"]
            found.append(entry)
    return found


def os_release(path="/etc/os-release"):
    with open(path) as file:
        pairs = [line.strip().split("=", 1) for line in file if "=" in line]
    return {key: value.strip('"') for key, value in pairs}


def mirrors(patterns=SOURCES, release=None):
    """[(uri, signed-by or None)] of the machine's own Debian archive, as its apt is set up."""
    release = release or os_release()
    suites = {release.get("VERSION_CODENAME"), "trixie", "stable", "oldstable", "testing", "unstable", "sid"}
    found = []
    for path in sorted(name for pattern in patterns for name in glob.glob(pattern)):
        with open(path, errors="replace") as file:
            text = file.read()
        for entry in stanzas(text) if path.endswith(".sources") else one_line(text):
            if entry.get("enabled", "yes").lower() in ("no", "false", "0"):
                continue
            if (
                not suites & set(entry.get("suites", "").split())
                or "main" not in entry.get("components", "").split()
            ):
                continue
            for uri in entry.get("uris", "").split():
                mirror = (uri, entry.get("signed-by"))
                if not uri.startswith("cdrom:") and mirror not in found:
                    found.append(mirror)
    return found


class AptRoot:
    """apt with one archive of its own under `directory`."""

    def __init__(self, directory, suite):
        self.directory = os.path.abspath(directory)
        self.suite = suite
        etc = os.path.join(self.directory, "etc")
        state = os.path.join(self.directory, "state")
        cache = os.path.join(self.directory, "cache")
        self.options = []
        for setting in (
            f"Dir::Etc::SourceList={etc}/debian.sources",
            "Dir::Etc::SourceParts=/dev/null",
            f"Dir::Etc::Preferences={etc}/preferences",
            "Dir::Etc::PreferencesParts=/dev/null",
            f"Dir::State={state}",
            "Dir::State::status=/var/lib/dpkg/status",
            f"Dir::Cache={cache}",
            "Dir::Cache::pkgcache=",
            "Dir::Cache::srcpkgcache=",
            "APT::Sandbox::User=",
            "APT::Get::AllowUnauthenticated=false",
            "Acquire::AllowInsecureRepositories=false",
            "Acquire::Languages=none",
            "Acquire::Retries=2",
            "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false",
        ):
            self.options += ["-o", setting]
        for path in (etc, f"{state}/lists/partial", f"{cache}/archives/partial"):
            os.makedirs(path, exist_ok=True)

    def _run(self, program, *arguments, cwd=None):
        return subprocess.run(
            [program, *self.options, *arguments],
            capture_output=True,
            text=True,
            check=False,
            cwd=cwd,
            env={**os.environ, "LC_ALL": "C"},
        )

    def update(self):
        """Read the archive's signed index; the machine's mirrors are tried in turn."""
        candidates = mirrors()
        if not candidates:
            raise SetupError("no Debian archive in this machine's apt configuration to fetch sources from")
        if shutil.which("apt-get") is None:
            raise SetupError("no apt-get: sources are fetched from a Debian archive")
        for uri, signed_by in candidates:
            fields = ["Types: deb deb-src", f"URIs: {uri}", f"Suites: {self.suite}", "Components: main"]
            if signed_by:
                fields.append(f"Signed-By: {signed_by}")
            with open(os.path.join(self.directory, "etc", "debian.sources"), "w") as file:
                file.write("\n".join(fields) + "\n")
            command = ["apt-get", *self.options, "-q", "-o", "APT::Update::Error-Mode=any", "update"]
            status, lines = stream(command, lambda line: None)
            if status == 0:
                return
        raise failure(f"reading Debian {self.suite}'s index", lines)

    def records(self, source):
        """The archive's records of the package: (version, {file name: SHA-256})."""
        show = "showsrc" if source["kind"] == "source" else "show"
        for fields in stanzas(self._run("apt-cache", show, source["package"]).stdout):
            if source["kind"] == "binary":
                yield (
                    fields.get("version"),
                    {os.path.basename(fields.get("filename", "")): fields.get("sha256")},
                )
            else:
                files = [line.split() for line in fields.get("checksums-sha256", "").splitlines()]
                yield fields.get("version"), {line[2]: line[0] for line in files if len(line) == 3}

    def fetch(self, source, into):
        """Download source["file"] into the folder `into`, whatever Debian revision carries it now."""
        seen = []
        for version, files in self.records(source):
            seen.append(version)
            if files.get(source["file"]) != source["sha256"]:
                continue
            wanted = f"{source['package']}={version}"
            how = (
                ["source", "--download-only", "--only-source"] if source["kind"] == "source" else ["download"]
            )
            done = self._run("apt-get", "-q", *how, wanted, cwd=into)
            if done.returncode != 0:
                raise failure(f"fetching {source['package']}", (done.stdout + done.stderr).splitlines())
            return
        raise SetupError(
            f"missing source: Debian {self.suite} no longer carries {source['file']} "
            f"({source['package']} is at {', '.join(seen) or 'no version'} there); "
            f"point {source['variable']} at an unpacked {source['name']} {source['version']}"
        )
