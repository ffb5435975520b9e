#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Protocols that begin in the clear: SOCKAUTH_REQUEST on a connected socket.

setsockopt() of Python keeps every other thread waiting, so one side has a
process of its own, or does not block.
"""

import errno
import os
import select
import signal
import socket
import time
import unittest

from peerlib import (app, child, client, ktap, program, rawtls, servers, tool,
                     uapi)

GREETING = b"220 ready\r\n"
GO = b"STARTTLS\r\n"
CLIENT = {"flags": uapi.SOCKAUTH_REQ_CLIENT, "profile": "request",
          "target": "localhost"}
SERVER = {"flags": uapi.SOCKAUTH_REQ_SERVER}


def receive(sock, data):
    """What comes must be DATA."""
    found = sock.recv(len(data), socket.MSG_WAITALL)
    if found != data:
        raise AssertionError(f"{found!r} is not {data!r}")


class Case(unittest.TestCase):
    """Pairs of plain connections."""

    def pair(self, host="127.0.0.1"):
        """Both ends of a TCP connection."""
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.create_server((host, 0), family=family) as listener:
            ours = socket.create_connection(listener.getsockname()[:2])
            theirs, _ = listener.accept()
        for sock in ours, theirs:
            self.addCleanup(sock.close)
        # A blocked call without a time-out; the test has one.
        ours.setblocking(True)
        return ours, theirs

    def refused(self, sock, error, **request):
        """The socket stays what it was."""
        with self.assertRaises(OSError) as caught:
            client.mark(sock, **request)
        self.assertEqual(caught.exception.errno, error)
        with self.assertRaises(OSError) as caught:
            app.status(sock)
        self.assertEqual(caught.exception.errno, errno.ENOENT)


class Both(Case):
    """Our client and our server."""

    def both(self, host):
        """Clear lines, then the upgrade, then lines that nobody can read."""
        ours, theirs = self.pair(host)

        def serve():
            ours.close()
            theirs.sendall(GREETING)
            receive(theirs, GO)
            client.mark(theirs, **SERVER)
            receive(theirs, b"from the client")
            theirs.sendall(b"from the server")
            if theirs.recv(1):
                raise AssertionError("more than the client has sent")

        with child.doing(serve):
            theirs.close()
            receive(ours, GREETING)
            ours.sendall(GO)
            client.mark(ours, **CLIENT)
            self.assertEqual(app.peer_name(ours),
                             (uapi.SOCKAUTH_NAME_DNS, "localhost"))
            self.assertEqual(app.status(ours).state, uapi.SOCKAUTH_STATE_OPEN)
            ours.sendall(b"from the client")
            receive(ours, b"from the server")
            ours.shutdown(socket.SHUT_WR)
            self.assertEqual(ours.recv(1), b"")

    def test_both(self):
        self.both("127.0.0.1")

    def test_both_ipv6(self):
        self.both("::1")

    def test_nonblocking(self):
        """EINPROGRESS on both sides, and poll() tells when it is over."""
        ours, theirs = self.pair()
        for sock in ours, theirs:
            sock.setblocking(False)
        for sock, request in (ours, CLIENT), (theirs, SERVER):
            with self.assertRaises(BlockingIOError) as caught:
                client.mark(sock, **request)
            self.assertEqual(caught.exception.errno, errno.EINPROGRESS)
        for sock in ours, theirs:
            self.assertEqual(client.outcome(sock), 0)
        ours.send(b"hello")
        self.assertTrue(client.events(theirs, select.POLLIN))
        self.assertEqual(theirs.recv(100), b"hello")

    def test_not_yet(self):
        """Before it is over, no call moves a byte."""
        ours, theirs = self.pair()
        ours.setblocking(False)
        with self.assertRaises(BlockingIOError):
            client.mark(ours, **CLIENT)
        self.assertEqual(
            client.events(ours, select.POLLIN | select.POLLOUT, 0.2), 0)
        for call in (lambda: ours.send(b"a secret"), lambda: ours.recv(1)):
            with self.assertRaises(BlockingIOError):
                call()
        theirs.setblocking(False)
        with self.assertRaises(BlockingIOError):
            client.mark(theirs, **SERVER)
        self.assertEqual(client.outcome(ours), 0)

    def test_interrupted(self):
        """A signal ends the call, and not the authentication."""
        ours, theirs = self.pair()
        self.addCleanup(signal.signal, signal.SIGUSR1, signal.signal(
            signal.SIGUSR1, lambda *_: None))
        signal.siginterrupt(signal.SIGUSR1, False)
        parent = os.getpid()
        disturber = os.fork()
        if not disturber:
            while os.getppid() == parent:
                time.sleep(0.2)
                os.kill(parent, signal.SIGUSR1)
            os._exit(0)
        try:
            with self.assertRaises(InterruptedError):
                client.mark(ours, **CLIENT)
        finally:
            os.kill(disturber, signal.SIGKILL)
            os.waitpid(disturber, 0)
        theirs.setblocking(False)
        with self.assertRaises(BlockingIOError):
            client.mark(theirs, **SERVER)
        self.assertEqual(client.outcome(ours), 0)
        ours.sendall(b"hello")
        self.assertTrue(client.events(theirs, select.POLLIN))
        self.assertEqual(theirs.recv(100), b"hello")

    def test_hello_before(self):
        """For a server, unread bytes are the handshake."""
        ours, theirs = self.pair()
        ours.setblocking(False)
        with self.assertRaises(BlockingIOError):
            client.mark(ours, **CLIENT)
        self.assertTrue(client.events(theirs, select.POLLIN))
        with child.doing(lambda: (client.mark(theirs, **SERVER),
                                  theirs.sendall(b"hello"))):
            self.assertEqual(client.outcome(ours), 0)
            self.assertTrue(client.events(ours, select.POLLIN))
            self.assertEqual(ours.recv(100), b"hello")


class Real(Case):
    """Our side of it, against others."""

    def connect(self, server):
        sock = socket.create_connection(("127.0.0.1", server.port))
        self.addCleanup(sock.close)
        sock.setblocking(True)
        return sock

    def test_s_server(self):
        """`openssl s_server` itself says nothing in the clear."""
        sock = self.connect(servers.openssl_echo(self))
        client.mark(sock, **CLIENT)
        sock.sendall(b"there and back")
        receive(sock, b"there and back")

    def test_python_server(self):
        """Clear lines first, and its close in the end."""
        ctx = servers.context()

        def serve(sock):
            sock.sendall(GREETING)
            receive(sock, GO)
            sock.sendall(GREETING)
            with ctx.wrap_socket(sock, server_side=True) as tls:
                tls.sendall(tls.recv(100))
                tls.unwrap().close()

        server = servers.Threaded(self, serve)
        sock = self.connect(server)
        receive(sock, GREETING)
        sock.sendall(GO)
        receive(sock, GREETING)
        sock.setblocking(False)
        with self.assertRaises(BlockingIOError):
            client.mark(sock, **CLIENT)
        self.assertEqual(client.outcome(sock), 0)
        sock.setblocking(True)
        sock.sendall(b"there and back")
        receive(sock, b"there and back")
        self.assertEqual(sock.recv(1), b"")

    def test_s_client(self):
        """`openssl s_client -starttls smtp` and our server."""
        with socket.create_server(("127.0.0.1", 0)) as listener, \
             program.s_client(listener.getsockname(), "-starttls",
                              "smtp") as peer:
            conn, _ = listener.accept()
            with conn:
                conn.settimeout(None)
                conn.sendall(b"220 ours\r\n")
                lines = conn.makefile("rb", buffering=0)
                self.assertTrue(lines.readline().startswith(b"EHLO "))
                conn.sendall(b"250-ours\r\n250 STARTTLS\r\n")
                self.assertEqual(lines.readline(), GO)
                conn.sendall(b"220 go ahead\r\n")
                client.mark(conn, **SERVER)
                conn.sendall(b"secretly\n")
                peer.expect("secretly\n")
                peer.say("and back")
                receive(conn, b"and back\n")
                lines.close()


class Refused(Case):
    """Upgrades that do not happen."""

    def test_unread(self):
        """What came in the clear is never taken for what came after."""
        ours, theirs = self.pair()
        theirs.sendall(GREETING + b"injected")
        self.assertTrue(client.events(ours, select.POLLIN))
        receive(ours, GREETING)
        self.assertTrue(client.events(ours, select.POLLIN))
        self.refused(ours, errno.EBUSY, **CLIENT)
        # It is still a plain socket; read, they harm nobody.
        receive(ours, b"injected")
        theirs.setblocking(False)
        with self.assertRaises(BlockingIOError):
            client.mark(theirs, **SERVER)
        client.mark(ours, **CLIENT)

    def test_injected(self):
        """Clear text between our request and the handshake."""
        ours, theirs = self.pair()
        theirs.sendall(GREETING)
        receive(ours, GREETING)
        ours.setblocking(False)
        with self.assertRaises(BlockingIOError):
            client.mark(ours, **CLIENT)
        with tool.counts("malformed"):
            theirs.sendall(b"250 injected\r\n")
            self.assertEqual(client.outcome(ours), errno.EPROTO)
        self.assertRegex(client.error_text(ours), "not TLS")
        # Not EAGAIN: there is nothing to come.
        with self.assertRaises(OSError) as caught:
            ours.recv(100)
        self.assertEqual(caught.exception.errno, errno.EPROTO)

    def test_side(self):
        """Which side begins must be said, and only on a connection."""
        ours, theirs = self.pair()
        self.refused(ours, errno.EISCONN, target="localhost")
        self.refused(ours, errno.EINVAL, flags=uapi.SOCKAUTH_REQ_CLIENT
                     | uapi.SOCKAUTH_REQ_SERVER)
        with socket.socket() as fresh:
            self.refused(fresh, errno.ENOTCONN, **CLIENT)
        # Nothing of that has harmed it.
        ours.sendall(b"plain")
        receive(theirs, b"plain")

    def test_wrong_name(self):
        """Errors are those of connect()."""
        ours, theirs = self.pair()
        theirs.setblocking(False)
        with self.assertRaises(BlockingIOError):
            client.mark(theirs, **SERVER)
        with self.assertRaises(PermissionError):
            client.mark(ours, **{**CLIENT, "target": "other.test"})
        self.assertRegex(client.error_text(ours), "^name mismatch: wanted "
                         "other.test, certificate has localhost")
        self.assertEqual(client.outcome(theirs), errno.EKEYREJECTED)
        with self.assertRaises(PermissionError):
            ours.send(b"a secret")

    def test_silent(self):
        for request in CLIENT, SERVER:
            ours, _ = self.pair()
            with tool.counts("timeout"), self.assertRaises(TimeoutError):
                client.mark(ours, timeout_ms=700, **request)

    def test_gone(self):
        """The peer has closed, or resets."""
        ours, theirs = self.pair()
        ours.setblocking(False)
        with self.assertRaises(BlockingIOError):
            client.mark(ours, **CLIENT)
        with tool.counts("peer-reset"):
            rawtls.reset(theirs)
            self.assertEqual(client.outcome(ours), errno.ECONNRESET)


if __name__ == "__main__":
    ktap.main()
