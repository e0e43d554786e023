# SPDX-License-Identifier: MIT
"""Writes what is on the wire to a pcap file with virtual time-stamps in nanoseconds."""

import struct

MAGIC_NANOSECONDS = 0xA1B23C4D
LINKTYPE_ETHERNET = 1
SNAP_LENGTH = 65535


class PcapWriter:
    """Observer of a Wire: `wire.observe(PcapWriter(path))`. Frames are stored without their FCS.

    What the board sent is recorded when it begins to, what reached it when it has arrived whole.
    """

    def __init__(self, path, keep_bad=True):
        """keep_bad: also record what has flags (a collision's remains, a PHY's receive error)."""
        self.file = open(path, "wb")
        self.keep_bad = keep_bad
        self.frames = 0
        self.file.write(
            struct.pack("<IHHiIII", MAGIC_NANOSECONDS, 2, 4, 0, 0, SNAP_LENGTH, LINKTYPE_ETHERNET)
        )

    def __call__(self, time, sender, frame, flags):
        if flags and not self.keep_bad:
            return
        data = frame[:-4]
        seconds, nanoseconds = divmod(time, 1_000_000_000)
        self.file.write(struct.pack("<IIII", seconds, nanoseconds, len(data), len(data)))
        self.file.write(data)
        self.frames += 1

    def flush(self):
        self.file.flush()

    def close(self):
        self.file.close()


def read(path):
    """[(time in ns, frame)] of a file that PcapWriter wrote, for tests."""
    with open(path, "rb") as file:
        content = file.read()
    if struct.unpack_from("<I", content)[0] != MAGIC_NANOSECONDS:
        raise ValueError(f"{path}: not a pcap file with nanoseconds")
    frames, at = [], 24
    while at < len(content):
        seconds, nanoseconds, length, _ = struct.unpack_from("<IIII", content, at)
        frames.append((seconds * 1_000_000_000 + nanoseconds, content[at + 16 : at + 16 + length]))
        at += 16 + length
    return frames
