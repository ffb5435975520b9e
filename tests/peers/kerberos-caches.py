#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Kerberos: whose credentials, and where they are."""

import errno
import os
import pathlib
import shutil
import subprocess

from peerlib import app, kerberos, ktap, place, realm, tool
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


if __name__ == "__main__":
    ktap.main()
