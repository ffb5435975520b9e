# SPDX-License-Identifier: GPL-2.0-or-later
"""Kerberos, with a real KDC: both sides are ours, in this process.

A test file has `setUpModule = kerberos.set_up` and the same of tear_down.
"""

import ctypes
import errno
import os
import pwd
import socket
import subprocess
import time
import unittest

from . import app, client, place, realm, tool, uapi

FIRST_UID = 2000
USERS = 10
TARGET = f"demo@{realm.HOST}"

ENCTYPES = ("aes256-cts-hmac-sha1-96", "aes128-cts-hmac-sha1-96",
            "aes256-cts-hmac-sha384-192", "aes128-cts-hmac-sha256-128")

#: Keytab of the profile krb5-roll, which tests change.
ROLL = place.DIR / "roll.keytab"

PROFILES = f"""
[profile krb5]
mechanisms = krb5
keytab = {realm.KEYTAB}

[profile krb5-report]
mechanisms = krb5
keytab = {realm.KEYTAB}
expiry = report

[profile krb5-some]
mechanisms = krb5
keytab = {realm.KEYTAB}
principals = user0@{realm.REALM}, admin/*@{realm.REALM}

[profile krb5-map]
mechanisms = krb5
keytab = {realm.KEYTAB}
map-users = yes

[profile krb5-other]
mechanisms = krb5
keytab = {place.DIR}/other.keytab

[profile krb5-roll]
mechanisms = krb5
keytab = {ROLL}

[profile krb5-nomutual]
mechanisms = krb5
mutual = no

[profile krb5-aes256]
mechanisms = krb5
ciphers = TLS_AES_256_GCM_SHA384
keytab = {realm.KEYTAB}

[profile krb5-chacha]
mechanisms = krb5
ciphers = TLS_CHACHA20_POLY1305_SHA256

[profile krb5-p384]
mechanisms = krb5
groups = P-384
keytab = {realm.KEYTAB}

[profile both]
mechanisms = tls, krb5
keytab = {realm.KEYTAB}
certificate = {place.DIR}/server.pem
key = {place.DIR}/server.key

[profile keytab-client]
mechanisms = krb5
ccache = FILE:/nonesuch
client-keytab = FILE:/run/sockauth-realm/user%{{uid}}.keytab

[profile keytab-after]
mechanisms = krb5
client-keytab = FILE:/run/sockauth-realm/again.keytab

[profile in-dir]
mechanisms = krb5
ccache = DIR:/run/krb5cc_%{{uid}}

[profile in-persistent]
mechanisms = krb5
ccache = KEYRING:persistent:%{{uid}}

[profile in-user]
mechanisms = krb5
ccache = KEYRING:user:sockauth

[profile in-session]
mechanisms = krb5
ccache = KEYRING:session:sockauth
"""

SYS_SETRESUID, SYS_SETRESGID = 117, 119  # of x86-64
_libc = ctypes.CDLL(None, use_errno=True)
_kdc = realm.Kdc()


def set_up():
    """The KDC, and once users, services, and the daemon's profiles."""
    _kdc.start()
    conf = place.DIR / "sockauthd.conf"
    if PROFILES in conf.read_text():
        return
    realm.add_users({f"user{n}": FIRST_UID + n for n in range(USERS)})
    for number in range(USERS):
        realm.kinit(f"user{number}", FIRST_UID + number)
    realm.add_service("demo")
    for name in ENCTYPES:
        realm.add_service(name, enctypes=f"{name}:normal")
    realm.add_service("other", place.DIR / "other.keytab")
    realm.add_service("roll", ROLL)
    add_account("user0", FIRST_UID)
    with open(conf, "a", encoding="ascii") as file:
        file.write(PROFILES)
    place.daemon("daemon_reload")


def tear_down():
    """No KDC survives its program."""
    _kdc.stop()


def kdc():
    """The KDC, to be stopped and frozen."""
    return _kdc


def add_account(name, uid):
    """A local user, if there is none."""
    try:
        pwd.getpwuid(uid)
    except KeyError:
        subprocess.run(["useradd", "--no-create-home", "--uid", str(uid),
                        name], check=True)


def become(uid):
    """Change the effective ids of this thread alone, unlike os.seteuid()."""
    keep = ctypes.c_long(-1)
    numbers = (SYS_SETRESGID, SYS_SETRESUID)
    for number in numbers if uid else reversed(numbers):
        if _libc.syscall(number, keep, ctypes.c_long(uid), keep):
            raise OSError(ctypes.get_errno(), "becoming another user")


