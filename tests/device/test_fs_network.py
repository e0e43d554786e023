# SPDX-License-Identifier: MIT
"""Files are written while the network is busy: the flash stands still at times, nothing is lost for good."""

import hashlib
import os
import threading

SCRIPT = """
import _thread, hashlib, network, os, socket, stm32, time
lan = network.LAN()
lan.active(True)
while not lan.isconnected():
    time.sleep_ms(20)
server = socket.socket()
server.bind(("", 7100))
server.listen()
print("at", lan.ipconfig("addr4")[0])
going = True
written = 0

def write():
    global written
    while going:
        with open("t_log", "wb") as file:
            for i in range(16):
                file.write(bytes((written + i) & 0xFF for i in range(1024)))
        with open("t_log", "rb") as file:
            for i in range(16):
                assert file.read(1024) == bytes((written + i) & 0xFF for i in range(1024))
        written += 1

wear = stm32.Flash().wear()
sock, _ = server.accept()
_thread.start_new_thread(write, ())
digest = hashlib.sha256()
while data := sock.recv(4096):
    digest.update(data)
while sum(stm32.Flash().wear()) == sum(wear):
    time.sleep_ms(10)  # a sector is erased in the midst of it, at the latest now
sock.sendall(digest.digest())
sock.close()
server.close()
going = False
time.sleep_ms(500)
print(written > 0)
os.remove("t_log")
"""


def test_fs__written_while_data_streams_in(net_board, lan):
    """300 KB by TCP arrive intact while a thread writes and checks files, erasing the flash as it goes."""
    net_board.start(SCRIPT)
    address = net_board.dut.expect(rb"at ([0-9.]+)\r\n").group(1).decode()
    data = os.urandom(300_000)
    client = lan.socket()
    client.settimeout(120)
    client.connect((address, 7100))
    feeder = threading.Thread(target=lambda: (client.sendall(data), client.shutdown(1)))
    feeder.start()
    answer = b""
    while part := client.recv(100):
        answer += part
    feeder.join()
    client.close()
    assert answer == hashlib.sha256(data).digest()
    output, error = net_board.finish(timeout=120)
    assert not error and output == b"True\r\n", (output, error)
