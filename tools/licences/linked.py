# SPDX-License-Identifier: MIT
"""What is in an image: by the map of the linker and the lists of dependencies (.P) of the compiler."""

import re
from dataclasses import dataclass, field
from pathlib import Path

# A section's contribution in the map: name (perhaps on a line of its own), address, size, object.
CONTRIBUTION = re.compile(r"^ (?:\S+)?\s+0x([0-9a-f]+)\s+0x([0-9a-f]+) (\S.*)$", re.MULTILINE)
WRAPPED = re.compile(r"^( \S+)\n\s+(?=0x)", re.MULTILINE)
LOADED = re.compile(r"^LOAD (\S.*\.o)$", re.MULTILINE)
UNIT = re.compile(r"\.ltrans\d*\.ltrans\.o$")  # what link-time optimisation makes of many objects
LTO_SECTION = b".gnu.lto_."
MEMBER = re.compile(r"/([^/]+\.a)\((.+)\)$")
ARCHIVES = {"libgcc.a": "libgcc", "libc.a": "newlib", "libm.a": "newlib"}
MEMORY_START = 0x08000000  # what lies below is debug information


@dataclass
class File:
    """A source file that is in the image; `size`: what its object takes of flash and RAM."""

    project: str
    name: str
    path: Path | None
    size: int = 0
    objects: set = field(default_factory=set)


class Projects:
    """Where sources come from: roots is [(name, folder)], the first that holds a file names its project."""

    def __init__(self, roots):
        self.roots = [(name, Path(folder).resolve()) for name, folder in roots]

    def of(self, path):
        """(project, name in it); a file outside all of them is of project None."""
        for project, root in self.roots:
            if path.is_relative_to(root):
                return project, str(path.relative_to(root))
        return None, str(path)


def contributions(text):
    """{object: bytes} of the map's memory: only what garbage collection has left."""
    body = WRAPPED.sub(r"\1 ", text[text.index("Linker script and memory map") :])
    sizes = {}
    for address, size, name in CONTRIBUTION.findall(body):
        if int(address, 16) >= MEMORY_START and int(size, 16) and not name.startswith("("):
            sizes[name] = sizes.get(name, 0) + int(size, 16)
    return {name: size for name, size in sizes.items() if name.endswith((".o", ".o)"))}


def in_unit(text):
    """The objects that the linker gave to link-time optimisation. What is left of each is not to be told any
    more, so all of them count."""
    return [
        name
        for name in LOADED.findall(text)
        if Path(name).exists() and LTO_SECTION in Path(name).read_bytes()
    ]


def dependencies(path):
    """The files of a .P: the source first, then its headers."""
    text = path.read_text().replace("\\\n", " ")
    return [word for word in text.partition(":")[2].split("\n")[0].split() if not word.endswith(":")]


def source_without_list(obj, build, folders):
    """An assembler source, which has no .P: the same name with .s or .S."""
    relative = obj.relative_to(build)
    for folder in folders:
        for ending in (".s", ".S", ".c"):
            candidate = Path(folder, relative).with_suffix(ending)
            if candidate.exists():
                return [str(candidate)]
    return []


def linked(map_file, build, port, projects, frozen):
    """([File] of an image, bytes that came out of link-time optimisation).

    port     the folder in which it was compiled
    frozen   folders of Python sources"""
    build, files = Path(build).resolve(), {}
    text = Path(map_file).read_text()
    sizes = contributions(text)
    unit_bytes = sum(sizes.pop(name) for name in list(sizes) if UNIT.search(name))
    if unit_bytes:
        sizes.update((name, sizes.get(name, 0)) for name in in_unit(text))

    def note(project, name, path, size, obj):
        entry = files.setdefault((project, name), File(project, name, path))
        entry.size += size
        entry.objects.add(obj)

    folders = [port, *(root for _, root in projects.roots)]
    for name, size in sizes.items():
        member = MEMBER.search(name)
        if member:
            note(ARCHIVES.get(member[1]), f"{member[1]}({member[2]})", None, size, name)
            continue
        obj = Path(name).resolve()
        listed = obj.with_suffix(".P")
        sources = dependencies(listed) if listed.exists() else source_without_list(obj, build, folders)
        if not sources:
            note(None, name, None, size, name)
        for index, source in enumerate(sources):
            path = Path(port, source).resolve()
            if path.is_relative_to(build) or str(path).startswith("/usr/"):
                continue  # generated from ours, and the compiler's own headers
            project, inside = projects.of(path)
            note(project, inside, path, size if index == 0 else 0, name)
    for path in frozen_sources(build / "frozen_mpy", frozen):
        project, inside = projects.of(path) if path.exists() else (None, str(path))
        note(project, inside, path, 0, "frozen bytecode")
    return sorted(files.values(), key=lambda file: (file.project or "", file.name)), unit_bytes


def frozen_sources(folder, frozen):
    """The Python files behind the frozen bytecode; one that is nowhere is given by its name alone."""
    for mpy in sorted(folder.rglob("*.mpy")):
        name = mpy.relative_to(folder).with_suffix(".py")
        places = [Path(place, name) for place in frozen]
        for place in frozen:
            places += Path(place).glob(f"*/{name}") if name.parent == Path() else ()
        yield next((place.resolve() for place in places if place.exists()), name)
