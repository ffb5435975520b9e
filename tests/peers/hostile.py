#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Strangers: what they send leaves the application undisturbed.

Each kind of misbehaviour has its own reason in the counters and, where TLS
has one, its alert.
"""

import contextlib
import socket
import ssl
import unittest

from peerlib import app, ktap, rawtls, tool
from peerlib.rawtls import ALERT, DATA, HANDSHAKE, record

UNEXPECTED_MESSAGE, BAD_RECORD_MAC, RECORD_OVERFLOW = 10, 20, 22
HANDSHAKE_FAILURE, DECODE_ERROR, PROTOCOL_VERSION = 40, 50, 70

SILENT = 500
TIMEOUT_MS = 700


def allocated():
    """How many TCP sockets the kernel has."""
    with open("/proc/net/sockstat", encoding="ascii") as file:
        words = next(line for line in file if line.startswith("TCP:")).split()
    return int(words[words.index("alloc") + 1])


class Case(unittest.TestCase):
    """A listener, an honest client, and somebody else."""

    def serve(self, **request):
        server = app.Server(**request)
        self.addCleanup(server.sock.close)
        return server

    def stranger(self, server):
        sock = rawtls.connect(server.address)
        self.addCleanup(sock.close)
        return sock

    def honest(self, server):
        """An honest client is served."""
        with rawtls.Client(server.address) as client:
            client.handshake()
            with server.accept() as conn:
                client.send(b"honest")
                self.assertEqual(conn.recv(100), b"honest")

    @contextlib.contextmanager
    def undisturbed(self, server, reason, number=1):
        """What happens inside is counted, and the application sees nothing."""
        with tool.counts(reason, number):
            yield
        self.assertTrue(server.sees_nothing())
        self.honest(server)


class Bytes(Case):
    """Bytes that are no handshake."""

    def refused(self, data, reason, *alerts):
        """DATA is answered with one of ALERTS and the end."""
        server = self.serve()
        with self.undisturbed(server, reason):
            sock = self.stranger(server)
            sock.sendall(data)
            found = rawtls.plain_alerts(rawtls.until_end(sock))
            self.assertEqual(len(found), 1, found)
            self.assertIn(found[0], alerts)

    def test_garbage(self):
        self.refused(bytes(range(200, 256)) * 4, "malformed",
                     UNEXPECTED_MESSAGE, DECODE_ERROR, PROTOCOL_VERSION)

    def test_plain_http(self):
        self.refused(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
                     "malformed", UNEXPECTED_MESSAGE, DECODE_ERROR,
                     PROTOCOL_VERSION)

    def test_ssh(self):
        self.refused(b"SSH-2.0-OpenSSH_9.2p1\r\n" * 20, "malformed",
                     UNEXPECTED_MESSAGE, DECODE_ERROR, PROTOCOL_VERSION)

    def test_not_a_hello(self):
        """A record of the right form, with nonsense in it."""
        self.refused(record(HANDSHAKE, b"\x63\x00\x00\x04abcd", 0x0301),
                     "malformed", UNEXPECTED_MESSAGE, DECODE_ERROR)

    def test_cut_hello(self):
        """A ClientHello that ends before its own length does."""
        self.refused(record(HANDSHAKE, b"\x01\x00\x00\x02\x03\x03", 0x0301),
                     "malformed", DECODE_ERROR)

    def test_data_first(self):
        self.refused(record(DATA, b"x" * 100), "malformed",
                     UNEXPECTED_MESSAGE)

    def test_empty_records(self):
        """Records with nothing in them are no progress."""
        self.refused(record(HANDSHAKE, b"", 0x0301) * 100, "malformed",
                     UNEXPECTED_MESSAGE, DECODE_ERROR)

    def test_oversized_record(self):
        """The header is enough to know: 2^14 + 257 bytes."""
        self.refused(b"\x16\x03\x01" + (16384 + 257).to_bytes(2, "big"),
                     "record", RECORD_OVERFLOW)

    def test_oversized_plaintext(self):
        """A record that only an encrypted one may be as long as."""
        self.refused(record(HANDSHAKE, b"\x01" + b"\0" * 16400, 0x0301),
                     "record", RECORD_OVERFLOW)

    def test_endless_hello(self):
        """A ClientHello of 16 MB, announced and begun."""
        server = self.serve()
        piece = record(HANDSHAKE, b"\0" * 16000, 0x0301)
        with self.undisturbed(server, "limit"):
            sock = self.stranger(server)
            with contextlib.suppress(ConnectionError):
                sock.sendall(record(HANDSHAKE, b"\x01\xff\xff\xff", 0x0301))
                for _ in range(1050):
                    sock.sendall(piece)
            with contextlib.suppress(ConnectionError):
                rawtls.until_end(sock)

    def test_alert_first(self):
        """There is nothing yet that a peer could complain of."""
        server = self.serve()
        with self.undisturbed(server, "malformed"):
            sock = self.stranger(server)
            sock.sendall(record(ALERT, b"\x02\x28"))
            with contextlib.suppress(ConnectionError):
                rawtls.until_end(sock)

    def test_tls12_only(self):
        server = self.serve()
        ctx = rawtls.context(maximum=ssl.TLSVersion.TLSv1_2)
        with self.undisturbed(server, "version"):
            client = rawtls.Client(server.address, ctx)
            client.push(client.begin())
            found = rawtls.plain_alerts(rawtls.until_end(client.sock))
            self.assertEqual(found, [PROTOCOL_VERSION])
            client.sock.close()

    def test_wrong_cipher(self):
        server = self.serve(profile="aes128")
        # Python cannot choose the suites of TLS 1.3: change the ClientHello.
        client = rawtls.Client(server.address)
        hello = client.begin()
        suites = b"\x13\x02\x13\x03\x13\x01"
        self.assertEqual(hello.count(suites), 1)
        with self.undisturbed(server, "cipher"):
            client.push(hello.replace(suites, b"\x13\x02\x13\x03\x13\x05"))
            found = rawtls.plain_alerts(rawtls.until_end(client.sock))
            self.assertEqual(found, [HANDSHAKE_FAILURE])
            client.sock.close()

    def test_bad_finished(self):
        """The client's last flight was changed on the way."""
        server = self.serve()
        with self.undisturbed(server, "record"):
            client = rawtls.Client(server.address)
            client.push(client.begin())
            finished = bytearray(client.answer())
            finished[-1] ^= 1
            client.push(finished)
            with self.assertRaisesRegex(ssl.SSLError, "BAD_RECORD_MAC"):
                client.read()
            client.sock.close()


