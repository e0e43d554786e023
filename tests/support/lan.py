# SPDX-License-Identifier: MIT
"""A network of its own for a board: a namespace with a TAP, a DHCP and DNS server, and sockets for tests.

Nothing in it reaches the outside. As root a network namespace is all it takes; otherwise a user namespace
is made around it, which needs /dev/net/tun to be open to all.
"""

import json
import os
import socket
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TAP = "tap0"
HOST = "10.0.7.1"
NETMASK = "255.255.255.0"
HOST6 = "fd07::1"
LEASES = "10.0.7.100,10.0.7.199,1h"
DOMAIN = "test"  # RFC 6761: never resolves outside
# Names that upstream's own network tests ask for; here they are this namespace.
NAMES = ("host.test", "micropython.org")
START_SECONDS = 20

# Run on a board it brings the interface up, as `lan`, and prints its address.
UP = """
import network, time
lan = network.LAN()
lan.active(True)
for i in range(500):
    if lan.isconnected():
        break
    time.sleep_ms(20)
print(lan.ipconfig("addr4")[0])
"""


class LanError(Exception):
    """The namespace could not be set up, with the command that failed and what it said."""


class Lan:
    """host, host6: our addresses on the wire. log: what dnsmasq said (path).

    The TAP takes one board at a time: whoever opens it calls take_tap() first.
    """

    host = HOST
    host6 = HOST6

    def __init__(self, directory, names=NAMES):
        self.names = names
        self.leave_tap = None
        self.log = os.path.join(directory, "dnsmasq.log")
        self.directory = directory
        self.programs = []
        ours, theirs = socket.socketpair()
        user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
        resolver = os.path.join(directory, "resolv.conf")
        with open(resolver, "w") as file:
            file.write(f"nameserver {HOST}\n")
        agent = os.path.join(HERE, "agent.py")
        self.agent = subprocess.Popen(
            ["unshare", *user, "--net", "--mount", sys.executable, agent, str(theirs.fileno()), resolver],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
        )
        theirs.close()
        self.channel = ours
        self.channel.settimeout(60)
        self.pid = self._answer()[0]["pid"]
        try:
            self._set_up()
        except BaseException:
            self.close()
            raise

    def take_tap(self, leave=None):
        """Have the TAP left by the board that is on it; leave() is what ends the next one's use of it."""
        if self.leave_tap is not None:
            self.leave_tap()
        self.leave_tap = leave

    def _answer(self):
        data, descriptors = b"", []
        while not data.endswith(b"\n"):
            block, new, _, _ = socket.recv_fds(self.channel, 65536, 4)
            if not block:
                raise LanError("the namespace's agent ended: no rights to make a network namespace?")
            data += block
            descriptors += new
        return json.loads(data), descriptors

    def _ask(self, **request):
        self.channel.sendall(json.dumps(request).encode() + b"\n")
        answer, descriptors = self._answer()
        if "error" in answer:
            raise LanError(f"{request}: {answer['error']}")
        return answer, descriptors

    def run(self, *command, check=True):
        """Run a program in the namespace to its end; its output."""
        answer, _ = self._ask(run=command)
        if check and answer["status"] != 0:
            raise LanError(f"{' '.join(command)}: {answer['output']}")
        return answer["output"]

    def socket(self, family=socket.AF_INET, kind=socket.SOCK_STREAM, protocol=0):
        """A socket of the namespace, for the test to use as any other; it has a time-out of 30 s."""
        _, [descriptor] = self._ask(socket=[int(family), int(kind), protocol])
        made = socket.socket(fileno=descriptor)
        made.settimeout(30)
        return made

    def inside(self, directory=None):
        """What to put before a command so that it runs in the namespace (in `directory`, if given)."""
        user = [] if os.geteuid() == 0 else ["--user", "--preserve-credentials"]
        here = f"--wd={directory or os.getcwd()}"  # entering a mount namespace changes to its root
        return ["nsenter", *user, "--net", "--mount", here, "--target", str(self.pid)]

    def start(self, *command, log):
        """Start a program in the namespace; close() ends it."""
        with open(log, "ab") as file:
            program = subprocess.Popen(
                [*self.inside(), *command], stdin=subprocess.DEVNULL, stdout=file, stderr=file
            )
        self.programs.append(program)
        return program

    def _set_up(self):
        self.run("ip", "link", "set", "lo", "up")
        self.run("ip", "tuntap", "add", "dev", TAP, "mode", "tap")
        self.run("ip", "address", "add", f"{HOST}/24", "dev", TAP)
        self.run("ip", "address", "add", f"{HOST6}/64", "dev", TAP, "nodad")
        self.run("ip", "link", "set", TAP, "up")
        # An address that is not of this network gets no answer here, rather than an error at once.
        self.run("ip", "route", "add", "default", "dev", TAP)
        self.start_dnsmasq()

    def start_dnsmasq(self, *more):
        """DHCP, DNS and router advertisements on the wire, until stop_dnsmasq()."""
        self.dnsmasq = self.start(
            "dnsmasq",
            "--no-daemon",  # stays in the foreground, as the user it is started by
            "--conf-file=/dev/null",
            f"--dhcp-leasefile={self.directory}/leases",
            "--no-resolv",
            "--no-hosts",
            "--log-queries",
            "--log-dhcp",
            f"--interface={TAP}",
            f"--domain={DOMAIN}",
            f"--dhcp-range={LEASES}",
            f"--dhcp-range={HOST6},ra-stateless",
            "--enable-ra",
            "--dhcp-authoritative",
            # One board asks at a time: probing an address before the offer only costs its seconds.
            "--no-ping",
            *(f"--host-record={name},{HOST},{HOST6}" for name in self.names),
            *more,
            log=self.log,
        )
        give_up = time.monotonic() + START_SECONDS
        while not self._dns_listens():
            if self.dnsmasq.poll() is not None or time.monotonic() > give_up:
                raise LanError(f"dnsmasq did not start:\n{self.said()}")
            time.sleep(0.05)

    def _dns_listens(self):
        with self.socket() as probe:
            return probe.connect_ex((HOST, 53)) == 0

    def said(self):
        with open(self.log, errors="replace") as file:
            return file.read()

    def stop_dnsmasq(self):
        self._end(self.dnsmasq)

    def _end(self, program):
        if program.poll() is None:
            program.terminate()
            program.wait(10)
        if program in self.programs:
            self.programs.remove(program)

    def close(self):
        for program in list(self.programs):
            self._end(program)
        self.channel.close()
        self.agent.terminate()
        self.agent.wait(10)
