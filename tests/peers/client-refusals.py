#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""connect() that fails: each time its errno, and a text that says why."""

import errno
import os
import select
import signal
import socket
import ssl
import subprocess
import time
import unittest

from peerlib import app, client, ktap, place, rawtls, servers, tool, uapi

TIMEOUT_MS = 700


class Case(unittest.TestCase):
    """Sockets that are closed at the end of each test."""

    def failed(self, sock, error, text, error_is):
        """What the socket says after the failure ERROR."""
        self.assertEqual(errno.errorcode.get(error), error_is)
        self.assertRegex(client.error_text(sock), text)
        status = app.status(sock)
        self.assertEqual(status.state, uapi.SOCKAUTH_STATE_ENDED)
        self.assertEqual(errno.errorcode.get(status.error), error_is)
        self.assertFalse(status.flags & uapi.SOCKAUTH_SEC_SECURED)
        with self.assertRaises(OSError) as caught:
            sock.send(b"a secret")
        self.assertEqual(errno.errorcode.get(caught.exception.errno), error_is)
        with self.assertRaises(OSError):
            app.peer_name(sock)

    def marked(self, address, target="localhost", profile="request",
               **request):
        sock = client.marked(address[0], target=target, profile=profile,
                             **request)
        self.addCleanup(sock.close)
        return sock

    def refused(self, address, error_is, text, reason, **request):
        """Both kinds of connect() to ADDRESS fail."""
        for blocking in True, False:
            with self.subTest(blocking=blocking), tool.counts(reason):
                sock = self.marked(address, **request)
                sock.setblocking(blocking)
                error = sock.connect_ex(address)
                if not blocking:
                    self.assertEqual(error, errno.EINPROGRESS)
                    error = client.outcome(sock)
                self.failed(sock, error, text, error_is)


class Certificate(Case):
    """Servers whose certificate is not good enough."""

    def server(self, name="server", **kind):
        return servers.python(self, servers.context(name, **kind)).port

    def shown(self, name, *args, **request):
        """A server with the certificate NAME is refused."""
        self.refused(("127.0.0.1", self.server(name)), *args, **request)

    def test_wrong_host(self):
        self.shown("a", "EACCES",
                   "^name mismatch: wanted localhost, certificate has a.test$",
                   "name")

    def test_wrong_ip(self):
        self.shown("server", "EACCES", "wanted 127.0.0.2, certificate has "
                   "localhost, 127.0.0.1, .*1$", "name", target="127.0.0.2")

    def test_ip_without(self):
        """An address is not taken for a host name."""
        self.shown("a", "EACCES", "wanted 127.0.0.1, certificate has a.test",
                   "name", target="127.0.0.1")

    def test_no_target(self):
        """Nobody guesses whom the application meant."""
        self.shown("server", "EINVAL", "^no target: ", "name", target="")

    def test_self_signed(self):
        self.shown("alone", "EACCES", "localhost is not trusted: self.signed",
                   "bad-cred")

    def test_expired(self):
        self.shown("old-server", "EKEYEXPIRED", "^certificate of localhost "
                   r"has expired on \d{4}-\d\d-\d\d$", "cred-expired")

    def test_not_yet_valid(self):
        self.shown("early-server", "EKEYEXPIRED", "^certificate of localhost "
                   r"is not valid before \d{4}-\d\d-\d\d$", "cred-expired")

    def test_revoked(self):
        self.shown("revoked", "EACCES",
                   "^certificate of localhost is revoked$", "cred-revoked",
                   profile="crl")

    def test_wrong_use(self):
        self.shown("misused", "EACCES", "localhost is not trusted: "
                   ".*purpose", "bad-cred")

    def test_unknown_issuer(self):
        self.shown("foreign", "EACCES", "localhost is not trusted: .*issuer "
                   ".*CN=another CA", "bad-cred")

    def test_weak_key(self):
        self.shown("weak", "EACCES", "localhost is not trusted: "
                   ".*key too weak", "bad-cred")

    def test_good(self):
        """With the same profiles, the right one is let in."""
        address = "127.0.0.1", self.server()
        for profile in "request", "crl", "known":
            with self.marked(address, profile=profile) as sock:
                sock.connect(address)
        sock = self.marked(address, target="", profile="target")
        sock.connect(address)
        self.assertEqual(app.peer_name(sock)[1], "localhost")

    def test_wanted(self):
        """The server learns after our last flight that we have none."""
        address = "127.0.0.1", self.server(mutual=True)
        sock = self.marked(address)
        sock.connect(address)
        sock.settimeout(rawtls.PATIENCE)
        with self.assertRaises(ConnectionResetError):
            sock.recv(1)
        self.assertRegex(client.error_text(sock), "^the peer ")


