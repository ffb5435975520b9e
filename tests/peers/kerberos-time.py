#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What takes its time: a KDC that is silent, and the end of lifetimes.

Connections end with what authenticated them, or only say when that is.
"""

import errno
import os
import pathlib
import select
import signal
import socket
import threading
import time

from peerlib import (app, client, kerberos, ktap, pki, place, realm, tool,
                     uapi)
from peerlib.kerberos import FIRST_UID

LIFE = 60  # seconds

PROFILES = f"""
[profile short]
certificate = {place.DIR}/short.pem
key = {place.DIR}/short.key
trust = {place.DIR}/ca.pem
client-certificate = require
tickets = 0

[profile short-report]
certificate = {place.DIR}/short.pem
key = {place.DIR}/short.key
trust = {place.DIR}/ca.pem
client-certificate = require
tickets = 0
expiry = report
"""

pairs = {}
ended = {}  # when a socket had something to say, by its number
before = 0


def connect(profile, uid, **options):
    """Both ends of a connection of the user."""
    case = kerberos.Case()
    with app.Server(profile=profile) as server:
        sock = case.marked(server.address, uid=uid, profile=profile,
                           **options)
        sock.connect(server.address)
        return sock, server.accept()


def watch():
    """Note when the ends have ended of those that do."""
    socks = [*pairs["krb5"], *pairs["short"]]
    while socks:
        for sock in select.select(socks, [], [])[0]:
            ended[sock.fileno()] = time.time()
            socks.remove(sock)


def setUpModule():
    """All connections live meanwhile: a minute is long enough."""
    global before
    kerberos.set_up()
    before = tool.stats()["failed"]["expired"]
    realm.add_user("short", 3300)
    realm.kinit("short", 3300, "-l", f"{LIFE}s")
    for profile in "krb5", "krb5-report":
        pairs[profile] = connect(profile, 3300)
    pki.make("short", LIFE)
    with open(place.DIR / "sockauthd.conf", "a", encoding="ascii") as file:
        file.write(PROFILES)
    place.daemon("daemon_reload")
    for profile in "short", "short-report":
        pairs[profile] = connect(profile, 0, target="localhost")
    for one, other in pairs.values():
        one.sendall(b"ping")
        assert other.recv(100) == b"ping"
    threading.Thread(target=watch, daemon=True).start()


def tearDownModule():
    """The file is not named by the configuration for longer than it is good."""
    for pair in pairs.values():
        for sock in pair:
            sock.close()
    conf = place.DIR / "sockauthd.conf"
    conf.write_text(conf.read_text().replace(PROFILES, ""))
    place.daemon("daemon_reload")
    kerberos.tear_down()


def helpers(uid):
    """The helpers of the broker that run as a user."""
    for proc in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if (proc / "comm").read_text() == "sockauthd-help\n" and \
               proc.stat().st_uid in (uid, 0) and \
               f"\nUid:\t{uid}\t" in (proc / "status").read_text():
                yield int(proc.name)
        except FileNotFoundError:
            continue


class Absent(kerberos.Case):
    """A KDC that is down, or silent."""

    def begin(self, server, uid):
        """A connection that waits for the KDC."""
        sock = self.marked(server.address, uid=uid,
                           target=f"other@{realm.HOST}")
        sock.setblocking(False)
        sock.connect_ex(server.address)
        return sock

    def test_down(self):
        """Who has a service ticket needs no KDC; others are told."""
        server = self.serve()
        self.meet(server)
        kerberos.kdc().stop()
        self.addCleanup(kerberos.kdc().start)
        self.meet(server)
        self.refused(server, errno.EHOSTUNREACH, "^no Kerberos ticket for "
                     "roll@.*: Cannot contact any KDC",
                     {"other": 1, "peer-closed": 1},
                     target=f"roll@{realm.HOST}", uid=FIRST_UID + 9)

    def freeze(self):
        """The KDC takes requests and answers none."""
        kerberos.kdc().freeze(True)
        self.addCleanup(kerberos.kdc().freeze, False)

    def test_silent(self):
        """Others go on meanwhile."""
        server = self.serve()
        self.meet(server)
        self.freeze()
        with tool.counts_each({"timeout": 1, "peer-closed": 1}):
            with self.begin(server, FIRST_UID + 8) as waiting:
                for _ in range(3):
                    self.meet(server)
                self.assertFalse(select.select([], [waiting], [], 0)[1])
                self.assertTrue(select.select([], [waiting], [], 60)[1])
                self.assertEqual(waiting.getsockopt(
                    socket.SOL_SOCKET, socket.SO_ERROR), errno.ETIMEDOUT)
                self.assertEqual(client.error_text(waiting),
                                 "no answer of a KDC in time")

    def test_helper_stopped(self):
        """A user stops the helper that runs for him: it is killed in time."""
        server = self.serve()
        self.meet(server)
        uid = FIRST_UID + 8
        self.freeze()
        self.begin(server, uid)
        pid = tool.wait_until(lambda: next(helpers(uid), 0), "a helper")
        os.kill(pid, signal.SIGSTOP)
        kerberos.kdc().freeze(False)
        self.meet(server)
        tool.wait_until(lambda: pid not in helpers(uid), "it is gone", 60)
        self.meet(server, 8)


class Lifetime(kerberos.Case):
    """What happens when it is over."""

    def ends(self, profile):
        """Both ends, not before its time, and soon after."""
        for sock in pairs[profile]:
            status = app.status(sock)
            self.assertTrue(status.flags & uapi.SOCKAUTH_SEC_EXPIRES)
            self.assertAlmostEqual(status.expiry - status.start, LIFE,
                                   delta=LIFE / 2)
        for sock in pairs[profile]:
            tool.wait_until(lambda s=sock: s.fileno() in ended, "the end",
                            LIFE + 20)
            late = ended[sock.fileno()] - app.status(sock).expiry
            self.assertGreaterEqual(late, 0)
            self.assertLess(late, 10)
            for call in sock.recv, sock.recv, sock.send:
                with self.assertRaises(OSError) as caught:
                    call(b"x" if call == sock.send else 1)
                self.assertEqual(errno.errorcode[caught.exception.errno],
                                 "EKEYEXPIRED")
            self.assertEqual(app.status(sock).error, errno.EKEYEXPIRED)
            self.assertIn("lifetime", client.error_text(sock))

    def goes_on(self, profile):
        """It is only said."""
        with tool.unfailed():
            for sock in pairs[profile]:
                status = app.status(sock)
                self.assertFalse(status.flags & uapi.SOCKAUTH_SEC_EXPIRES)
                tool.wait_until(lambda s=status: time.time() > s.expiry + 1,
                                "its end", LIFE + 20)
            self.talk(*pairs[profile])

    def test_ticket(self):
        self.ends("krb5")

    def test_certificate(self):
        self.ends("short")

    def test_counted(self):
        """All four ends."""
        self.assertEqual(tool.stats()["failed"]["expired"] - before, 4)

    def test_ticket_reported(self):
        self.goes_on("krb5-report")

    def test_certificate_reported(self):
        self.goes_on("short-report")


if __name__ == "__main__":
    ktap.main()
