#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Kerberos: whose credentials, where they are, and a KDC that is not there."""

import errno
import os
import pathlib
import select
import shutil
import signal
import socket
import subprocess

from peerlib import app, client, kerberos, ktap, place, realm, tool
from peerlib.kerberos import FIRST_UID

SYS_KEYCTL, JOIN_SESSION_KEYRING = 250, 1  # of x86-64

setUpModule = kerberos.set_up
tearDownModule = kerberos.tear_down


class Cache(kerberos.Case):
    """All kinds of credential caches, of the user who has the socket."""

    def user(self, name, uid, cache=None, *options):
        """A user with credentials in CACHE."""
        realm.add_user(name, uid)
        realm.kinit(name, uid, *options, cache=cache)

    def seen_as(self, name, uid, profile):
        """A connection of the user, as whom the server sees him."""
        server = self.serve()
        self.connect(server.address, uid=uid, profile=profile)
        with server.accept() as conn:
            self.assertEqual(app.peer_name(conn)[1], f"{name}@{realm.REALM}")

    def test_dir(self):
        directory = pathlib.Path("/run/krb5cc_3100")
        directory.mkdir(mode=0o700)
        os.chown(directory, 3100, 3100)
        self.user("dir", 3100, f"DIR:{directory}")
        self.seen_as("dir", 3100, "in-dir")

    def test_keyring_persistent(self):
        self.user("persistent", 3101, "KEYRING:persistent:3101")
        self.seen_as("persistent", 3101, "in-persistent")

    def test_keyring_user(self):
        """Each user has a keyring of that name."""
        for number in 2, 3:
            self.user(f"keyring{number}", 3100 + number,
                      "KEYRING:user:sockauth")
        for number in 2, 3:
            self.seen_as(f"keyring{number}", 3100 + number, "in-user")

    def test_client_keytab(self):
        realm.add_user("user3104", 3104)
        self.seen_as("user3104", 3104, "keytab-client")

    def test_client_keytab_after(self):
        """There are credentials, but they are over."""
        self.user("again", 3105, None, "-l", "2s")
        tool.wait_until(lambda: realm.expired(3105), "the ticket is over")
        self.seen_as("again", 3105, "keytab-after")


class Foreign(kerberos.Case):
    """Never those of somebody else."""

    def none(self, uid, text, profile="krb5"):
        """The user has no credentials."""
        self.refused(self.serve(), errno.ENOKEY, text,
                     {"no-own-cred": 1, "peer-closed": 1}, uid=uid,
                     profile=profile)

    def test_linked(self):
        """A name of one's own for the cache of another."""
        os.link(realm.ccache(FIRST_UID), realm.ccache(3120))
        self.addCleanup(realm.ccache(3120).unlink)
        self.none(3120, "^no Kerberos ticket for demo@.*: "
                  "Credentials cache permissions incorrect$")

    def test_planted(self):
        """A cache that somebody has left for a user who has none."""
        shutil.copy(realm.ccache(FIRST_UID), realm.ccache(3121))
        self.addCleanup(realm.ccache(3121).unlink)
        os.chown(realm.ccache(3121), FIRST_UID, FIRST_UID)
        realm.ccache(3121).chmod(0o644)
        self.none(3121, "^no Kerberos ticket for demo@.*: "
                  "Credentials cache permissions incorrect$")

    def test_session_of_daemon(self):
        """The daemon was started in a session with credentials."""
        code = (f"import ctypes, subprocess\n"
                f"ctypes.CDLL(None).syscall({SYS_KEYCTL}, "
                f"{JOIN_SESSION_KEYRING}, None)\n"
                f"subprocess.run(['kinit', '-k', '-t', "
                f"'{realm.user_keytab('user0')}', '-c', "
                f"'KEYRING:session:sockauth', 'user0'], check=True)\n"
                f"subprocess.run(['klist', '-s', '-c', "
                f"'KEYRING:session:sockauth'], check=True)\n"
                f"subprocess.run(['bash', '-c', '. tests/daemon.sh; "
                f"daemon_stop; daemon_start'], check=True)\n")
        subprocess.run(["python3", "-c", code], cwd=place.TOP, check=True,
                       timeout=60)
        self.addCleanup(place.daemon, "daemon_stop; daemon_start")
        self.none(3122, "uid 3122: run kinit$", "in-session")
        self.meet(self.serve())


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


if __name__ == "__main__":
    ktap.main()
