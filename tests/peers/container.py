#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Applications in a container without a daemon, and the host's daemon.

Both the host's administrator and the profile must let them in.
"""

import contextlib
import ctypes
import errno
import os
import select
import socket
import subprocess
import unittest

from peerlib import app, client, ktap, rawtls, tool, uapi

CLONE_NEWNET = 0x40000000

_libc = ctypes.CDLL(None, use_errno=True)


def _check(result):
    if result:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))


class Container:
    """A network namespace of its own; `with` is inside."""

    def __init__(self):
        self.host = os.open("/proc/self/ns/net", os.O_RDONLY)
        _check(_libc.unshare(CLONE_NEWNET))
        self.inside = os.open("/proc/self/ns/net", os.O_RDONLY)
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        self.__exit__()

    def __enter__(self):
        _check(_libc.setns(self.inside, CLONE_NEWNET))

    def __exit__(self, *_):
        _check(_libc.setns(self.host, CLONE_NEWNET))

    def close(self):
        os.close(self.inside)
        os.close(self.host)


class Guests(unittest.TestCase):
    """The host takes guests, and so does the profile of that name."""

    def setUp(self):
        self.container = Container()
        self.addCleanup(self.container.close)
        tool.run("set", "guests", "64")
        self.addCleanup(tool.run, "set", "guests", "0")

    def serve(self):
        """A listener in the container."""
        with self.container:
            server = app.Server("guests")
        self.addCleanup(server.sock.close)
        return server

    def pair(self, server):
        """Both ends of a connection in the container, both authenticated."""
        with self.container:
            sock = client.begin(server.address, profile="guests",
                                target="localhost")
        self.addCleanup(sock.close)
        conn = server.accept()
        self.addCleanup(conn.close)
        self.assertTrue(client.events(sock, select.POLLOUT))
        sock.settimeout(rawtls.PATIENCE)
        return sock, conn

    def talk(self, sock, conn):
        sock.sendall(b"are you there?")
        self.assertEqual(conn.recv(100), b"are you there?")
        conn.sendall(b"yes")
        self.assertEqual(sock.recv(100), b"yes")

    def test_refused(self):
        """By default there is no daemon for them."""
        tool.run("set", "guests", "0")
        with self.container, tool.counts("no-worker"), \
             app.Server("guests", timeout_ms=1000) as server:
            stranger = rawtls.Client(server.address)
            self.addCleanup(stranger.sock.close)
            stranger.push(stranger.begin())
            with contextlib.suppress(ConnectionResetError):
                self.assertEqual(rawtls.until_end(stranger.sock), b"")
            self.assertTrue(server.sees_nothing())

    def test_profile(self):
        """Nor is there a profile for them, by default."""
        text = "the profile {} is not for other network namespaces"
        with self.container, tool.counts("profile"), \
             socket.create_server(("127.0.0.1", 0)) as plain:
            sock = client.begin(plain.getsockname(), profile="client",
                                target="localhost")
            self.addCleanup(sock.close)
            self.assertEqual(client.outcome(sock), errno.EACCES)
            self.assertEqual(client.error_text(sock), text.format("client"))
        with self.container, app.Server() as server, \
             tool.counts("profile"), tool.Monitor() as monitor:
            stranger = rawtls.Client(server.address)
            self.addCleanup(stranger.sock.close)
            stranger.push(stranger.begin())
            event = monitor.event("failed", role="acceptor")
            self.assertEqual(event["text"], text.format("default"))
            self.assertTrue(server.sees_nothing())

    def test_unknown_profile(self):
        """setsockopt() asks the host's daemon."""
        with self.container, socket.socket() as sock:
            with self.assertRaises(FileNotFoundError):
                client.mark(sock, profile="no-such")

    def test_served(self):
        sock, conn = self.pair(self.serve())
        self.talk(sock, conn)
        self.assertTrue(app.status(sock).flags & uapi.SOCKAUTH_SEC_SECURED)

    def test_resumed(self):
        """Tickets come to the host's daemon, and are of use again."""
        server = self.serve()

        def resumed():
            sock, conn = self.pair(server)
            self.talk(sock, conn)
            return app.status(sock).flags & uapi.SOCKAUTH_SEC_RESUMED

        tool.wait_until(resumed, "a connection is resumed")

    def test_seen_and_killed(self):
        """The host's administrator sees whose they are, and can end them."""
        sock, conn = self.pair(self.serve())
        self.talk(sock, conn)
        shown = [c for c in tool.show("connections") if "netns" in c]
        self.assertEqual({c["role"] for c in shown},
                         {"initiator", "acceptor"})
        self.assertEqual(len({c["netns"] for c in shown}), 1)
        with self.container:
            own = tool.show("connections")
        self.assertEqual({c["id"] for c in own}, {c["id"] for c in shown})
        self.assertFalse([c for c in own if "netns" in c])
        self.assertEqual(tool.run("kill", "profile", "guests"),
                         {"killed": 2})
        with self.assertRaises(ConnectionAbortedError):
            conn.recv(1)


if __name__ == "__main__":
    ktap.main()
