# SPDX-License-Identifier: MIT
"""Images as .bin, .hex (Intel) and .dfu (DfuSe 1.1a, UM0391), and what is wrong with one."""

import struct
import zlib
from pathlib import Path

FLASH_BASE = 0x08000000
FLASH_LIMIT = 0x08100000  # the largest F407
VENDOR, PRODUCT = 0x0483, 0xDF11
DFUSE_VERSION = 0x011A
PREFIX = struct.Struct("<5sBIB")
TARGET = struct.Struct("<6sBI255sII")
SUFFIX_BYTES = 16
GAP = 256  # holes in a .hex that are smaller are filled, with zeros as objcopy does for a .bin
MEMORIES = ((0x20000000, 0x20020000), (0x10000000, 0x10010000))


class ImageError(Exception):
    """The file is not what can be flashed; the text is one line."""


def read(path):
    """[(address, bytes)] of an image file, in order. ImageError where it is damaged or not for this chip."""
    path = Path(path)
    reader = {".bin": read_bin, ".hex": read_hex, ".dfu": read_dfu}.get(path.suffix)
    if reader is None:
        raise ImageError(f"{path}: neither .bin, .hex nor .dfu")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ImageError(f"{path}: {error.strerror}") from None
    try:
        parts = sorted(reader(data))
        check(parts)
    except ImageError as error:
        raise ImageError(f"{path}: {error}") from None
    return parts


def check(parts):
    """Refuse what lies outside the flash, and what no F407 could start."""
    if not parts or not parts[0][1]:
        raise ImageError("empty")
    for address, data in parts:
        if not FLASH_BASE <= address <= address + len(data) <= FLASH_LIMIT:
            end = address + len(data)
            raise ImageError(f"0x{address:08x} to 0x{end:08x} is not in the flash (0x08000000 to 0x08100000)")
    for (address, data), (following, _) in zip(parts, parts[1:], strict=False):
        if address + len(data) > following:
            raise ImageError(f"two parts overlap at 0x{following:08x}")
    address, data = parts[0]
    if address == FLASH_BASE and len(data) >= 8:
        stack, entry = struct.unpack_from("<II", data)
        on_stack = any(low < stack <= high for low, high in MEMORIES)
        inside = any(start <= entry - 1 < start + len(part) for start, part in parts)
        if not on_stack or not entry & 1 or not inside:
            raise ImageError(f"no firmware for an F407: stack 0x{stack:08x}, entry 0x{entry:08x}")


def read_bin(data):
    return [(FLASH_BASE, data)]


def read_hex(data):
    base, parts, ended = 0, [], False
    for number, line in enumerate(data.decode("ascii", "replace").split(), 1):
        try:
            record = bytes.fromhex(line[1:])
        except ValueError:
            record = b""
        if line[0] != ":" or len(record) < 5 or len(record) != record[0] + 5 or sum(record) & 0xFF:
            raise ImageError(f"line {number} is damaged")
        kind, payload = record[3], record[4:-1]
        if kind == 0:
            append(parts, base + int.from_bytes(record[1:3], "big"), payload)
        elif kind == 1:
            ended = True
        elif kind in (2, 4):
            base = int.from_bytes(payload, "big") << (4 if kind == 2 else 16)
    if not ended:
        raise ImageError("truncated: the record that ends it is missing")
    return [(address, bytes(part)) for address, part in parts]


def append(parts, address, payload):
    """Add a record to the last part where it goes on from there, but for a small gap."""
    if parts:
        end = parts[-1][0] + len(parts[-1][1])
        if 0 <= address - end < GAP:
            parts[-1][1].extend(bytes(address - end) + payload)
            return
    parts.append((address, bytearray(payload)))


def read_dfu(data):
    check_suffix(data)
    if len(data) < PREFIX.size + SUFFIX_BYTES or data[:5] != b"DfuSe":
        raise ImageError("no DfuSe file")
    _, version, size, targets = PREFIX.unpack_from(data)
    if version != 1 or size != len(data) - SUFFIX_BYTES or targets != 1:
        raise ImageError(
            f"DfuSe version {version}, {size} bytes, {targets} targets: expected 1, its size and 1"
        )
    signature, alternate, _, _, _, elements = TARGET.unpack_from(data, PREFIX.size)
    if signature != b"Target" or alternate != 0:
        raise ImageError("its target is not alternate setting 0, the internal flash")
    at, parts = PREFIX.size + TARGET.size, []
    for _ in range(elements):
        address, length = struct.unpack_from("<II", data, at)
        at += 8 + length
        if at > size:
            raise ImageError("an element is longer than the file")
        parts.append((address, data[at - length : at]))
    return parts


def check_suffix(data):
    """The 16 bytes at a DFU file's end (DFU 1.1, appendix B)."""
    suffix = data[-SUFFIX_BYTES:]
    if len(suffix) < SUFFIX_BYTES or suffix[8:11] != b"UFD":
        raise ImageError("no DFU suffix: truncated, or no .dfu file")
    _, product, vendor, version = struct.unpack_from("<HHHH", suffix)
    if struct.unpack_from("<I", suffix, 12)[0] != crc(data[:-4]):
        raise ImageError("the CRC of its DFU suffix is wrong: damaged")
    if (vendor, product) != (VENDOR, PRODUCT):
        raise ImageError(f"its DFU suffix is for {vendor:04x}:{product:04x}, not 0483:df11")
    if version != DFUSE_VERSION:
        raise ImageError(f"its DFU suffix is of version 0x{version:04x}, not 0x011a")


def crc(data):
    return ~zlib.crc32(data) & 0xFFFFFFFF


def write_dfu(parts):
    """The bytes of a DfuSe file with an element for each part."""
    elements = b"".join(struct.pack("<II", address, len(data)) + data for address, data in parts)
    target = TARGET.pack(b"Target", 0, 1, b"STM32F407", len(elements), len(parts)) + elements
    body = PREFIX.pack(b"DfuSe", 1, PREFIX.size + len(target), 1) + target
    body += struct.pack("<HHHH3sB", 0, PRODUCT, VENDOR, DFUSE_VERSION, b"UFD", SUFFIX_BYTES)
    return body + struct.pack("<I", crc(body))
