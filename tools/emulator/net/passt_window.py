# SPDX-License-Identifier: MIT
"""Undoes a fault of passt (as of 2023): it scales its windows although the board offered no scaling.

RFC 7323 2.2: windows may be scaled only if both sides sent the option. lwIP without LWIP_WND_SCALE sends
none, so it would take a scaled window for what it says, 256 times too small, and crawl. Where just one
side sent the option, the windows that passt sends are put back to their true size here; from a passt that
does not scale then, the same makes windows larger than they are, which its sockets' buffers bear.
"""

SYN, WINDOW_SCALE = 2, 3
CONNECTIONS = 4096


def tcp_at(frame):
    """(offset of the TCP header, addresses) of a frame that carries one whole, else None."""
    if len(frame) < 54:
        return None
    kind = frame[12] << 8 | frame[13]
    if kind == 0x0800 and frame[23] == 6 and not (frame[20] & 0x3F or frame[21]):
        return 14 + (frame[14] & 15) * 4, frame[26:34]
    if kind == 0x86DD and frame[20] == 6 and len(frame) >= 74:
        return 54, frame[22:54]
    return None


def window_scale(options):
    """The shift in a SYN's options, None without the option."""
    at = 0
    while at < len(options) and options[at] != 0:
        if options[at] == 1:
            at += 1
            continue
        if at + 1 >= len(options) or options[at + 1] < 2:
            return None
        if options[at] == WINDOW_SCALE and at + 2 < len(options):
            return options[at + 2]
        at += options[at + 1]
    return None


def with_window(frame, at, window):
    """`frame` with another window, and its checksum brought up to date (RFC 1624)."""
    old = frame[at + 14] << 8 | frame[at + 15]
    total = (~(frame[at + 16] << 8 | frame[at + 17]) & 0xFFFF) + (~old & 0xFFFF) + window
    total = (total & 0xFFFF) + (total >> 16)
    total = (total & 0xFFFF) + (total >> 16)
    checksum = ~total & 0xFFFF
    return frame[: at + 14] + window.to_bytes(2, "big") + checksum.to_bytes(2, "big") + frame[at + 18 :]


class WindowRepair:
    """from_passt(frame) and from_board(frame) see every frame; the first returns what the board gets."""

    def __init__(self):
        self.shifts = {}  # connection -> [passt's shift, the board's]

    def from_board(self, frame):
        found = tcp_at(frame)
        if found is None or not frame[found[0] + 13] & SYN:
            return
        at, addresses = found
        half = len(addresses) // 2
        key = addresses[half:] + addresses[:half] + frame[at + 2 : at + 4] + frame[at : at + 2]
        self._note(key, 1, frame, at)

    def from_passt(self, frame):
        found = tcp_at(frame)
        if found is None:
            return frame
        at, addresses = found
        key = addresses + frame[at : at + 4]
        if frame[at + 13] & SYN:
            self._note(key, 0, frame, at)
            return frame  # a SYN's own window is never scaled
        shift, offered = self.shifts.get(key, (None, None))
        if not shift or offered is not None:
            return frame
        return with_window(frame, at, min(0xFFFF, (frame[at + 14] << 8 | frame[at + 15]) << shift))

    def _note(self, key, side, frame, at):
        if len(self.shifts) > CONNECTIONS:
            del self.shifts[next(iter(self.shifts))]  # the oldest: long closed
        length = frame[at + 12] >> 2 & 0x3C
        self.shifts.setdefault(key, [None, None])[side] = window_scale(frame[at + 20 : at + length])
