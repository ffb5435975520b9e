# SPDX-License-Identifier: GPL-2.0-or-later
"""What was on the wire of the loopback device."""

import pathlib
import struct
import subprocess
import tempfile

from . import tool


class Capture:
    """tcpdump of one TCP port, inside the with block."""

    def __init__(self, port):
        self.port = port
        self.directory = tempfile.TemporaryDirectory(dir="/run")
        self.path = pathlib.Path(self.directory.name) / "pcap"
        self.process = None

    def __enter__(self):
        log = pathlib.Path(self.directory.name) / "log"
        with open(log, "w", encoding="ascii") as file:
            self.process = subprocess.Popen(
                ["tcpdump", "-i", "lo", "-U", "--immediate-mode", "-Z",
                 "root", "-w", self.path, f"tcp port {self.port}"],
                stderr=file)
        tool.wait_until(lambda: "listening on" in log.read_text(),
                        "tcpdump listens")
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(20)

    def flights(self):
        """[(whether the client sent it, bytes)], one for each turn.

        Of what is there until now, with one connection over IPv4.
        """
        data = self.path.read_bytes()[24:]
        found, seen = [], {True: 0, False: 0}
        while len(data) > 16:
            length = struct.unpack_from("=8xI", data)[0]
            if len(data) < 16 + length:
                break
            packet, data = data[16:16 + length], data[16 + length:]
            client, seq, payload = self._parse(packet[14:])
            # What is sent again is not said again.
            if not payload or seq < seen[client]:
                continue
            seen[client] = seq + len(payload)
            if found and found[-1][0] == client:
                payload = found.pop()[1] + payload
            found.append((client, payload))
        return found

    def _parse(self, packet):
        length = struct.unpack_from("!H", packet, 2)[0]
        tcp = packet[4 * (packet[0] & 15):length]
        _, target, seq = struct.unpack_from("!HHI", tcp)
        return target == self.port, seq, tcp[4 * (tcp[12] >> 4):]
