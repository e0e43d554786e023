# SPDX-License-Identifier: MIT
"""The peer's side: one function per figure. Each takes a Rig factory and gives {key: value}."""

from .rig import DEVICE, MS, PEER

PORT = 5001
TRANSFER_BYTES = 1 << 20
WARM_UP_BYTES = 128 << 10  # before the first mark: slow start and ARP are over
LIMIT_NS = 60_000 * MS
ECHO_BYTES, ECHO_WARM_UP, ECHO_ROUNDS = 64, 20, 200
CONNECTS = 100
DATAGRAM_BYTES, DATAGRAMS = 1472, 500
BURST, BURST_BYTES = 32, 64
FRAMES, FRAME_SIZES, FRAME_GAP_NS = 100, (64, 512, 1514), MS
EXPERIMENTAL = b"\x88\xb5"  # a type of frame that nobody takes
# Where a frame's way out is spent from lwIP's linkoutput on, whatever of it the compiler makes inline.
DRIVER = frozenset(
    "link_output reap gather bounce count_pieces wants_interrupt free_segments release_tx_pbuf "
    "checksum_tx parse get8 get16 eth_send eth_reap eth_tx_put eth_tx_reap eth_tx_room eth_tx_idle "
    "eth_dma_reaches eth_tx_verdict release_oldest eth_state ETH_IRQHandler eth_interrupt ethif_serve "
    "ethif_input".split()
)


def _rates(prefix, begin, end, size):
    ns = end.time - begin.time
    return {
        f"{prefix}.mbit_s": round(size * 8e3 / ns, 2),
        f"{prefix}.instructions_per_byte": round((end.instructions - begin.instructions) / size, 3),
        f"{prefix}.copied_per_byte": round((end.copied - begin.copied) / size, 3),
    }


class _Meter:
    """Takes a mark when `count` passes the warm-up, and one at the total."""

    def __init__(self, rig, warm_up, total):
        self.rig, self.warm_up, self.total = rig, warm_up, total
        self.count = 0
        self.begin = self.end = None
        self.begin_count = 0

    def add(self, n):
        self.count += n
        if self.begin is None and self.count >= self.warm_up:
            self.begin, self.begin_count = self.rig.mark(), self.count
        if self.end is None and self.count >= self.total:
            self.end = self.rig.mark()

    def rates(self, prefix):
        return _rates(prefix, self.begin, self.end, self.count - self.begin_count)


def tcp_rx(rig, api):
    """The peer sends; what counts is what the board acknowledged."""
    rig.start(f"{api}_api.py", f"tcp_rx({PORT}, {TRANSFER_BYTES})")
    meter = _Meter(rig, WARM_UP_BYTES, TRANSFER_BYTES)
    connection = rig.peer.tcp.connect(DEVICE, PORT)
    seen = [0]

    def sent():
        meter.add(connection.sent_bytes - seen[0])
        seen[0] = connection.sent_bytes

    connection.on_sent = sent
    connection.on_open = lambda: connection.send(bytes(TRANSFER_BYTES))
    rig.run_until(lambda: meter.end, LIMIT_NS, "the transfer does not end")
    return meter.rates(f"{api}.tcp.rx")


def tcp_tx(rig, api):
    rig.start(f"{api}_api.py", f"tcp_tx({PORT}, {TRANSFER_BYTES})")
    meter = _Meter(rig, WARM_UP_BYTES, TRANSFER_BYTES)
    connection = rig.peer.tcp.connect(DEVICE, PORT)
    connection.on_data = lambda data: meter.add(len(data))
    rig.run_until(lambda: meter.end, LIMIT_NS, "the transfer does not end")
    return meter.rates(f"{api}.tcp.tx")


def tcp_tx_in_turn(rig, api, connections):
    """Several connections, written one after the other in pieces of 4 KB."""
    rig.start(f"{api}_api.py", f"tcp_tx_in_turn({PORT}, {connections}, {TRANSFER_BYTES})")
    meter = _Meter(rig, WARM_UP_BYTES, TRANSFER_BYTES)
    for _ in range(connections):
        rig.peer.tcp.connect(DEVICE, PORT).on_data = lambda data: meter.add(len(data))
    rig.run_until(lambda: meter.end, LIMIT_NS, "the transfer does not end")
    prefix = f"{api}.tcp.tx{connections}"
    return {f"{prefix}.mbit_s": meter.rates(prefix)[f"{prefix}.mbit_s"]}