class Silence(Case):
    """Peers that say nothing, or not enough."""

    def test_half_a_hello(self):
        server = self.serve(timeout_ms=TIMEOUT_MS)
        with self.undisturbed(server, "timeout"):
            client = rawtls.Client(server.address)
            hello = client.begin()
            client.push(hello[:len(hello) // 2])
            with contextlib.suppress(ConnectionResetError):
                self.assertEqual(rawtls.until_end(client.sock), b"")
            client.sock.close()

    def test_without_finished(self):
        server = self.serve(timeout_ms=2000)
        with self.undisturbed(server, "timeout"):
            client = rawtls.Client(server.address)
            client.push(client.begin())
            client.answer()
            with contextlib.suppress(ConnectionResetError):
                rawtls.until_end(client.sock)
            client.sock.close()

    def test_slow_bytes(self):
        """One byte now and then: the time-out is for the whole of it."""
        server = self.serve(timeout_ms=1500)
        with self.undisturbed(server, "timeout"):
            client = rawtls.Client(server.address)
            hello = client.begin()
            client.sock.settimeout(0.1)
            with contextlib.suppress(ConnectionError):
                for byte in hello:
                    client.push(bytes([byte]))
                    with contextlib.suppress(TimeoutError):
                        if not client.sock.recv(1):
                            break
                else:
                    self.fail("it could send the whole ClientHello")
            client.sock.close()

    def test_silent_500(self):
        """500 silent connections cost an honest client nothing."""
        self.honest(self.serve())
        sockets = allocated()
        server = self.serve(timeout_ms=20000)
        with tool.counts("timeout", SILENT):
            silent = [rawtls.connect(server.address) for _ in range(SILENT)]
            tool.wait_until(lambda: tool.pending() >= SILENT,
                            "all are pending")
            self.assertTrue(server.sees_nothing())
            self.honest(server)
            for sock in silent:
                with contextlib.suppress(ConnectionResetError):
                    self.assertEqual(rawtls.until_end(sock), b"")
                sock.close()
        self.assertEqual(tool.pending(), 0)
        server.sock.close()
        tool.wait_until(lambda: allocated() <= sockets,
                        "the sockets are freed")


    def test_evicted(self):
        """Beyond the limit the oldest goes, and nobody else."""
        limits = tool.run("show", "limits")["limits"]
        self.addCleanup(tool.run, "set", "pending", str(limits["pending"]))
        tool.run("set", "pending", "4")
        # None is to be over for its age: a slow kernel takes its time.
        server = self.serve(timeout_ms=600000)
        started = tool.stats()["started"]
        with tool.counts("evicted", 2):
            silent = []
            for number in range(6):
                silent.append(self.stranger(server))
                tool.wait_until(
                    lambda: tool.pending() == min(number + 1, 4) and
                    tool.stats()["started"] - started == number + 1,
                    "it is pending")
            for sock in silent[:2]:
                with contextlib.suppress(ConnectionResetError):
                    self.assertEqual(rawtls.until_end(sock), b"")
        self.assertEqual(tool.pending(), 4)
        with tool.counts("evicted"):
            self.honest(server)


class Reset(Case):
    """RST, and FIN, at every stage of the handshake."""

    def stages(self, server):
        """Clients at the end of each stage, by its name."""
        client = rawtls.Client(server.address)
        yield "connected", client
        client = rawtls.Client(server.address)
        client.push(client.begin()[:50])
        yield "half a hello", client
        client = rawtls.Client(server.address)
        client.push(client.begin())
        yield "hello", client
        client = rawtls.Client(server.address)
        client.push(client.begin())
        client.answer()
        yield "answered", client
        client = rawtls.Client(server.address)
        client.push(client.begin())
        client.push(client.answer()[:-5])
        yield "half of the finished", client

    def test_reset(self):
        server = self.serve()
        for stage, client in self.stages(server):
            with self.subTest(stage=stage), \
                 self.undisturbed(server, "peer-reset"):
                rawtls.reset(client.sock)

    def test_fin(self):
        server = self.serve()
        for stage, client in self.stages(server):
            with self.subTest(stage=stage), \
                 self.undisturbed(server, "peer-closed"):
                client.sock.shutdown(socket.SHUT_WR)
                with contextlib.suppress(ConnectionResetError):
                    rawtls.until_end(client.sock)
                client.sock.close()

    def test_reset_when_ready(self):
        """Authenticated, not accepted yet, and gone: no harm done."""
        server = self.serve()
        client = rawtls.Client(server.address).handshake()
        tool.wait_until(lambda: tool.ready() == 1, "it is ready")
        rawtls.reset(client.sock)
        # As with TCP, the application gets it and reads the error.
        conn = server.accept()
        with self.assertRaises(ConnectionResetError):
            conn.recv(1)
        conn.close()
        self.honest(server)


if __name__ == "__main__":
    ktap.main()
