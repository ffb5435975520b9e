#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Kerberos in one round trip, with a real KDC: both sides are ours."""

import ctypes
import errno
import os
import select
import socket
import subprocess
import threading
import time
import unittest

from peerlib import app, ktap, place, program, realm, tool, uapi

FIRST_UID = 2000
USERS = 10
SLOW = 100000  # ms that many connections at once may take here
TARGET = f"demo@{realm.HOST}"

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

[profile psk]
mechanisms = psk
psk = nobody:00112233445566778899aabbccddeeff
psk = laptop:ffeeddccbbaa99887766554433221100:sha256
"""

KDC = None

SYS_SETRESUID, SYS_SETRESGID = 117, 119  # of x86-64
_libc = ctypes.CDLL(None, use_errno=True)


def setUpModule():
    """Realm, users, services, and the daemon's profiles for them."""
    global KDC
    KDC = realm.Kdc()
    for number in range(USERS):
        realm.add_user(f"user{number}", FIRST_UID + number)
        realm.kinit(f"user{number}", FIRST_UID + number)
    realm.add_service("demo")
    for name in ("aes256-cts-hmac-sha1-96", "aes128-cts-hmac-sha1-96",
                 "aes256-cts-hmac-sha384-192", "aes128-cts-hmac-sha256-128"):
        realm.add_service(name, enctypes=f"{name}:normal")
    realm.add_service("other", place.DIR / "other.keytab")
    subprocess.run(["useradd", "--no-create-home", "--uid",
                    str(FIRST_UID), "user0"], check=True)
    with open(place.DIR / "sockauthd.conf", "a", encoding="ascii") as file:
        file.write(PROFILES)
    place.daemon("daemon_reload")


def tearDownModule():
    """No KDC survives its realm."""
    KDC.stop()


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


