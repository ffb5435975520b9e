#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""connect() to unmodified servers: OpenSSL, GnuTLS, nginx, stunnel, Python."""

import hashlib
import os
import re
import socket
import threading
import unittest

from peerlib import app, client, ktap, servers, tool, uapi

#: How much, in how large writes: few and large, many and small. Megabytes
#: take their time under emulation; BULK_MB=100 is for when there is some.
LARGE = int(os.environ.get("BULK_MB", "8")) << 20, 256 << 10
SMALL = 1 << 20, 700
LINE = 16000


def receive(sock, size):
    """Exactly SIZE bytes."""
    data = bytearray()
    while len(data) < size:
        piece = sock.recv(min(65536, size - len(data)))
        if not piece:
            raise ConnectionError(f"the end after {len(data)} bytes")
        data += piece
    return bytes(data)


class Case(unittest.TestCase):
    """Connections that are closed at the end of each test."""

    def connect(self, server, host="127.0.0.1", mutual=False, **request):
        request.setdefault("target", "localhost")
        sock = client.connect((host, server.port), profile="known", **request)
        self.addCleanup(sock.close)
        status = app.status(sock)
        self.assertEqual(status.state, uapi.SOCKAUTH_STATE_OPEN)
        self.assertEqual(status.flags & ~uapi.SOCKAUTH_SEC_RESUMED,
                         uapi.SOCKAUTH_SEC_SECURED
                         | uapi.SOCKAUTH_SEC_ENCRYPTED
                         | uapi.SOCKAUTH_SEC_EXPIRES
                         | (uapi.SOCKAUTH_SEC_MUTUAL if mutual else 0))
        self.assertEqual(app.peer_name(sock)[1], request["target"])
        return sock

    def end(self, sock):
        """We close first; the server's close_notify answers ours."""
        sock.shutdown(socket.SHUT_WR)
        self.assertEqual(sock.recv(1), b"")
        self.assertEqual(app.status(sock).error, 0)
        sock.close()