def principal(number):
    """The principal of a user."""
    return f"user{number}@{realm.REALM}"


def peer(*args, uid=FIRST_UID):
    """tests/peers/krb5-peer.c, as the user of number UID."""
    env = dict(os.environ, KRB5CCNAME=f"FILE:{realm.ccache(uid)}",
               KRB5_KTNAME=str(realm.KEYTAB))
    return subprocess.run(
        [place.TOP / "build/tests/krb5-peer", *map(str, args)], env=env,
        capture_output=True, text=True, timeout=60, check=False)


class Case(unittest.TestCase):
    """Listeners and connections, closed at the end of each test."""

    def serve(self, profile="krb5", host="127.0.0.1", flags=0):
        """A listener."""
        server = app.Server(profile=profile, host=host, flags=flags)
        self.addCleanup(server.sock.close)
        return server

    def marked(self, address, profile="krb5", target=TARGET, uid=FIRST_UID,
               **options):
        """A socket with the option, set by the user of number UID."""
        become(uid)
        try:
            sock = client.marked(address[0], profile=profile, target=target,
                                 **options)
        finally:
            become(0)
        self.addCleanup(sock.close)
        return sock

    def connect(self, address, **options):
        """A connection of the user, blocking."""
        sock = self.marked(address, **options)
        sock.connect(address)
        return sock

    def talk(self, one, other):
        """A word there and one back."""
        one.sendall(b"ping")
        self.assertEqual(other.recv(100), b"ping")
        other.sendall(b"pong")
        self.assertEqual(one.recv(100), b"pong")

    def meet(self, server, number=0, **options):
        """Both ends of a connection, with what each knows of the other."""
        sock = self.connect(server.address, uid=FIRST_UID + number, **options)
        conn = server.accept()
        self.addCleanup(conn.close)
        self.assertEqual(app.peer_name(conn),
                         (uapi.SOCKAUTH_NAME_PRINCIPAL, principal(number)))
        for end in sock, conn:
            status = app.status(end)
            self.assertEqual(status.mechanism, uapi.SOCKAUTH_MECH_KRB5)
            self.assertTrue(status.flags & uapi.SOCKAUTH_SEC_MUTUAL)
            self.assertFalse(status.flags & uapi.SOCKAUTH_SEC_RESUMED)
            self.assertGreater(status.expiry, time.time() + 3600)
        self.talk(sock, conn)
        return sock, conn

    def failed(self, sock, error, text):
        """What a socket says whose connect() has failed."""
        said = client.error_text(sock)
        status = app.status(sock)
        self.assertEqual(errno.errorcode[status.error],
                         errno.errorcode[error], said)
        self.assertEqual(status.state, uapi.SOCKAUTH_STATE_ENDED)
        self.assertRegex(said, text)
        with self.assertRaises(OSError):
            sock.send(b"a secret")

    def refused(self, server, error, text, counts, said=None, **options):
        """connect() fails with ERROR and TEXT, and the server sees nothing.

        COUNTS: what is counted on both sides; SAID: errno and text of the
        server's side.
        """
        address = options.pop("address", server.address)
        with tool.Monitor() as monitor, tool.counts_each(counts):
            with self.marked(address, **options) as sock:
                got = sock.connect_ex(address)
                self.assertNotEqual(got, 0)
                self.failed(sock, error, text)
                self.assertEqual(errno.errorcode[got],
                                 errno.errorcode[error])
            if said:
                event = monitor.event("failed", role="acceptor")
                self.assertEqual(event["error"], errno.errorcode[said[0]],
                                 event)
                self.assertRegex(event["text"], said[1])
        self.assertTrue(server.sees_nothing())


class OtherServer:
    """tests/peers/krb5-peer.c as a server; `address` is where it is."""

    def __init__(self, *fault):
        with socket.create_server(("127.0.0.1", 0)) as sock:
            self.address = sock.getsockname()
        self.process = subprocess.Popen(
            [place.TOP / "build/tests/krb5-peer", "listen",
             str(self.address[1]), *fault],
            env=dict(os.environ, KRB5_KTNAME=str(realm.KEYTAB)),
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        tool.wait_until(self._listens, "the other server listens")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def _listens(self):
        row = f":{self.address[1]:04X} 00000000:0000 0A"
        with open("/proc/net/tcp", encoding="ascii") as file:
            return row in file.read()

    def finish(self):
        """Wait for its end; (exit code, output)."""
        output = self.process.communicate(timeout=60)[0]
        return self.process.returncode, output