class Kerberos(unittest.TestCase):
    """One side listens, the other one connects, both in this process."""

    def serve(self, profile="krb5", host="127.0.0.1", flags=0):
        server = app.Server(profile=profile, host=host, flags=flags)
        self.addCleanup(server.sock.close)
        return server

    @staticmethod
    def mark(sock, uid, profile, target, **options):
        """Set the option as the user of number UID: that is what counts."""
        become(uid)
        try:
            sock.setsockopt(socket.IPPROTO_IP, uapi.SOCKAUTH_REQUEST,
                            uapi.request(profile, target, **options))
        finally:
            become(0)

    def connect(self, server, profile="krb5", target=TARGET,
                uid=FIRST_UID, flags=0):
        """A connection of the user of number UID, blocking."""
        family = socket.AF_INET6 if ":" in server.address[0] \
            else socket.AF_INET
        sock = socket.socket(family)
        self.addCleanup(sock.close)
        sock.settimeout(None)
        self.mark(sock, uid, profile, target, flags=flags)
        sock.connect(server.address)
        return sock

    def refused(self, error, text, server, **options):
        """connect() fails with ERROR and TEXT; the server sees nothing."""
        sock = None
        with self.assertRaises(OSError) as caught:
            family = socket.socket

            def keep(*args):
                nonlocal sock
                sock = family(*args)
                return sock
            socket.socket = keep
            try:
                self.connect(server, **options)
            finally:
                socket.socket = family
        said = app.get_option(sock, uapi.SOCKAUTH_ERROR, 256).decode()
        self.assertEqual((errno.errorcode[caught.exception.errno]),
                         errno.errorcode[error], said)
        self.assertIn(text, said)
        self.assertTrue(server.sees_nothing())

    def talk(self, client, conn):
        client.sendall(b"ping")
        self.assertEqual(conn.recv(100), b"ping")
        conn.sendall(b"pong")
        self.assertEqual(client.recv(100), b"pong")

    def meet(self, server, number=0, **options):
        """Both ends of a connection, with what each knows of the other."""
        client = self.connect(server, uid=FIRST_UID + number, **options)
        conn = server.accept()
        self.addCleanup(conn.close)
        self.assertEqual(app.peer_name(conn),
                         (uapi.SOCKAUTH_NAME_PRINCIPAL, principal(number)))
        for sock in client, conn:
            status = app.status(sock)
            self.assertEqual(status.mechanism, uapi.SOCKAUTH_MECH_KRB5)
            self.assertTrue(status.flags & uapi.SOCKAUTH_SEC_MUTUAL)
            self.assertFalse(status.flags & uapi.SOCKAUTH_SEC_RESUMED)
            self.assertGreater(status.expiry, time.time() + 3600)
        self.talk(client, conn)
        return client, conn

    def test_ipv4(self):
        client, _ = self.meet(self.serve())
        self.assertEqual(app.peer_name(client),
                         (uapi.SOCKAUTH_NAME_PRINCIPAL,
                          f"demo/{realm.HOST}@{realm.REALM}"))

    def test_ipv6(self):
        self.meet(self.serve(host="::1"))

    def test_binding(self):
        """Both ends have the same."""
        one, two = (app.get_option(sock, uapi.SOCKAUTH_BINDING, 32)
                    for sock in self.meet(self.serve()))
        self.assertEqual(one, two)

    def test_full_principal(self):
        self.meet(self.serve(),
                  target=f"demo/{realm.HOST}@{realm.REALM}")

    def test_without_ap_rep(self):
        self.meet(self.serve(), profile="krb5-nomutual")

    def test_mutual_flag(self):
        self.meet(self.serve(flags=uapi.SOCKAUTH_REQ_MUTUAL),
                  profile="krb5-nomutual", flags=uapi.SOCKAUTH_REQ_MUTUAL)

    def test_enctypes(self):
        server = self.serve()
        for name in ("aes256-cts-hmac-sha1-96", "aes128-cts-hmac-sha1-96",
                     "aes256-cts-hmac-sha384-192",
                     "aes128-cts-hmac-sha256-128"):
            with self.subTest(name):
                self.meet(server, target=f"{name}@{realm.HOST}")

    def test_ciphers(self):
        for profile, cipher in (("krb5", 0x1301), ("krb5-aes256", 0x1302),
                                ("krb5-chacha", 0x1303)):
            with self.subTest(profile):
                _, conn = self.meet(self.serve(), profile=profile)
                self.assertEqual(app.status(conn).cipher, cipher)

    def test_hello_retry(self):
        """The group of the first ClientHello is not the server's."""
        self.meet(self.serve("krb5-p384"))

    def test_users(self):
        """Hundred connections of ten users at once."""
        server = self.serve()
        for number in range(USERS):
            self.meet(server, number)
        server.sock.settimeout(SLOW / 1000)
        seen, wrong = [], []

        def work(number):
            try:
                sock = self.connect_as(server, number)
                sock.sendall(principal(number).encode())
                seen.append(sock)
            except OSError as error:
                wrong.append(error)

        threads = [threading.Thread(target=work, args=(n % USERS,))
                   for n in range(100)]
        for thread in threads:
            thread.start()
        for _ in threads:
            conn, _ = server.sock.accept()
            with conn:
                self.assertEqual(app.peer_name(conn)[1],
                                 conn.recv(100).decode())
        for thread in threads:
            thread.join()
        self.assertEqual(wrong, [])

    def connect_as(self, server, number):
        """connect() of one thread: user ids are the whole process's."""
        sock = socket.socket()
        self.addCleanup(sock.close)
        self.mark(sock, FIRST_UID + number, "krb5", TARGET, timeout_ms=SLOW)
        sock.connect(server.address)
        return sock

    def test_map_users(self):
        _, conn = self.meet(self.serve("krb5-map"))
        self.assertEqual(app.status(conn).uid, FIRST_UID)
        _, conn = self.meet(self.serve("krb5-map"), 1)
        self.assertEqual(app.status(conn).uid, 0xffffffff)

    def test_no_ticket(self):
        self.refused(errno.ENOKEY,
                     "no Kerberos credentials for uid 3000: run kinit",
                     self.serve(), uid=3000)

    def test_cache_of_others(self):
        """A cache that belongs to somebody else is none."""
        os.link(realm.ccache(FIRST_UID), realm.ccache(3001))
        self.addCleanup(os.unlink, realm.ccache(3001))
        self.refused(errno.ENOKEY, "permissions incorrect", self.serve(),
                     uid=3001)

    def test_no_such_service(self):
        self.refused(errno.EINVAL, "no Kerberos ticket for nonesuch@",
                     self.serve(), target=f"nonesuch@{realm.HOST}")

    def test_ticket_for_another_service(self):
        self.refused(errno.EKEYREJECTED, "does not accept our Kerberos",
                     self.serve(), target=f"other@{realm.HOST}")

    def test_not_on_the_list(self):
        server = self.serve("krb5-some")
        self.meet(server, 0)
        self.refused(errno.EKEYREJECTED, "denies us access", server,
                     uid=FIRST_UID + 1)

    def test_no_principal_as_target(self):
        self.refused(errno.EINVAL, "not a principal", self.serve(),
                     target="localhost")

    def test_server_with_certificate_only(self):
        self.refused(errno.EKEYREJECTED, "shows a certificate",
                     self.serve("default"))

    def test_certificate_client_only(self):
        server = self.serve()
        with program.s_client(server.address) as client:
            code, output = client.finish()
        self.assertNotEqual(code, 0, output)
        self.assertTrue(server.sees_nothing())

    def test_both(self):
        """A browser gets the certificate, a Kerberos client its ticket."""
        server = self.serve("both")
        self.meet(server)
        with program.s_client(server.address) as client, \
                server.accept() as conn:
            self.assertEqual(app.status(conn).mechanism,
                             uapi.SOCKAUTH_MECH_TLS)
            conn.sendall(b"hello\n")
            client.expect("hello")

    def test_client_keytab(self):
        realm.add_user("user3100", 3100)
        server = self.serve()
        self.connect(server, profile="keytab-client", uid=3100)
        with server.accept() as conn:
            self.assertEqual(app.peer_name(conn)[1],
                             f"user3100@{realm.REALM}")

    def short(self, number):
        """A ticket that is good for a few seconds."""
        uid = 3200 + number
        realm.add_user(f"short{number}", uid)
        realm.kinit(f"short{number}", uid, "-l", "5s")
        return uid

    def test_expiry(self):
        server = self.serve()
        client = self.connect(server, uid=self.short(0))
        conn = server.accept()
        for sock in client, conn:
            self.assertTrue(app.status(sock).flags
                            & uapi.SOCKAUTH_SEC_EXPIRES)
            self.assertTrue(select.select([sock], [], [], 30)[0])
            with self.assertRaises(OSError) as caught:
                sock.recv(1)
            self.assertEqual(caught.exception.errno, errno.EKEYEXPIRED)

    def test_expiry_reported(self):
        server = self.serve("krb5-report")
        client = self.connect(server, profile="krb5-report",
                              uid=self.short(1))
        conn = server.accept()
        end = app.status(conn).expiry
        self.assertFalse(app.status(conn).flags & uapi.SOCKAUTH_SEC_EXPIRES)
        tool.wait_until(lambda: time.time() > end + 1, "the ticket is over",
                        30)
        self.talk(client, conn)

    def test_expired_ticket(self):
        uid = self.short(2)
        tool.wait_until(lambda: subprocess.run(
            ["klist", "-s", "-c", realm.ccache(uid)], user=uid, check=False,
            timeout=30).returncode, "the ticket is over", 30)
        self.refused(errno.EKEYEXPIRED, "expired", self.serve(), uid=uid)

    def test_kdc_down(self):
        """Who has a service ticket needs no KDC; others are told."""
        server = self.serve()
        self.meet(server)
        KDC.stop()
        self.addCleanup(KDC.start)
        self.meet(server)
        self.refused(errno.EHOSTUNREACH, "no Kerberos ticket for", server,
                     target=f"aes128-cts-hmac-sha1-96@{realm.HOST}",
                     uid=FIRST_UID + 9)

    def test_kdc_silent(self):
        """Others go on meanwhile."""
        server = self.serve()
        self.meet(server)
        KDC.freeze(True)
        self.addCleanup(KDC.freeze, False)
        waiting = socket.socket()
        self.addCleanup(waiting.close)
        waiting.setblocking(False)
        self.mark(waiting, FIRST_UID + 8, "krb5", f"other@{realm.HOST}")
        waiting.connect_ex(server.address)
        for _ in range(3):
            self.meet(server)
        self.assertFalse(select.select([], [waiting], [], 0)[1])
        self.assertTrue(select.select([], [waiting], [], 60)[1])
        self.assertIn(waiting.getsockopt(socket.SOL_SOCKET,
                                         socket.SO_ERROR),
                      (errno.ETIMEDOUT, errno.EHOSTUNREACH))

    def test_keytab_changes(self):
        """New keys, which the reload picks up; the old ticket goes on."""
        server = self.serve()
        realm.add_service("rolled")
        target = f"rolled@{realm.HOST}"
        self.refused(errno.EKEYREJECTED, "does not accept our Kerberos",
                     server, target=target)
        place.daemon("daemon_reload")
        self.meet(server, target=target)
        realm.add_service("rolled", "/run/sockauth-realm/elsewhere.keytab")
        self.refused(errno.EKEYREJECTED, "does not accept our Kerberos",
                     server, target=target, uid=FIRST_UID + 5)

    def psk(self, identity, key):
        server = self.serve("psk")
        with program.s_client(server.address, "-tls1_3", "-psk_identity",
                              identity, "-psk", key) as client:
            with server.accept() as conn:
                self.assertEqual(app.peer_name(conn),
                                 (uapi.SOCKAUTH_NAME_PSK, identity))
                self.assertEqual(app.status(conn).mechanism,
                                 uapi.SOCKAUTH_MECH_PSK)
                conn.sendall(b"hello\n")
                client.expect("hello")

    def test_psk(self):
        self.psk("nobody", "00112233445566778899aabbccddeeff")
        self.psk("laptop", "ffeeddccbbaa99887766554433221100")

    def test_psk_wrong(self):
        server = self.serve("psk")
        for identity, key in (
                ("nobody", "00112233445566778899aabbccddeefe"),
                ("stranger", "00112233445566778899aabbccddeeff")):
            with program.s_client(server.address, "-tls1_3",
                                  "-psk_identity", identity, "-psk",
                                  key) as client:
                code, output = client.finish()
            self.assertNotEqual(code, 0, output)
            self.assertTrue(server.sees_nothing())

    def test_psk_both_ours(self):
        server = self.serve("psk")
        client = self.connect(server, profile="psk", target="")
        with server.accept() as conn:
            self.assertEqual(app.peer_name(conn)[1], "nobody")
            self.assertEqual(app.peer_name(client)[1], "nobody")
            self.talk(client, conn)


if __name__ == "__main__":
    ktap.main()