class Echo(Case):
    """Servers that send back what they get."""

    def same(self, echo, data):
        self.assertEqual(hashlib.sha256(echo).digest(),
                         hashlib.sha256(data).digest())

    def bulk(self, sock, size, piece):
        """SIZE bytes there and back, in writes of PIECE bytes."""
        data = os.urandom(size)
        view = memoryview(data)

        def write():
            for start in range(0, size, piece):
                sock.sendall(view[start:start + piece])

        writer = threading.Thread(target=write)
        writer.start()
        echo = receive(sock, size)
        writer.join()
        self.same(echo, data)

    def lines(self, sock, size, _):
        """SIZE bytes there and back, for those that echo line by line."""
        sent, echo = [], []
        for _ in range(size // LINE):
            sent.append(os.urandom((LINE - 1) // 2).hex().encode() + b"\n")
            sock.sendall(sent[-1])
            echo.append(receive(sock, len(sent[-1])))
        self.same(b"".join(echo), b"".join(sent))

    def exchange(self, server, mutual=False, bulk=None):
        """A line, much data in each size of writes, and our close."""
        with tool.unfailed():
            for host in "127.0.0.1", "::1":
                sock = self.connect(server, host, mutual, target=host)
                sock.sendall(b"there and back\n")
                self.assertEqual(receive(sock, 15), b"there and back\n")
                (bulk or self.bulk)(sock, *(SMALL if ":" in host else LARGE))
                self.end(sock)

    def server_ends(self, server):
        """The server closes first; then we do."""
        with tool.unfailed():
            sock = self.connect(server)
            sock.sendall(b"bye\n")
            self.assertEqual(receive(sock, 4), b"bye\n")
            self.assertEqual(sock.recv(1), b"")
            sock.close()

    def test_openssl(self):
        self.exchange(servers.openssl_echo(self))

    def test_openssl_mutual(self):
        self.exchange(servers.openssl_echo(self, mutual=True), True)

    def test_gnutls(self):
        """It echoes lines, and nothing longer than a record."""
        self.exchange(servers.gnutls(self, "--echo", "--crlf"),
                      bulk=self.lines)

    def test_gnutls_mutual(self):
        self.exchange(servers.gnutls(self, "--echo", "--crlf", mutual=True),
                      True, bulk=self.lines)

    def test_stunnel(self):
        self.exchange(servers.stunnel(self))

    def test_stunnel_mutual(self):
        self.exchange(servers.stunnel(self, mutual=True), True)

    def test_stunnel_ends(self):
        self.server_ends(servers.stunnel(self))

    def test_python(self):
        self.exchange(servers.python(self))

    def test_python_mutual(self):
        self.exchange(servers.python(self, mutual=True), True)

    def test_python_ends(self):
        self.server_ends(servers.python(self))


class Page(Case):
    """Web servers: they close first, unless they are told not to."""

    def get(self, server, host="127.0.0.1", mutual=False):
        sock = self.connect(server, host, mutual)
        sock.sendall(b"GET /page HTTP/1.0\r\n\r\n")
        answer = app.read_all(sock)
        sock.close()
        self.assertRegex(answer, rb"HTTP/1\.[01] 200")
        return answer

    def pages(self, server, mutual=False):
        with tool.unfailed():
            for host in "127.0.0.1", "::1":
                self.assertTrue(self.get(server, host, mutual)
                                .endswith(servers.PAGE))

    def test_openssl_page(self):
        self.pages(servers.openssl_page(self))

    def test_openssl_page_mutual(self):
        self.pages(servers.openssl_page(self, mutual=True), True)

    def test_gnutls_page(self):
        self.assertIn(b"TLS1.3", self.get(servers.gnutls(self, "--http")))

    def test_nginx_page(self):
        self.pages(servers.nginx(self))

    def test_nginx_page_mutual(self):
        self.pages(servers.nginx(self, mutual=True), True)

    def file(self, server, mutual=False):
        """A file there and back on one connection, which we close."""
        data = os.urandom(LARGE[0])
        with tool.unfailed():
            sock = self.connect(server, mutual=mutual)
            sock.sendall(b"PUT /new HTTP/1.1\r\nHost: localhost\r\n"
                         b"Content-Length: %d\r\n\r\n" % len(data))
            sock.sendall(data)
            self.assertIn(b"201 Created", sock.recv(65536))
            sock.sendall(b"GET /new HTTP/1.1\r\nHost: localhost\r\n\r\n")
            file = sock.makefile("rb")
            while file.readline() != b"\r\n":
                pass
            self.assertTrue(file.read(len(data)) == data)
            file.close()
            # It answers close_notify with a bare FIN: no end to wait for.
            sock.close()

    def test_nginx(self):
        self.file(servers.nginx(self))

    def test_nginx_mutual(self):
        self.file(servers.nginx(self, mutual=True), True)


class Agreed(Case):
    """What both sides know of the connection."""

    def test_alpn(self):
        server = servers.openssl(self, "-alpn", "test/2,test/1")
        sock = self.connect(server, protocols=["other", "test/1"])
        self.assertEqual(app.alpn(sock), "test/1")

    def test_alpn_without(self):
        """A server that does not know the extension ignores it."""
        sock = self.connect(servers.openssl(self), protocols=["test/1"])
        self.assertEqual(app.alpn(sock), "")

    def test_server_name(self):
        """The server is asked for the target by name."""
        server = servers.openssl(self, "-tlsextdebug", "-servername",
                                 "localhost", "-cert2",
                                 f"{servers.DIR}/server.pem", "-key2",
                                 f"{servers.DIR}/server.key")
        self.connect(server)
        tool.wait_until(lambda: 'Hostname in TLS extension: "localhost"'
                        in server.output(), "the server tells the name")

    def test_binding(self):
        server = servers.openssl(
            self, "-keymatexport", "EXPORTER-Channel-Binding",
            "-keymatexportlen", "32")
        sock = self.connect(server)
        binding = app.get_option(sock, uapi.SOCKAUTH_BINDING,
                                 uapi.SOCKAUTH_BINDING_LEN)
        found = tool.wait_until(
            lambda: re.search(r"Keying material: (\w+)", server.output()),
            "the server tells its binding")
        self.assertEqual(found[1], binding.hex().upper())


if __name__ == "__main__":
    ktap.main()
