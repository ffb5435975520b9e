#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Kerberos, as somebody on the wire sees it, and what he may try."""

import errno
import os
import select
import socket
import subprocess

from peerlib import (app, capture, kerberos, ktap, place, rawtls, realm,
                     servers, tool, uapi)
from peerlib.kerberos import TARGET

MARKER = b"nobody on the way may read this: " * 30
TAG = 16  # what an AEAD adds

setUpModule = kerberos.set_up
tearDownModule = kerberos.tear_down


def pump(one, other, seen):
    """Pass on what comes from either side until one ends."""
    while True:
        for sock in select.select([one, other], [], [])[0]:
            data = sock.recv(65536)
            if not data:
                return
            if sock is one:
                seen.append(data)
            (other if sock is one else one).sendall(data)


def read_record(sock):
    """One record in plain text."""
    data = b""
    while len(data) < 5 or len(data) < 5 + int.from_bytes(data[3:5], "big"):
        data += sock.recv(65536)
    return data


class Wire(kerberos.Case):
    """A man in the middle."""

    def test_one_round_trip(self):
        """Application data is in the client's second flight."""
        server = self.serve()
        self.meet(server)
        with capture.Capture(server.address[1]) as wire:
            client = self.connect(server.address)
            client.sendall(MARKER)
            with server.accept() as conn:
                self.assertEqual(conn.recv(2000), MARKER)
                conn.sendall(b"good")
                self.assertEqual(client.recv(100), b"good")
            flights = tool.wait_until(
                lambda: wire.flights()[3:] and wire.flights(), "the capture")
        self.assertEqual([side for side, _ in flights[:4]],
                         [True, False, True, False])
        hello, second = flights[0][1], rawtls.records(flights[2][1])
        self.assertEqual(rawtls.records(hello)[0][0], rawtls.HANDSHAKE)
        # Finished, and all of the data in one record.
        data = [body for kind, body in second if kind == rawtls.DATA]
        self.assertEqual(len(data), 2)
        self.assertEqual(len(data[1]), len(MARKER) + 1 + TAG)
        everything = b"".join(data for _, data in flights)
        self.assertNotIn(MARKER[:30], everything)
        # The service is in the clear, the client is not.
        self.assertIn(realm.HOST.encode(), hello)
        self.assertNotIn(b"user0", everything)

    def middle(self, address, change=lambda hello: hello):
        """Somebody in between, who may change the ClientHello; what he saw."""
        seen = []

        def serve(sock):
            with socket.create_connection(address) as other:
                hello = change(read_record(sock))
                seen.append(hello)
                other.sendall(hello)
                pump(sock, other, seen)

        port = servers.Threaded(self, serve, "127.0.0.1").port
        return ("127.0.0.1", port), seen

    def test_replayed_hello(self):
        """A ClientHello again, and the Finished, which is for other keys."""
        server = self.serve()
        address, seen = self.middle(server.address)
        with self.connect(address) as client:
            with server.accept() as conn:
                self.talk(client, conn)
        hello, rest = seen[0], b"".join(seen[1:])
        with tool.counts("record"), rawtls.connect(server.address) as sock:
            sock.sendall(hello)
            self.assertEqual(read_record(sock)[0], rawtls.HANDSHAKE)
            sock.sendall(rest)
            rawtls.until_end(sock)
        self.assertTrue(server.sees_nothing())

    def test_tampered(self):
        """Not a bit of the KRB_AP_REQ can be changed, nor of what follows."""
        server = self.serve()

        def flip(back):
            def change(hello):
                """In the authenticator, or in the binder at the end."""
                return hello[:-back] + bytes([hello[-back] ^ 1]) \
                    + hello[len(hello) - back + 1:]
            return change

        for back, text in ((1, "proof of the pre-shared key is wrong"),
                           (60, "not accepted: Decrypt integrity")):
            self.refused(server, errno.EKEYREJECTED, "^the peer ",
                         {"peer-refused": 1, "bad-cred": 1},
                         (errno.EKEYREJECTED, text),
                         address=self.middle(server.address, flip(back))[0])

    def test_reflected_to_another_service(self):
        """What is for one service of a host is not for another one of it."""
        server = self.serve("krb5-other")
        self.refused(server, errno.EKEYREJECTED, "does not accept our ticket"
                     "|does not accept our Kerberos",
                     {"peer-refused": 1, "name": 1},
                     (errno.EKEYREJECTED, "not accepted"),
                     address=self.middle(server.address)[0])

    def test_no_certificate_instead(self):
        """The PSK is hidden: what follows is for other keys on each side."""
        server = self.serve("both")

        def change(hello):
            """Another number for the extension pre_shared_key."""
            at = hello.index(b"\x6e\x82") - 8
            self.assertEqual(hello[at:at + 2], b"\x00\x29")
            return hello[:at] + b"\xff" + hello[at + 1:]

        self.refused(server, errno.EPROTO, "bad record mac",
                     {"record": 1, "peer-refused": 1},
                     (errno.EKEYREJECTED, "bad record mac"),
                     address=self.middle(server.address, change)[0])