class Protocol(Case):
    """Servers that speak something else."""

    def test_tls12(self):
        ctx = servers.context()
        ctx.maximum_version = ssl.TLSVersion.TLSv1_2
        server = servers.python(self, ctx)
        self.refused(("127.0.0.1", server.port), "EPROTO",
                     "^the peer does not speak TLS 1.3", "version")

    def test_plain_text(self):
        server = servers.Threaded(
            self, lambda sock: (sock.sendall(b"220 smtp.test ready\r\n"),
                                rawtls.until_end(sock)))
        self.refused(("127.0.0.1", server.port), "EPROTO",
                     "not TLS", "malformed")

    def test_no_alpn(self):
        server = servers.openssl(self, "-alpn", "test/1")
        self.refused(("127.0.0.1", server.port), "EPROTO",
                     "application protocol", "alpn", protocols=["other"])

    def test_no_profile(self):
        with self.assertRaises(FileNotFoundError):
            client.marked(target="localhost", profile="nonesuch")


class Stage(Case):
    """The server goes at each stage of the handshake."""

    def setUp(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(self.listener.close)
        self.address = self.listener.getsockname()

    def begin(self, **request):
        """Both ends of a connection that our side has begun."""
        sock = client.begin(self.address, target="localhost",
                            profile="request", **request)
        self.addCleanup(sock.close)
        peer, _ = self.listener.accept()
        self.addCleanup(peer.close)
        peer.settimeout(rawtls.PATIENCE)
        return sock, peer

    def test_close_before(self):
        """The answer to our first token is RST, but connect() never sent."""
        with place.daemon_stopped():
            sock, peer = self.begin()
            tool.wait_until(lambda: app.status(sock).state ==
                            uapi.SOCKAUTH_STATE_ASKED, "the daemon is asked")
            peer.close()
        self.failed(sock, client.outcome(sock), "^the peer ", "ECONNRESET")

    def hello(self, peer):
        """Our ClientHello."""
        data = peer.recv(5, socket.MSG_WAITALL)
        return data + peer.recv(int.from_bytes(data[3:], "big"),
                                socket.MSG_WAITALL)

    def flight(self, hello):
        """What a server answers."""
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = servers.context().wrap_bio(incoming, outgoing, server_side=True)
        incoming.write(hello)
        with self.assertRaises(ssl.SSLWantReadError):
            tls.do_handshake()
        return outgoing.read()

    def stages(self):
        """Both ends at the end of each stage, by its name."""
        yield "connected", *self.begin()
        sock, peer = self.begin()
        self.hello(peer)
        yield "hello", sock, peer
        sock, peer = self.begin()
        peer.sendall(self.flight(self.hello(peer))[:50])
        yield "half an answer", sock, peer
        sock, peer = self.begin()
        peer.sendall(self.flight(self.hello(peer))[:-5])
        yield "all but the end", sock, peer

    def test_close(self):
        for stage, sock, peer in self.stages():
            with self.subTest(stage=stage), tool.counts("peer-closed"):
                peer.shutdown(socket.SHUT_WR)
                self.failed(sock, client.outcome(sock),
                            "^the peer closed the connection", "ECONNRESET")

    def test_reset(self):
        for stage, sock, peer in self.stages():
            with self.subTest(stage=stage), tool.counts("peer-reset"):
                rawtls.reset(peer)
                self.failed(sock, client.outcome(sock),
                            "^the peer reset the connection", "ECONNRESET")

    def test_silent(self):
        """The time-out is for the whole of it."""
        start = time.monotonic()
        self.refused(self.address, "ETIMEDOUT",
                     "^authentication took too long$", "timeout",
                     timeout_ms=TIMEOUT_MS)
        self.assertGreater(time.monotonic() - start, 2 * TIMEOUT_MS / 1000)

    def test_nothing_before(self):
        """Until it is over, poll() and every call say: not yet."""
        sock, peer = self.begin()
        hello = self.hello(peer)
        mask = select.POLLIN | select.POLLOUT
        self.assertEqual(client.events(sock, mask, 0.2), 0)
        for call in (lambda: sock.send(b"a secret"), lambda: sock.recv(1)):
            with self.assertRaises(BlockingIOError):
                call()
        self.assertEqual(sock.connect_ex(self.address), errno.EALREADY)
        peer.sendall(self.flight(hello)[:-5])
        self.assertEqual(client.events(sock, mask, 0.2), 0)
        peer.setblocking(False)
        with self.assertRaises(BlockingIOError):
            peer.recv(1)

    def test_daemon_killed(self):
        """With the handshake half done; the next one finds the next daemon."""
        self.addCleanup(place.daemon_restore)
        sock, peer = self.begin()
        self.hello(peer)
        with tool.counts("worker-died"):
            place.daemon_may_end()
            os.kill(place.daemon_pid(), signal.SIGKILL)
            self.failed(sock, client.outcome(sock),
                        "^the daemon died during authentication$",
                        "ECONNABORTED")
        place.daemon("daemon_start")
        server = servers.python(self)
        self.marked(self.address).connect(("127.0.0.1", server.port))


class Nobody(Case):
    """There is no peer, or nobody to ask."""

    def test_daemon_comes(self):
        """It was not there when connect() began."""
        self.addCleanup(place.daemon_restore)
        server = servers.python(self)
        place.daemon_stop()
        sock = client.begin(("127.0.0.1", server.port), target="localhost",
                            profile="request", timeout_ms=60000)
        self.addCleanup(sock.close)
        self.assertEqual(client.events(sock, select.POLLOUT, 0.2), 0)
        place.daemon("daemon_start")
        self.assertEqual(client.outcome(sock), 0)
        self.assertEqual(app.peer_name(sock)[1], "localhost")

    def test_refused(self):
        address = "127.0.0.1", servers.free_port()
        self.refused(address, "ECONNREFUSED", "TCP could not connect",
                     "peer-reset")

    def unreachable(self, address, kind, error_is):
        """As on plain TCP, a connect() that does not block fails at once."""
        route = ["ip", "route", "add", kind, address[0]]
        subprocess.run(route, check=True)
        self.addCleanup(subprocess.run, ["ip", "route", "del", *route[3:]],
                        check=True)
        for blocking in True, False:
            with self.subTest(blocking=blocking), tool.counts("peer-reset"):
                sock = self.marked(address)
                sock.setblocking(blocking)
                self.failed(sock, sock.connect_ex(address),
                            "TCP could not connect", error_is)

    def test_host_unreachable(self):
        self.unreachable(("192.0.2.1", 1), "unreachable", "EHOSTUNREACH")

    def test_net_unreachable(self):
        self.unreachable(("192.0.2.1", 1), "throw", "ENETUNREACH")

    def test_net_unreachable_ipv6(self):
        self.unreachable(("2001:db8::1", 1), "unreachable", "EHOSTUNREACH")

    def test_no_daemon(self):
        """Waits for one until the time-out."""
        self.addCleanup(place.daemon_restore)
        server = servers.Threaded(self, rawtls.until_end)
        place.daemon_stop()
        self.refused(("127.0.0.1", server.port), "ETIMEDOUT",
                     "^no daemon is running: start sockauthd$", "no-worker",
                     timeout_ms=TIMEOUT_MS)


if __name__ == "__main__":
    ktap.main()
