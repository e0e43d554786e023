# SPDX-License-Identifier: MIT
"""A USB host's port: the bus in frames of 1 ms, transfers, and enumeration the way Linux does it.

Differs from silicon:
- No bit stuffing and no bit errors: a transaction of n bytes takes 13 + n byte times (USB 2.0 table 5-9),
  a refused one 8 byte times.
- A refused endpoint is asked again when the device changes something or in the next frame, not without pause.
- One device, no hub.
"""

from dataclasses import dataclass

MS = 1_000_000
FRAME_NS = 1 * MS
LOOK_NS = 10 * MS
BYTE_NS = 667  # 8 bits at 12 Mbit/s
TRANSACTION_BYTES = 13  # what a bulk or control transaction costs beyond its data
REFUSED_BYTES = 8
SOF_BYTES = 6
FRAME_END_BYTES = 10  # a transaction must be over this long before the frame's end
CONTROL_TIMEOUT_NS = 5_000 * MS  # Linux's
ERROR_LIMIT = 3  # transactions without an answer in a row, then the transfer fails

CONTROL, BULK, INTERRUPT = 0, 2, 3
GET_DESCRIPTOR, SET_ADDRESS, SET_CONFIGURATION, SET_FEATURE = 6, 5, 9, 3
DEVICE, CONFIGURATION, STRING, INTERFACE, ENDPOINT = 1, 2, 3, 4, 5


@dataclass(frozen=True)
class Timing:
    """What Linux takes its time with (drivers/usb/core/hub.c), in ns."""

    debounce: int = 100 * MS
    hub_request: int = 1 * MS  # the way of a request through the hub driver to the port
    reset: int = 50 * MS
    reset_recovery: int = 10 * MS
    address_recovery: int = 10 * MS
    resume: int = 20 * MS
    retry: int = 100 * MS


class UsbError(Exception):
    """A transfer failed: STALL, no answer, or something that the specification forbids."""


class Transfer:
    """Bytes to or from one endpoint.

    endpoint     number, `is_in` its direction
    data         bytes still to be sent, or those received so far
    length       for IN: how many are wanted
    done         called once with the transfer when it is over; `error` is None or a text
    """

    def __init__(self, endpoint, is_in, done, data=b"", length=0, setup=None, interval=0):
        self.endpoint = endpoint
        self.is_in = is_in
        self.done = done
        self.data = bytearray(data)
        self.length = length
        self.setup = setup
        self.stage = "setup" if setup else "data"
        self.error = None
        self.failures = 0
        self.waiting = False  # refused, until a kick or the next frame
        self.interval = interval  # in frames, of an interrupt endpoint; others are asked at once


class Task:
    """A generator that yields a number of ns to sleep, or a Transfer to be carried out and given back."""

    def __init__(self, host, generator, failed):
        self.host = host
        self.generator = generator
        self.failed = failed
        self.event = None
        self._step(None)

    def cancel(self):
        """End the task where it stands."""
        if self.event:
            self.event.cancel()
        self.generator = None

    def _step(self, value):
        if self.event:
            self.event.cancel()
            self.event = None
        if self.generator is None:
            return
        try:
            wanted = self.generator.send(value)
        except StopIteration:
            self.generator = None
        except UsbError as error:
            self.generator = None
            self.host.log.append(str(error))
            if self.failed:
                self.failed()
        else:
            self._wait(wanted)

    def _wait(self, wanted):
        at = self.host.machine.at
        if isinstance(wanted, Transfer):
            wanted.done = self._step
            self.event = at(CONTROL_TIMEOUT_NS, lambda: self._time_out(wanted))
            self.host.submit(wanted)
        else:
            self.event = at(wanted, lambda: self._step(None))

    def _time_out(self, transfer):
        self.host.cancel(transfer)
        transfer.error = "timed out"
        self._step(transfer)