class Large(kerberos.Case):
    """Tickets with authorization data."""

    def ticket(self, uid, size):
        """A user with a ticket that has SIZE bytes more than others."""
        realm.add_user(f"large{uid}", uid)
        realm.kinit(f"large{uid}", uid)
        env = dict(os.environ, KRB5CCNAME=f"FILE:{realm.ccache(uid)}")
        subprocess.run([place.TOP / "build/tests/krb5-ticket", TARGET,
                        str(size)], env=env, check=True, timeout=60)
        return uid

    def test_50k(self):
        server = self.serve()
        uid = self.ticket(3200, 50000)
        client = self.connect(server.address, uid=uid)
        with server.accept() as conn:
            self.assertEqual(app.peer_name(conn)[1],
                             f"large{uid}@{realm.REALM}")
            self.talk(client, conn)

    def test_kept(self):
        """The ticket's AuthorizationData, if the application wants it."""
        server = self.serve(flags=uapi.SOCKAUTH_REQ_KEEP_CRED)
        self.connect(server.address, uid=self.ticket(3203, 20000))
        with server.accept() as conn:
            data = app.get_option(conn, uapi.SOCKAUTH_PEER_CRED,
                                  uapi.SOCKAUTH_PEER_CRED_MAX)
        # SEQUENCE OF one of the type -1, 20,000 zero bytes.
        self.assertEqual(data[:1], b"\x30")
        self.assertIn(b"\xa0\3\2\1\xff", data)
        self.assertEqual(data[-20000:], bytes(20000))

    def test_50k_kept(self):
        """It is more than an application gets: no connection without it."""
        server = self.serve(flags=uapi.SOCKAUTH_REQ_KEEP_CRED)
        self.refused(server, errno.EKEYREJECTED, "^the peer ",
                     {"peer-refused": 1, "limit": 1},
                     (errno.EMSGSIZE, "too long to be kept"), uid=3200)

    def test_70k(self):
        self.refused(self.serve(), errno.EMSGSIZE,
                     "^no Kerberos ticket for demo@.*: Message too long$",
                     {"limit": 1, "peer-closed": 1},
                     uid=self.ticket(3201, 70000))

    def test_62k_of_others(self):
        """Of a client that does not know how much is too much."""
        server = self.serve()
        uid = self.ticket(3202, 62000)
        with tool.Monitor() as monitor, tool.counts("limit"):
            done = kerberos.peer("connect", *server.address, TARGET, uid=uid)
            self.assertEqual(done.returncode, 1, done.stderr)
            event = monitor.event("failed", role="acceptor")
            self.assertEqual(event["error"], "EMSGSIZE")
            self.assertIn("too long", event["text"])
        self.assertTrue(server.sees_nothing())


if __name__ == "__main__":
    ktap.main()
