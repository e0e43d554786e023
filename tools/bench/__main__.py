# SPDX-License-Identifier: MIT
"""Measure, print a table, write a JSON file: a flat object, the same for the same image to the last digit."""

import argparse
import json
import sys
from functools import partial
from pathlib import Path

from . import measures
from .rig import SCRIPTS, Failed, Rig

APIS = [api for api in ("raw", "netconn", "socket") if (SCRIPTS / f"{api}_api.py").exists()]


def plan():
    """[(what, function, api)], in the order of the table."""
    steps = []
    for api in APIS:
        for name in ("tcp_rx", "tcp_tx", "udp_rx", "udp_tx", "tcp_echo", "tcp_connects"):
            steps.append((f"{api} {name}", getattr(measures, name), api))
    for connections in (2, 8):
        function = partial(measures.tcp_tx_in_turn, connections=connections)
        steps.append((f"socket tcp_tx{connections}", function, "socket"))
    steps.append(("socket udp_burst", measures.udp_burst, "socket"))
    for size in measures.FRAME_SIZES:
        steps.append((f"frame{size}_rx", partial(measures.frame_rx, size=size), "socket"))
        steps.append((f"frame{size}_tx", partial(measures.frame_tx, size=size), "socket"))
    steps.append(("memory", measures.memory, "socket"))
    return steps


def main():
    parser = argparse.ArgumentParser(prog="bench", description="Measure the stack on the emulated board.")
    parser.add_argument("--elf", required=True)
    parser.add_argument("--board", default="STM32F4DISC_DISBB")
    parser.add_argument("--image", help="firmware.bin, whose size is reported")
    parser.add_argument("--output", help="JSON file to write")
    parser.add_argument("--only", default="", help="only measurements whose name contains this")
    arguments = parser.parse_args()
    results, failures = {}, 0
    for name, function, api in plan():
        if arguments.only not in name:
            continue
        print(f"measuring {name} ...", file=sys.stderr, flush=True)
        try:
            with Rig(arguments.elf, arguments.board) as rig:
                results.update(function(rig, api))
        except Failed as error:
            failures += 1
            print(f"bench: {name}: {error}", file=sys.stderr)
    if arguments.image:
        results["image.bytes"] = Path(arguments.image).stat().st_size
    for key, value in results.items():
        print(f"{key:42} {value:>12}")
    if arguments.output:
        Path(arguments.output).write_text(json.dumps(results, indent=1) + "\n")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
