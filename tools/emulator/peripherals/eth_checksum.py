# SPDX-License-Identifier: MIT
"""The checksum offload engines (RM0090 33.5.8): insertion on transmit by CIC, verdict on receive by IPCO.

Both work on plain bytes and know no registers, so that they can be tested alone.

Differs from silicon: how the engine reads malformed lengths is modelled from the manual's text only.
"""

ICMP, TCP, UDP, ICMP6 = 1, 6, 17, 58
FIELD = {ICMP: 2, TCP: 16, UDP: 6, ICMP6: 2}  # offset of the checksum in the payload
HEADER = {ICMP: 4, TCP: 20, UDP: 8, ICMP6: 4}  # the least that must be there to find it
EXTENSION_HEADERS = (0, 43, 60)  # hop-by-hop, routing, destination options: the ones that are skipped

# CIC, TDES0[23:22]
CIC_OFF, CIC_HEADER, CIC_PAYLOAD, CIC_FULL = range(4)

# Payload types of RDES4[2:0]
TYPE_UNKNOWN, TYPE_UDP, TYPE_TCP, TYPE_ICMP = range(4)
TYPES = {UDP: TYPE_UDP, TCP: TYPE_TCP, ICMP: TYPE_ICMP, ICMP6: TYPE_ICMP}


def ones_sum(data):
    """16-bit one's complement sum of `data`, big endian, an odd byte padded with zero (RFC 1071)."""
    value = int.from_bytes(data, "big")
    if len(data) & 1:
        value <<= 8
    total = value % 0xFFFF
    return 0xFFFF if total == 0 and value else total


def checksum(data, start=0):
    """The complement of the sum, with `start` added in."""
    total = ones_sum(data) + start
    total = (total & 0xFFFF) + (total >> 16)
    return ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF


def payload_start(frame):
    """(Ethernet type, offset of the payload) behind at most one VLAN tag."""
    kind = frame[12] << 8 | frame[13]
    if kind == 0x8100 and len(frame) >= 18:
        return frame[16] << 8 | frame[17], 18
    return kind, 14


def pseudo_header(addresses, protocol, length):
    """Sum over addresses, protocol and length as RFC 793 and RFC 8200 want it."""
    total = ones_sum(addresses) + protocol + (length >> 16) + (length & 0xFFFF)
    return (total & 0xFFFF) + (total >> 16)


class Insertion:
    """What the transmit engine made of a frame: `frame`, and the two error bits of TDES0."""

    __slots__ = ("frame", "header_error", "payload_error")

    def __init__(self, frame):
        self.frame = frame
        self.header_error = False
        self.payload_error = False


def insert(frame, cic, payload_fits=True):
    """Insert what CIC asks for. `payload_fits`: the whole frame is in the FIFO (store and forward)."""
    result = Insertion(frame)
    if cic == CIC_OFF or len(frame) < 14:
        return result
    kind, start = payload_start(frame)
    if kind == 0x0800:
        _insert_ipv4(result, start, cic, payload_fits)
    elif kind == 0x86DD:
        _insert_ipv6(result, start, cic, payload_fits)
    return result


def _insert_ipv4(result, start, cic, payload_fits):
    frame = result.frame
    length = (frame[start] & 15) * 4 if len(frame) > start else 0
    if len(frame) < start + 20 or frame[start] >> 4 != 4 or length < 20 or len(frame) < start + length:
        result.header_error = True
        return
    frame = result.frame = bytearray(frame)
    frame[start + 10 : start + 12] = b"\0\0"
    frame[start + 10 : start + 12] = checksum(frame[start : start + length]).to_bytes(2, "big")
    if cic == CIC_HEADER or not payload_fits:
        return
    total = frame[start + 2] << 8 | frame[start + 3]
    if total < length or start + total > len(frame):
        result.payload_error = True
        return
    # No look at MF or the fragment offset: a fragment gets a checksum over what it happens to carry,
    # which is the silicon's fault with CIC 2 and 3 (hardware notes).
    addresses = frame[start + 12 : start + 20]
    _insert_payload(result, start + length, start + total, frame[start + 9], addresses, cic)


