#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The stream of bytes: none is lost or doubled, and both ends are told apart.

How a client cuts its bytes into segments is its own business: the
application's view is the same.
"""

import errno
import os
import select
import socket
import struct
import unittest

from peerlib import app, child, ktap, rawtls, tool, uapi


class Capture:
    """The segments that arrive at a TCP port of the loopback interface."""

    def __init__(self, port):
        self.port = port
        self.sock = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM,
                                  socket.htons(0x0800))
        self.sock.bind(("lo", 0))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def segments(self):
        """(length of the data, has FIN) of what came so far."""
        found = []
        while select.select([self.sock], [], [], 0)[0]:
            packet, address = self.sock.recvfrom(65536)
            tcp = (packet[0] & 15) * 4
            if packet[9] != socket.IPPROTO_TCP or address[2] == 4 or \
               struct.unpack_from("!H", packet, tcp + 2)[0] != self.port:
                continue
            data = struct.unpack_from("!H", packet, 2)[0] \
                - tcp - (packet[tcp + 12] >> 4) * 4
            found.append((data, bool(packet[tcp + 13] & 1)))
        return found


class Hello(unittest.TestCase):
    """What a client says first, and all that it says."""

    def setUp(self):
        self.server = app.Server()
        self.addCleanup(self.server.sock.close)

    def client(self):
        client = rawtls.Client(self.server.address)
        self.addCleanup(client.sock.close)
        return client

    def test_both_directions(self):
        client = self.client().handshake()
        conn = self.server.accept()
        client.send(b"question")
        self.assertEqual(conn.recv(100), b"question")
        conn.sendall(b"answer")
        self.assertEqual(client.read(), b"answer")
        conn.close()
        self.assertEqual(client.read(), b"")

    def one_flight(self, size=None):
        client = self.client()
        with Capture(self.server.address[1]) as capture:
            client.push(client.begin(), size)
            finished = client.answer()
            capture.segments()
            client.push(finished + client.seal(b"request" * 20, close=True),
                        size, more=True)
            client.sock.shutdown(socket.SHUT_WR)
            conn = self.server.accept()
            segments = [s for s in capture.segments() if s[0] or s[1]]
        self.assertEqual(app.read_all(conn), b"request" * 20)
        conn.sendall(b"reply")
        conn.close()
        self.assertEqual(client.read_all(), b"reply")
        return segments

    def test_one_flight(self):
        """Finished, request, close_notify and FIN in one segment."""
        with tool.unfailed():
            segments = self.one_flight()
        self.assertEqual(len(segments), 1, segments)
        self.assertTrue(segments[0][1], segments)

    def test_one_byte_segments(self):
        with tool.unfailed():
            segments = self.one_flight(size=1)
        self.assertGreater(len(segments), 20)

    def test_odd_segments(self):
        """Every size that can cut a header in two."""
        for size in (2, 3, 4, 5, 6, 7, 11):
            with self.subTest(size=size):
                self.one_flight(size)

    def test_request_with_finished(self):
        """No end yet: the connection goes on."""
        client = self.client()
        client.push(client.begin())
        finished = client.answer()
        client.push(finished + client.seal(b"first"))
        conn = self.server.accept()
        self.assertEqual(conn.recv(100), b"first")
        client.send(b"second")
        self.assertEqual(conn.recv(100), b"second")

    def test_half_a_record_with_finished(self):
        client = self.client()
        client.push(client.begin())
        finished = client.answer()
        request = client.seal(b"cut in two")
        client.push(finished + request[:7])
        conn = self.server.accept()
        conn.setblocking(False)
        with self.assertRaises(BlockingIOError):
            conn.recv(100)
        client.push(request[7:])
        conn.settimeout(rawtls.PATIENCE)
        self.assertEqual(conn.recv(100), b"cut in two")

    def test_much_data(self):
        """A megabyte each way at the same time."""
        client = self.client().handshake()
        conn = self.server.accept()
        data = os.urandom(1 << 20)

        def application():
            conn.sendall(data)
            conn.shutdown(socket.SHUT_WR)
            if app.read_all(conn) != data:
                raise AssertionError("the application gets something else")

        with child.doing(application):
            conn.close()
            with child.doing(
                    lambda: client.push(client.seal(data, close=True))):
                got = client.read_all()
        self.assertEqual(len(got), len(data))
        self.assertTrue(got == data)


class End(unittest.TestCase):
    """How a connection ends."""

    def connect(self, **request):
        server = app.Server(**request)
        self.addCleanup(server.sock.close)
        client = rawtls.Client(server.address).handshake()
        self.addCleanup(client.sock.close)
        conn = server.accept()
        self.addCleanup(conn.close)
        return client, conn

    def test_close_notify(self):
        """Reads as end of file, again and again; sending goes on."""
        client, conn = self.connect()
        client.push(client.seal(b"last words", close=True))
        self.assertEqual(conn.recv(100), b"last words")
        self.assertEqual(conn.recv(100), b"")
        self.assertEqual(conn.recv(100), b"")
        conn.sendall(b"still here")
        self.assertEqual(client.read(), b"still here")

    def test_close_notify_polls(self):
        """poll() says that there is an end to read."""
        client, conn = self.connect()
        poll = select.poll()
        poll.register(conn, select.POLLIN | select.POLLRDHUP)
        self.assertEqual(poll.poll(0), [])
        client.push(client.seal(close=True))
        (_, events), = poll.poll(rawtls.PATIENCE * 1000)
        self.assertTrue(events & select.POLLIN)
        self.assertEqual(conn.recv(1), b"")

    def test_truncation(self):
        """FIN alone is an error, and it is counted."""
        client, conn = self.connect()
        client.send(b"all I had to say?")
        with tool.counts("truncated"):
            client.sock.shutdown(socket.SHUT_WR)
            self.assertEqual(conn.recv(100), b"all I had to say?")
            with self.assertRaises(ConnectionResetError):
                conn.recv(100)

    def test_truncation_allowed(self):
        client, conn = self.connect(flags=uapi.SOCKAUTH_REQ_TRUNCATION_OK)
        client.send(b"data")
        with tool.unfailed():
            client.sock.shutdown(socket.SHUT_WR)
            self.assertEqual(app.read_all(conn), b"data")

    def test_truncated_record(self):
        """FIN in the middle of a record: nothing of it is data."""
        client, conn = self.connect()
        client.push(client.seal(b"half")[:-3])
        client.sock.shutdown(socket.SHUT_WR)
        with self.assertRaises(ConnectionResetError):
            conn.recv(100)

    def test_truncated_record_allowed(self):
        client, conn = self.connect(flags=uapi.SOCKAUTH_REQ_TRUNCATION_OK)
        client.push(client.seal(b"half")[:-3])
        client.sock.shutdown(socket.SHUT_WR)
        self.assertEqual(conn.recv(100), b"")

    def test_peer_reset(self):
        client, conn = self.connect()
        rawtls.reset(client.sock)
        with self.assertRaises(ConnectionResetError):
            conn.recv(100)

    def test_tampered_record(self):
        """A record that does not decrypt is an error, not data."""
        client, conn = self.connect()
        record = bytearray(client.seal(b"data"))
        record[-1] ^= 1
        client.push(record)
        with self.assertRaises(OSError) as caught:
            conn.recv(100)
        self.assertEqual(caught.exception.errno, errno.EBADMSG)

    def test_plaintext_after_handshake(self):
        """Bytes that are no record never reach the application."""
        client, conn = self.connect()
        client.push(b"GET / HTTP/1.0\r\n\r\n")
        with self.assertRaises(OSError) as caught:
            conn.recv(100)
        self.assertEqual(caught.exception.errno, errno.EBADMSG)

    def test_close_tells_the_peer(self):
        client, conn = self.connect()
        conn.sendall(b"bye")
        conn.close()
        self.assertEqual(client.read_all(), b"bye")
        self.assertFalse(client.pull(), "FIN after close_notify")

    def test_half_close(self):
        """shutdown(SHUT_WR) tells the peer, and reading goes on."""
        client, conn = self.connect()
        conn.sendall(b"question")
        conn.shutdown(socket.SHUT_WR)
        self.assertEqual(client.read_all(), b"question")
        client.push(client.seal(b"answer", close=True))
        self.assertEqual(app.read_all(conn), b"answer")
        with self.assertRaises(BrokenPipeError):
            conn.send(b"too late")


if __name__ == "__main__":
    ktap.main()