def tcp_echo(rig, api):
    """Round trips of 64 bytes, one at a time."""
    rig.start(f"{api}_api.py", f"tcp_echo({PORT})")
    connection = rig.peer.tcp.connect(DEVICE, PORT)
    message = bytes(ECHO_BYTES)
    meter = _Meter(rig, ECHO_WARM_UP * ECHO_BYTES, (ECHO_WARM_UP + ECHO_ROUNDS) * ECHO_BYTES)

    def answered(data):
        meter.add(len(data))
        if meter.count % ECHO_BYTES == 0 and meter.end is None:
            connection.send(message)

    connection.on_data = answered
    connection.on_open = lambda: connection.send(message)
    rig.run_until(lambda: meter.end, LIMIT_NS, "the echo stops")
    spent = meter.end.instructions - meter.begin.instructions
    return {f"{api}.tcp.echo64.instructions": round(spent / ECHO_ROUNDS)}


def tcp_connects(rig, api):
    """Connections made by the board and closed at once, one after the other."""
    rig.peer.tcp.listen(PORT, lambda connection: None)
    rig.start(f"{api}_api.py", f"tcp_connects({PEER!r}, {PORT}, {CONNECTS})")
    return {f"{api}.tcp.connects_per_s": round(CONNECTS * 1e6 / rig.results(LIMIT_NS))}


def udp_rx(rig, api):
    """The peer sends at line rate; what counts is what the script received."""
    rig.start(f"{api}_api.py", f"udp_rx({PORT}, 100)")
    rig.peer.udp_send(DEVICE, PORT, PORT, bytes(DATAGRAM_BYTES))
    rig.run(20 * MS)
    begin = rig.mark()
    rig.peer.udp_stream(DEVICE, PORT, DATAGRAM_BYTES, DATAGRAMS)
    rig.run_until(lambda: not rig.peer.station.queue, LIMIT_NS, "the datagrams do not go out")
    rig.run(1 * MS)
    end = rig.mark()
    delivered = rig.results() - 1
    end.time -= 1 * MS
    result = _rates(f"{api}.udp.rx", begin, end, max(1, delivered) * DATAGRAM_BYTES)
    return result | {f"{api}.udp.rx.delivered": round(delivered / DATAGRAMS, 3)}


def udp_tx(rig, api):
    meter = _Meter(rig, 0, (DATAGRAMS - 1) * DATAGRAM_BYTES)
    warm = []

    def arrived(source, port, data):
        if not warm:
            warm.append(True)
        elif meter.begin is None:
            meter.add(0)
        else:
            meter.add(len(data))

    rig.peer.udp_listen(PORT, arrived)
    rig.start(f"{api}_api.py", f"udp_tx({PEER!r}, {PORT}, {DATAGRAM_BYTES}, {DATAGRAMS})")
    rig.run_until(lambda: meter.end, LIMIT_NS, "datagrams are missing")
    return meter.rates(f"{api}.udp.tx")


def udp_burst(rig, api):
    """Datagrams back to back while the script sleeps."""
    rig.start(f"{api}_api.py", f"udp_burst({PORT})")
    rig.peer.udp_stream(DEVICE, PORT, BURST_BYTES, BURST)
    return {f"udp.burst{BURST}.delivered": rig.results()}


def _per_frame(key, begin, end, instructions):
    return {
        f"{key}.instructions": round(instructions / FRAMES),
        f"{key}.interrupts": round((end.interrupts - begin.interrupts) / FRAMES, 2),
        f"{key}.copied_bytes": round((end.copied - begin.copied) / FRAMES, 1),
    }


def frame_rx(rig, api, size):
    """One frame at a time that lwIP throws away at once: what is left is interrupt, task, driver, netif."""
    rig.start("frames.py", "idle()")
    rig.run(20 * MS)
    rest = rig.mark()
    rig.run(FRAMES * FRAME_GAP_NS)
    begin = rig.mark()
    frame = next(iter(rig.peer.leases)) + rig.peer.mac + EXPERIMENTAL + bytes(size - 14)
    for number in range(FRAMES):
        rig.board.machine.at(number * FRAME_GAP_NS, lambda: rig.peer.station.transmit(frame))
    rig.run(FRAMES * FRAME_GAP_NS)
    end = rig.mark()
    idle = begin.instructions - rest.instructions
    return _per_frame(f"frame{size}.rx", begin, end, end.instructions - begin.instructions - idle)


def frame_tx(rig, api, size):
    """Datagrams whose data lies in lwIP's heap; counted is what is spent in driver and netif."""
    arrived = []
    rig.peer.udp_listen(PORT, lambda source, port, data: arrived.append(len(data)))
    rig.start("frames.py", f"send({PEER!r}, {PORT}, {size}, {FRAMES})")
    read, begin = rig.board.cpu.start_profile(), rig.mark()
    rig.run_until(lambda: len(arrived) > FRAMES, LIMIT_NS, "frames are missing")
    end = rig.mark()
    spent = sum(n for at, n in read().items() if rig.function(at) in DRIVER)
    return _per_frame(f"frame{size}.tx", begin, end, spent)


def memory(rig, api):
    """What the collector has to give with the interface up."""
    rig.start(f"{api}_api.py", "memory()")
    return {"heap.free_bytes": rig.results()}