def _insert_ipv6(result, start, cic, payload_fits):
    frame = result.frame
    if len(frame) < start + 40 or frame[start] >> 4 != 6:
        result.header_error = True
        return
    if cic == CIC_HEADER or not payload_fits:
        return
    end = start + 40 + (frame[start + 4] << 8 | frame[start + 5])
    if end > len(frame):
        result.payload_error = True
        return
    protocol, at = frame[start + 6], start + 40
    # ES0182, "incorrect layer 3 checksum is inserted in transmitted IPv6 packets without TCP, UDP or ICMP
    # payload": whatever it does not know it takes for an extension header and parses on, until something
    # looks like one of the three.
    while protocol not in (TCP, UDP, ICMP6):
        if at + 2 > end:
            return
        protocol, at = frame[at], at + 8 * (frame[at + 1] + 1)
    if at + HEADER[protocol] > end:
        return
    result.frame = bytearray(frame)
    _insert_payload(result, at, end, protocol, frame[start + 8 : start + 40], cic)


def _insert_payload(result, at, end, protocol, addresses, cic):
    frame = result.frame
    if protocol not in FIELD or (protocol == ICMP6 and len(addresses) == 8):
        return
    if at + HEADER[protocol] > end:
        result.payload_error = True
        return
    field = at + FIELD[protocol]
    if cic == CIC_FULL:
        frame[field : field + 2] = b"\0\0"
        pseudo = 0 if protocol == ICMP else pseudo_header(addresses, protocol, end - at)
        value = checksum(frame[at:end], pseudo)
    else:
        value = checksum(frame[at:end])  # the field holds the pseudo header's sum, put there by software
    if protocol == UDP and value == 0:
        value = 0xFFFF
    frame[field : field + 2] = value.to_bytes(2, "big")


class Verdict:
    """What the receive engine says of a frame (RM0090 table 158 and RDES4)."""

    __slots__ = ("is_ipv4", "is_ipv6", "header_error", "payload_error", "bypassed", "payload_type")

    def __init__(self):
        self.is_ipv4 = self.is_ipv6 = False
        self.header_error = self.payload_error = self.bypassed = False
        self.payload_type = TYPE_UNKNOWN


def check(frame):
    """Judge a frame without FCS."""
    verdict = Verdict()
    if len(frame) < 14:
        return verdict
    kind, start = payload_start(frame)
    if kind == 0x0800:
        verdict.is_ipv4 = True
        _check_ipv4(verdict, frame, start)
    elif kind == 0x86DD:
        verdict.is_ipv6 = True
        _check_ipv6(verdict, frame, start)
    return verdict


def _check_ipv4(verdict, frame, start):
    length = (frame[start] & 15) * 4 if len(frame) > start else 0
    if len(frame) < start + 20 or frame[start] >> 4 != 4 or length < 20 or len(frame) < start + length:
        verdict.header_error = True
        verdict.bypassed = True
        return
    total = frame[start + 2] << 8 | frame[start + 3]
    verdict.header_error = checksum(frame[start : start + length]) != 0
    protocol = frame[start + 9]
    fragment = (frame[start + 6] << 8 | frame[start + 7]) & 0x3FFF
    if fragment or protocol not in (ICMP, TCP, UDP):
        verdict.bypassed = True
        return
    verdict.payload_type = TYPES[protocol]
    if total < length or start + total > len(frame):
        verdict.payload_error = True  # fewer bytes came than the header says (RDES0.PCE)
        return
    _check_payload(verdict, frame, start + length, start + total, protocol, frame[start + 12 : start + 20])


def _check_ipv6(verdict, frame, start):
    if len(frame) < start + 40 or frame[start] >> 4 != 6:
        verdict.header_error = True
        verdict.bypassed = True
        return
    end = start + 40 + (frame[start + 4] << 8 | frame[start + 5])
    if end > len(frame):
        verdict.payload_error = True  # fewer bytes came than the header says (RDES0.PCE)
        return
    protocol, at = frame[start + 6], start + 40
    # ES0182, "the Ethernet MAC processes invalid extension headers": order and repetition are not looked at.
    while protocol in EXTENSION_HEADERS and at + 2 <= end:
        protocol, at = frame[at], at + 8 * (frame[at + 1] + 1)
    if protocol not in (TCP, UDP, ICMP6) or at > end:
        verdict.bypassed = True
        return
    verdict.payload_type = TYPES[protocol]
    _check_payload(verdict, frame, at, end, protocol, frame[start + 8 : start + 40])


def _check_payload(verdict, frame, at, end, protocol, addresses):
    if at + HEADER[protocol] > end:
        verdict.payload_error = True
        return
    if protocol == UDP and len(addresses) == 8 and frame[at + 6] == 0 and frame[at + 7] == 0:
        return  # UDP over IPv4 without a checksum
    pseudo = 0 if protocol == ICMP else pseudo_header(addresses, protocol, end - at)
    verdict.payload_error = checksum(frame[at:end], pseudo) != 0