class Host:
    """Drives the device model `otg` (peripherals/otg_fs.py) over a cable that plug() connects."""

    def __init__(self, machine, otg, timing=None):
        self.machine = machine
        self.otg = otg
        self.timing = timing or Timing()
        self.drivers = []  # each: probe(host) -> generator or None, gone()
        self.plugged = False
        self.log = []  # what went wrong, for tests and reports
        self.packets = 0
        otg.bus = self
        self._forget_device()
        self.frame = 0
        self._frame_event = None
        self._service_event = None
        self._look_event = None
        self._enumeration = None
        self._bus_free = 0
        self._frame_end = 0

    def _forget_device(self):
        self.configured = False
        self.suspended = False
        self.address = 0
        self.descriptor = b""
        self.configuration = b""
        self.strings = {}
        self.packet_sizes = {}
        self.toggles = {}
        self.transfers = []
        self._turn = 0
        self._bus_runs = False

    # The cable

    def plug(self):
        """Connect the cable."""
        if self.plugged:
            return
        self.plugged = True
        gpio = self.machine.peripherals.get("GPIOA")
        if gpio:
            gpio.set_input(9, 1)  # VBUS is wired to PA9 on the boards
        self.otg.set_vbus(True)
        self._look()

    def unplug(self):
        """Pull the cable: the device loses 5 V and the bus."""
        if not self.plugged:
            return
        self.plugged = False
        gpio = self.machine.peripherals.get("GPIOA")
        if gpio:
            gpio.set_input(9, None)
        was_connected = self.otg.connected
        self._lose_device()
        self.otg.set_vbus(False)
        if was_connected and self.otg.connected:
            self.otg.bus_idle()

    def _look(self):
        """While nothing is connected: see whether pins or clocks have been set up meanwhile."""
        self._look_event = None
        if self.plugged and not self._enumeration:
            self.otg.refresh()
            if not self._enumeration:
                if self.otg.connected:
                    self.connection(True)
                else:
                    self._look_event = self.machine.at(LOOK_NS, self._look)

    def connection(self, present):
        """Called by the device model when its pull-up changes."""
        if not self.plugged:
            return
        if present:
            if not self._enumeration:
                self._enumeration = self.start(self._enumerate(), self._failed)
        else:
            self._lose_device()
            if self._look_event is None:
                self._look_event = self.machine.at(LOOK_NS, self._look)

    def _lose_device(self):
        if self._enumeration:
            self._enumeration.cancel()
            self._enumeration = None
        if self._look_event:
            self._look_event.cancel()
            self._look_event = None
        self._stop_bus()
        transfers, was_configured = self.transfers, self.configured
        self._forget_device()
        for transfer in transfers:
            transfer.error = "disconnected"
        if was_configured:
            for driver in self.drivers:
                driver.gone()

    # Tasks

    def start(self, generator, failed=None):
        """Run a task; `failed()` is called where it ends in a UsbError. Returns the Task."""
        return Task(self, generator, failed)

    def _failed(self):
        """Enumeration failed: try again, as long as the device stays there."""
        self._stop_bus()
        self._forget_device()
        if self.plugged and self.otg.connected:
            self._enumeration = self.start(self._retry(), self._failed)

    def _retry(self):
        yield self.timing.retry
        yield from self._enumerate()

    @staticmethod
    def control(request_type, request, value, index, data_or_length):
        """A control Transfer; `data_or_length` is bytes (OUT), or how many bytes are wanted (IN)."""
        is_in = bool(request_type & 0x80)
        length = data_or_length if is_in else len(data_or_length)
        setup = bytes((request_type, request)) + b"".join(
            x.to_bytes(2, "little") for x in (value, index, length)
        )
        return Transfer(0, is_in, None, b"" if is_in else data_or_length, length, setup)

    def _checked(self, transfer, what):
        if transfer.error:
            raise UsbError(f"{what}: {transfer.error}")
        return bytes(transfer.data)

    def _get_descriptor(self, kind, index, length, language=0):
        transfer = yield self.control(0x80, GET_DESCRIPTOR, kind << 8 | index, language, length)
        data = self._checked(transfer, f"GET_DESCRIPTOR {kind}")
        if len(data) < 2 or data[1] != kind:
            raise UsbError(f"GET_DESCRIPTOR {kind}: got {data.hex()}")
        return data

    # Enumeration

    def _bus_reset(self):
        yield self.timing.hub_request
        self._stop_bus()
        self.otg.bus_reset()
        self.address = 0
        self.toggles.clear()
        yield self.timing.reset
        self.otg.bus_reset_end()
        self._start_bus()
        yield self.timing.reset_recovery

    def _enumerate(self):
        yield self.timing.debounce
        if not self.otg.connected:
            raise UsbError("the device went away")
        self.packet_sizes = {0: 64}
        yield from self._bus_reset()
        first = yield from self._get_descriptor(DEVICE, 0, 64)
        if first[7:8] not in (b"\x08", b"\x10", b"\x20", b"\x40"):
            raise UsbError(f"bMaxPacketSize0 of the device descriptor {first.hex()}")
        self.packet_sizes[0] = first[7]
        yield from self._bus_reset()
        self._checked((yield self.control(0x00, SET_ADDRESS, 1, 0, b"")), "SET_ADDRESS")
        self.address = 1
        yield self.timing.address_recovery
        self.descriptor = yield from self._get_descriptor(DEVICE, 0, 18)
        head = yield from self._get_descriptor(CONFIGURATION, 0, 9)
        total = int.from_bytes(head[2:4], "little")
        self.configuration = yield from self._get_descriptor(CONFIGURATION, 0, total)
        if len(self.configuration) != total:
            raise UsbError(f"the configuration has {len(self.configuration)} bytes and says {total}")
        yield from self._read_strings()
        self._checked(
            (yield self.control(0x00, SET_CONFIGURATION, self.configuration[5], 0, b"")), "SET_CONFIGURATION"
        )
        for endpoint in self.descriptors(ENDPOINT):
            self.packet_sizes[endpoint[2]] = int.from_bytes(endpoint[4:6], "little") & 0x7FF
            self.toggles[endpoint[2]] = 0
        self.configured = True
        for driver in self.drivers:
            yield from driver.probe()

    def reset_device(self):
        """Reset the port and enumerate the device again, as Linux's USBDEVFS_RESET does."""
        self._lose_device()
        self.connection(self.otg.connected)

    def _read_strings(self):
        """Manufacturer, product, serial number, in the first language that the device offers."""
        languages = yield from self._get_descriptor(STRING, 0, 255)
        language = int.from_bytes(languages[2:4], "little")
        for name, index in zip(("manufacturer", "product", "serial"), self.descriptor[14:17], strict=True):
            if index:
                text = yield from self._get_descriptor(STRING, index, 255, language)
                self.strings[name] = text[2:].decode("utf-16-le")

    def descriptors(self, kind):
        """The descriptors of one kind in the configuration, in order."""
        found, offset = [], 0
        while offset < len(self.configuration):
            length = self.configuration[offset]
            if length < 2:
                raise UsbError(f"a descriptor of {length} bytes in the configuration")
            if self.configuration[offset + 1] == kind:
                found.append(self.configuration[offset : offset + length])
            offset += length
        return found

    # Suspend and resume

    def suspend(self):
        """Stop the bus; the device notices after 3 ms."""
        self._stop_bus()
        self.suspended = True
        self.otg.bus_idle()

    def resume(self, remote=False):
        """Drive resume for 20 ms, then let the frames run again."""
        if not self.suspended:
            return
        self.suspended = False
        self.otg.bus_resume(remote)
        self.machine.at(self.timing.resume, self._start_bus)

    def remote_wakeup(self):
        """The device asks to be woken."""
        if self.suspended:
            self.resume(remote=True)

    # Frames

    def _start_bus(self):
        if not self._bus_runs and self.otg.connected:
            self._bus_runs = True
            self._frame()

    def _stop_bus(self):
        self._bus_runs = False
        for event in (self._frame_event, self._service_event):
            if event:
                event.cancel()
        self._frame_event = self._service_event = None

    def _frame(self):
        now = self.machine.now
        self.frame = (self.frame + 1) & 0x7FF
        self._frame_end = now + FRAME_NS - FRAME_END_BYTES * BYTE_NS
        self._bus_free = now + SOF_BYTES * BYTE_NS
        self._frame_event = self.machine.at(FRAME_NS, self._frame)
        for transfer in self.transfers:
            if not transfer.interval or self.frame % transfer.interval == 0:
                transfer.waiting = False
        self.otg.sof(self.frame)
        self._schedule()

    def submit(self, transfer):
        """Queue a transfer; its `done` is called when it is over."""
        if transfer.setup:
            self.toggles[0] = 1
        self.transfers.append(transfer)
        self._schedule()

    def cancel(self, transfer):
        """Take a transfer back; its `done` is not called."""
        if transfer in self.transfers:
            self.transfers.remove(transfer)

    def kick(self):
        """The device may answer now what it refused before."""
        if self._bus_runs and self.transfers:
            for transfer in self.transfers:
                if not transfer.interval:
                    transfer.waiting = False
            self._schedule()

    def _next(self):
        """The transfer whose turn it is; control transfers first, one at a time."""
        blocked = False
        ready = []
        for transfer in self.transfers:
            if transfer.endpoint == 0:
                if not blocked and not transfer.waiting:
                    return transfer
                blocked = True
            elif not transfer.waiting:
                ready.append(transfer)
        if not ready:
            return None
        self._turn += 1
        return ready[self._turn % len(ready)]

    def _packet(self, transfer):
        """The bytes that the next OUT or SETUP transaction carries; b"" for IN and status."""
        if transfer.stage == "setup":
            return transfer.setup
        if transfer.stage == "status" or transfer.is_in:
            return b""
        return bytes(transfer.data[: self._packet_size(transfer)])

    def _packet_size(self, transfer):
        return self.packet_sizes[transfer.endpoint | (0x80 if transfer.is_in and transfer.endpoint else 0)]

    def _schedule(self):
        """Put the next transaction on the bus, if there is one and it fits into this frame."""
        if self._service_event or not self._bus_runs:
            return
        transfer = self._next()
        if transfer is None:
            return
        size = len(self._packet(transfer))
        if transfer.is_in and transfer.stage == "data":
            size = min(self._packet_size(transfer), transfer.length - len(transfer.data))
        start = max(self._bus_free, self.machine.now)
        end = start + (TRANSACTION_BYTES + size) * BYTE_NS
        if end > self._frame_end:
            return  # the next frame begins with another look
        self._service_event = self.machine.at(
            end - self.machine.now, lambda: self._transact(transfer, start, end)
        )

    def _transact(self, transfer, start, end):
        """The end of a transaction: what did the device say?"""
        self._service_event = None
        self._bus_free = end
        if transfer in self.transfers:
            if self._is_in_token(transfer):
                answer = self.otg.in_(self.address, transfer.endpoint)
            elif transfer.stage == "setup":
                answer = self.otg.setup(self.address, 0, transfer.setup)
            else:
                answer = self.otg.out(
                    self.address, transfer.endpoint, self._toggle(transfer), self._packet(transfer)
                )
            if answer == "NAK":
                self._bus_free = min(end, start + REFUSED_BYTES * BYTE_NS)
                transfer.waiting = True
                transfer.failures = 0
            else:
                self._answered(transfer, answer)
        self._schedule()

    @staticmethod
    def _is_in_token(transfer):
        if transfer.stage == "status":
            return not (transfer.is_in and transfer.length)
        return transfer.stage == "data" and transfer.is_in

    def _key(self, transfer):
        return transfer.endpoint | (0x80 if transfer.is_in and transfer.endpoint else 0)

    def _toggle(self, transfer):
        return 1 if transfer.stage == "status" else self.toggles.get(self._key(transfer), 0)

    def _answered(self, transfer, answer):
        if answer is None:
            transfer.failures += 1
            if transfer.failures >= ERROR_LIMIT:
                self._finish(transfer, "no answer")
            return
        transfer.failures = 0
        self.packets += 1
        if answer == "STALL":
            self._finish(transfer, "STALL")
        elif transfer.stage == "setup":
            transfer.stage = "data" if transfer.length else "status"
        elif isinstance(answer, tuple):
            self._received(transfer, *answer)
        else:
            self._sent(transfer)

    def _received(self, transfer, pid, data):
        if pid != self._toggle(transfer):
            self.log.append(f"endpoint {transfer.endpoint} IN: DATA{pid} where DATA{1 - pid} was due")
            return  # a repetition to the host: acknowledged and dropped
        if transfer.stage == "status":
            self._finish(transfer, "data in the status stage" if data else None)
            return
        self.toggles[self._key(transfer)] ^= 1
        if len(data) > min(self._packet_size(transfer), transfer.length - len(transfer.data)):
            self._finish(transfer, f"babble: {len(data)} bytes")
            return
        transfer.data += data
        if len(data) < self._packet_size(transfer) or len(transfer.data) >= transfer.length:
            self._data_over(transfer)

    def _sent(self, transfer):
        if transfer.stage == "status":
            self._finish(transfer, None)
            return
        self.toggles[self._key(transfer)] ^= 1
        del transfer.data[: self._packet_size(transfer)]
        if not transfer.data:
            self._data_over(transfer)

    def _data_over(self, transfer):
        if transfer.setup:
            transfer.stage = "status"
        else:
            self._finish(transfer, None)

    def _finish(self, transfer, error):
        transfer.error = error
        self.cancel(transfer)
        if transfer.done:
            transfer.done(transfer)
