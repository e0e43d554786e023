# SPDX-License-Identifier: MIT
"""Checksum insertion (TDES0.CIC) and verdicts (MACCR.IPCO) against RM0090 33.5.8 and ES0182, byte by byte."""

import pytest
from emulator.peripherals.eth_checksum import check, checksum, insert, ones_sum
from support.eth_player import CONFIG, HOST, MAC, MS, RSF, SR, ST, TSF, TX_IC, EthPlayer

ETHERNET4 = HOST + MAC + b"\x08\x00"
ETHERNET6 = HOST + MAC + b"\x86\xdd"
# RFC 1071 section 3: the sum of 00 01 f2 03 f4 f5 f6 f7 is ddf2.
RFC1071 = bytes.fromhex("0001f203f4f5f6f7")
# A textbook IPv4 header: 192.168.0.1 -> 192.168.0.199, UDP, checksum b861.
IPV4_HEADER = bytes.fromhex("45000073000040004011b861c0a80001c0a800c7")


def ipv4(payload, protocol, flags=0, header_sum=True, source="0a000001", destination="0a000002"):
    header = bytearray.fromhex("4500000012340000400000000000000000000000")
    header[2:4] = (20 + len(payload)).to_bytes(2, "big")
    header[6:8] = flags.to_bytes(2, "big")
    header[9] = protocol
    header[12:20] = bytes.fromhex(source + destination)
    if header_sum:
        header[10:12] = checksum(header).to_bytes(2, "big")
    return ETHERNET4 + bytes(header) + payload


def ipv6(payload, next_header):
    header = bytes.fromhex("60000000") + len(payload).to_bytes(2, "big") + bytes([next_header, 64])
    return (
        ETHERNET6
        + header
        + bytes.fromhex("fe80" + "00" * 13 + "01")
        + bytes.fromhex("fe80" + "00" * 13 + "02")
        + payload
    )


# UDP 1234 -> 5678 with "hello!" from 10.0.0.1 to 10.0.0.2, and the same over IPv6; checksums by hand:
# 0a00+0001+0a00+0002 + 0011 + 000e + 04d2+162e+000e + 6865+6c6c+6f21 = 1.7322 -> 7323 -> 8cdc
UDP = bytes.fromhex("04d2162e000e0000") + b"hello!"
UDP_SUM = bytes.fromhex("8cdc")
# fe80+0001+fe80+0002 + 0011 + 000e + 04d2+162e+000e + 6865+6c6c+6f21 = 3.5c22 -> 5c25 -> a3da
UDP6_SUM = bytes.fromhex("a3da")
# ICMP echo request, identifier 1, sequence 1, no data: f7fd
PING = bytes.fromhex("0800000000010001")
PING_SUM = bytes.fromhex("f7fd")


def test_sum__rfc1071_example():
    assert ones_sum(RFC1071) == 0xDDF2
    assert checksum(IPV4_HEADER) == 0
    assert ones_sum(b"\x01") == 0x0100
    assert ones_sum(bytes(4)) == 0 and ones_sum(b"\xff\xff") == 0xFFFF


# Insertion


def test_insert__off_changes_nothing():
    sent = ipv4(UDP, 17, header_sum=False)
    assert insert(sent, 0).frame == sent


def test_insert__header_only():
    broken = ipv4(UDP, 17, header_sum=False)
    broken = broken[:24] + b"\xaa\xaa" + broken[26:]
    assert insert(broken, 1).frame == ipv4(UDP, 17)


@pytest.mark.parametrize("rubbish", [b"\0\0", b"\x55\xaa"])
def test_insert__full_replaces_whatever_the_field_held(rubbish):
    sent = ipv4(UDP[:6] + rubbish + UDP[8:], 17, header_sum=False)
    assert insert(sent, 3).frame == ipv4(UDP[:6] + UDP_SUM + UDP[8:], 17)


def test_insert__payload_with_pseudo_header_by_software():
    """CIC 2: the field holds the pseudo header's sum: 0a00+0001+0a00+0002+0011+000e = 1422."""
    sent = ipv4(UDP[:6] + bytes.fromhex("1422") + UDP[8:], 17, header_sum=False)
    assert insert(sent, 2).frame == ipv4(UDP[:6] + UDP_SUM + UDP[8:], 17)


