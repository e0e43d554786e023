# SPDX-License-Identifier: MIT
"""Runs inside a network namespace for lan.py: makes sockets there and hands them out, and starts programs.

Requests are lines of JSON on the UNIX socket whose descriptor is the argument, answered by a line each; a
socket that was asked for comes along as a file descriptor. The second argument is what programs see as
/etc/resolv.conf here. The namespace lives as long as this process.
"""

import json
import os
import signal
import socket
import subprocess
import sys


def make_socket(request):
    made = socket.socket(*request["socket"])
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    return {}, [made.detach()]


def run(request):
    """Run a program to its end."""
    done = subprocess.run(
        request["run"], capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False
    )
    return {"status": done.returncode, "output": done.stdout + done.stderr}, []


def main():
    channel = socket.socket(fileno=int(sys.argv[1]))
    subprocess.run(["mount", "--bind", sys.argv[2], "/etc/resolv.conf"], check=True)
    channel.sendall(json.dumps({"pid": os.getpid()}).encode() + b"\n")
    signal.signal(
        signal.SIGINT, signal.SIG_IGN
    )  # a terminal's Ctrl-C is for pytest, which ends this afterwards
    for line in channel.makefile():
        request = json.loads(line)
        try:
            answer, descriptors = make_socket(request) if "socket" in request else run(request)
        except OSError as error:
            answer, descriptors = {"error": str(error)}, []
        socket.send_fds(channel, [json.dumps(answer).encode() + b"\n"], descriptors)
        for descriptor in descriptors:
            os.close(descriptor)


if __name__ == "__main__":
    main()
