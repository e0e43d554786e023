# SPDX-License-Identifier: MIT
"""Which licence a source file is under: what its own text says, or what its project says of the folder."""

import re

READ = 20_000  # characters of a file that are looked at

# What an image may hold: each lets it be distributed without the sources of the whole. The names are SPDX's
# where it has one.
ACCEPTED = {
    "MIT": "MIT",
    "BSD-1-Clause": "BSD, the notice stays in the sources",
    "BSD-2-Clause": "BSD, the notice goes with the binary",
    "BSD-3-Clause": "BSD, the notice goes with the binary, names are not used for advertising",
    "Apache-2.0": "Apache 2.0",
    "ISC": "ISC",
    "Zlib": "zlib",
    "SunPro": "as freely granted by Sun Microsystems for fdlibm (msun)",
    "Public-Domain": "no rights claimed",
    "GPL-2.0 WITH freertos-exception-2.0": "GPL 2 with FreeRTOS's exception: what links to it keeps its own",
    "GPL-3.0 WITH GCC-exception-3.1": "GPL 3 with GCC's exception: what it compiles keeps its own",
    "newlib": "newlib's collection of BSD-like licences (COPYING.NEWLIB)",
}

# The first that a file's words match. White space and comment signs count as one blank.
PATTERNS = (
    (r"permission is hereby granted, free of charge", "MIT"),
    (
        r"gnu general public license.*freertos exception|>>!and modified by!<< the freertos exception",
        "GPL-2.0 WITH freertos-exception-2.0",
    ),
    (r"gnu (lesser |library )?general public license", "GPL"),
    (r"under the apache license, version 2\.0", "Apache-2.0"),
    (
        r"redistribution and use in source and binary forms.*(neither the name|name of the author may not|"
        r"names? of .{0,80}(may|must) not be used to endorse)",
        "BSD-3-Clause",
    ),
    (r"redistribution and use in source and binary forms.*binary form must reproduce", "BSD-2-Clause"),
    (
        r"redistribution and use of fatfs in source and binary forms|source code must retain the above",
        "BSD-1-Clause",
    ),
    (r"this software is provided '?as-is'?, without any express or implied warranty", "Zlib"),
    (r"permission to use, copy, modify, and distribute this software is freely granted", "SunPro"),
    (r"permission to use, copy, modify, and(/or)? distribute this software for any purpose", "ISC"),
    (r"governed by a bsd-style license that can be found in the license file", "BSD-3-Clause"),
    (r"\bmit licen[cs]e|licen[cs]ed? under (the )?mit\b", "MIT"),
    (r"public domain|\bno copyright\b", "Public-Domain"),
)
SPDX = re.compile(r"SPDX-License-Identifier:\s*([A-Za-z0-9.+-]+(?: WITH [A-Za-z0-9.+-]+)?)")

# (project, folder or file, licence, where the project says so): files whose own text does not say it.
FOLDERS = (
    ("MicroPython", "lib/uzlib/", "Zlib", "lib/uzlib's files name zlib's licence"),
    ("MicroPython", "lib/re1.5/", "BSD-3-Clause", "LICENSE: /lib/re15"),
    ("MicroPython", "lib/oofatfs/", "BSD-1-Clause", "LICENSE: /lib/oofatfs"),
    ("MicroPython", "lib/littlefs/", "BSD-3-Clause", "LICENSE: /lib/littlefs"),
    ("MicroPython", "lib/crypto-algorithms/", "Public-Domain", "LICENSE: NONE; its README waives all rights"),
    ("MicroPython", "lib/libm/", "MIT", "LICENSE, and the musl and newlib notices beside it"),
    ("MicroPython", "py/", "MIT", "LICENSE"),
    ("MicroPython", "extmod/", "MIT", "LICENSE"),
    ("MicroPython", "shared/", "MIT", "LICENSE"),
    ("MicroPython", "drivers/dht/", "MIT", "LICENSE"),
    ("MicroPython", "drivers/bus/", "MIT", "LICENSE"),
    ("MicroPython", "lib/micropython-lib/", "MIT", "micropython-lib's LICENSE"),
    ("lwIP", "src/core/", "BSD-3-Clause", "COPYING"),
    ("lwIP", "src/api/", "BSD-3-Clause", "COPYING"),
    ("lwIP", "src/include/", "BSD-3-Clause", "COPYING"),
    ("lwIP", "src/netif/", "BSD-3-Clause", "COPYING"),
    ("lwIP", "src/apps/", "BSD-3-Clause", "COPYING"),
    ("newlib", "", "newlib", "the package's copyright file"),
    ("libgcc", "", "GPL-3.0 WITH GCC-exception-3.1", "the package's copyright file"),
)


def words(text):
    """The text in lower case without comment signs, so that a sentence is found over its line breaks."""
    text = re.sub(r"^[ \t]*(/\*+|\*+/?|//+|#+|;+|\|)", " ", text, flags=re.MULTILINE)
    return re.sub(r"\s+", " ", text.replace("*/", " ")).lower()


def of_text(text):
    """The licence that a file states, or None."""
    found = SPDX.search(text)
    if found:
        return found.group(1)
    plain = words(text[:READ])
    for pattern, licence in PATTERNS:
        if re.search(pattern, plain, re.DOTALL):
            return licence
    return None


def of_file(project, name, text):
    """(licence or None, what says so) for the file `name` of a project."""
    stated = of_text(text)
    if stated:
        return stated, "the file"
    for of, folder, licence, where in FOLDERS:
        if of == project and name.startswith(folder):
            return licence, where
    return None, "nobody"