def test_insert__icmp():
    assert insert(ipv4(PING, 1, header_sum=False), 3).frame == ipv4(PING[:2] + PING_SUM + PING[4:], 1)


def test_insert__tcp_over_both():
    segment = bytes.fromhex("04d2162e00000001000000005002ffff00000000")
    for build in (ipv4, ipv6):
        done = insert(build(segment, 6), 3).frame
        verdict = check(bytes(done))
        assert verdict.payload_type == 2 and not verdict.payload_error and not verdict.bypassed


def test_insert__ipv6_udp_and_behind_options():
    assert insert(ipv6(UDP, 17), 3).frame == ipv6(UDP[:6] + UDP6_SUM + UDP[8:], 17)
    options = bytes.fromhex("1100010400000000")  # next header UDP, PadN
    done = insert(ipv6(options + UDP, 0), 3).frame
    assert done == ipv6(options + UDP[:6] + UDP6_SUM + UDP[8:], 0)


def test_insert__behind_a_vlan_tag():
    plain = ipv4(UDP, 17, header_sum=False)
    tagged = plain[:12] + bytes.fromhex("81000005") + plain[12:]
    done = insert(tagged, 3).frame
    assert done[18:] == ipv4(UDP[:6] + UDP_SUM + UDP[8:], 17)[14:]


def test_insert__udp_sum_of_zero_becomes_ones():
    """RFC 768: a computed zero is sent as ffff. The last word makes the sum ffff."""
    payload = UDP[:8] + b"hell" + (int.from_bytes(b"o!", "big") + 0x8CDC).to_bytes(2, "big")
    done = insert(ipv4(payload, 17), 3).frame
    assert done[40:42] == b"\xff\xff"


def test_insert__too_long_for_the_fifo_gets_the_header_only():
    """33.5.8: the payload's checksum needs the whole frame in the FIFO."""
    sent = ipv4(UDP, 17, header_sum=False)
    assert insert(sent, 3, payload_fits=False).frame == ipv4(UDP, 17)


def test_insert__header_and_payload_errors():
    wrong_version = ETHERNET4 + b"\x65" + ipv4(UDP, 17)[15:]
    assert insert(wrong_version, 3).header_error
    assert insert(ETHERNET4 + b"\x44" + ipv4(UDP, 17)[15:], 3).header_error
    assert insert(ETHERNET6 + b"\x40" + bytes(60), 3).header_error
    assert insert(ipv4(UDP, 17)[:-3], 3).payload_error
    assert insert(ipv6(UDP, 17)[:-3], 3).payload_error


def test_insert__other_traffic_is_left_alone():
    arp = HOST + MAC + b"\x08\x06" + bytes(46)
    assert insert(arp, 3).frame == arp
    igmp = ipv4(bytes.fromhex("1600eeff00000000"), 2)
    assert insert(igmp, 3).frame == igmp


def test_insert__fragments_are_corrupted():
    """Hardware notes: with CIC 2 or 3 the engine sums up the piece at hand and writes that into it."""
    later = ipv4(bytes(range(64)), 17, flags=0x00B9)
    assert insert(later, 3).frame != later
    assert insert(later, 1).frame == later
    first = ipv4(UDP, 17, flags=0x2000)
    assert insert(first, 3).frame != first


def test_insert__ipv6_unknown_header_is_parsed_for_more():
    """ES0182: a payload that is neither TCP, UDP nor ICMP may look like an extension header to the engine."""
    lookalike = bytes.fromhex("11000000000000000102030405060000aabb")  # "next header 17" in an OSPF packet
    sent = ipv6(lookalike, 89)
    done = insert(sent, 3).frame
    assert done != sent and done[:-18] == sent[:-18]
    harmless = ipv6(bytes.fromhex("59ff") + bytes(16), 89)
    assert insert(harmless, 3).frame == harmless


# Verdicts


def test_check__good_and_bad_sums():
    good = ipv4(UDP[:6] + UDP_SUM + UDP[8:], 17)
    verdict = check(good)
    assert verdict.is_ipv4 and not (verdict.header_error or verdict.payload_error or verdict.bypassed)
    assert check(good[:-1] + b"?").payload_error
    assert check(good[:22] + b"\x01" + good[23:]).header_error
    assert check(good[:-3]).payload_error and not check(good[:-3]).header_error
    assert not check(ipv4(UDP, 17)).payload_error  # UDP without a checksum
    assert check(ipv6(UDP, 17)).payload_error  # not allowed over IPv6
    assert not check(ipv6(UDP[:6] + UDP6_SUM + UDP[8:], 17)).payload_error
    assert not check(good + bytes(18)).payload_error  # padding is no part of the packet


def test_check__bypassed():
    assert check(ipv4(UDP, 17, flags=0x2000)).bypassed
    assert check(ipv4(UDP, 17, flags=0x0010)).bypassed
    assert check(ipv4(bytes(8), 2)).bypassed
    assert check(ipv6(bytes(8), 89)).bypassed


# As RDES0 and TDES0 tell it


def received(machine, mode, *frames, enhanced=False):
    player = EthPlayer(machine)
    player.start(config=CONFIG | 1 << 10, mode=RSF | TSF | ST | SR | mode, enhanced=enhanced, rx=8)
    for each in frames:
        player.station.transmit(MAC + each[6:])
    player.advance(1 * MS)
    return player, [status for status, _ in player.received()]


def code(status):
    """RDES0 bits 5 (FT), 7 (IPHCE), 0 (PCE): table 158."""
    return status >> 5 & 1, status >> 7 & 1, status & 1


GOOD = ipv4(UDP[:6] + UDP_SUM + UDP[8:], 17)
BAD_SUM = GOOD[:-1] + b"?"
BAD_HEADER = GOOD[:22] + b"\x01" + GOOD[23:]


def test_rdes0__table_158(machine):
    arp = HOST + MAC + b"\x08\x06" + bytes(46)
    length = HOST + MAC + b"\x00\x2e" + bytes(46)
    frames = (GOOD, BAD_SUM, BAD_HEADER, ipv4(bytes(8), 2), arp, length)
    _, statuses = received(machine, 1 << 26, *frames)
    assert [code(status) for status in statuses] == [
        (1, 0, 0),
        (1, 0, 1),
        (1, 1, 0),
        (0, 0, 1),
        (0, 1, 1),
        (0, 0, 0),
    ]
    assert not any(status & 1 << 15 for status in statuses)  # no error summary for checksums


def test_rdes0__wrong_sums_are_dropped_without_dtcefd(machine):
    player, statuses = received(machine, 0, GOOD, BAD_SUM, BAD_HEADER)
    assert len(statuses) == 1
    assert player.eth.mac.counters["dropped_errors"] == 2


def test_rdes4__enhanced_descriptor(machine):
    """ESA in RDES0, then RDES4: 7 IPv6, 6 IPv4, 5 bypassed, 4 payload, 3 header, 2:0 type."""
    frames = (GOOD, BAD_SUM, ipv6(UDP[:6] + UDP6_SUM + UDP[8:], 17), ipv4(PING[:2] + PING_SUM + PING[4:], 1))
    player, statuses = received(machine, 1 << 26, *frames, enhanced=True)
    assert all(status & 1 for status in statuses)
    extended = [player.words(player.rx_descriptor(n) + 16, 1)[0] for n in range(4)]
    assert extended == [0x41, 0x51, 0x81, 0x43]


def test_tdes0__cic_works_without_ipco_and_reports(machine):
    player = EthPlayer(machine)
    player.start()
    player.send(ipv4(UDP, 17, header_sum=False), flags=TX_IC | 3 << 22)
    wrong = player.send(ETHERNET4 + b"\x65" + bytes(60), flags=TX_IC | 3 << 22)
    player.advance(1 * MS)
    assert player.frames[0][:48] == GOOD
    assert player.tx_status(wrong) & (1 << 16 | 1 << 15) == 1 << 16 | 1 << 15


def test_tdes0__no_insertion_in_threshold_mode(machine):
    player = EthPlayer(machine)
    player.start(mode=RSF | ST | SR)
    player.send(ipv4(UDP, 17, header_sum=False), flags=TX_IC | 3 << 22)
    player.advance(1 * MS)
    assert player.frames[0][:48] == ipv4(UDP, 17, header_sum=False)
