#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Kerberos in one round trip, with a real KDC: what works."""

import threading

from peerlib import app, kerberos, ktap, program, realm, tool, uapi
from peerlib.kerberos import FIRST_UID, TARGET, USERS, principal

CONNECTIONS = 100
SLOW = 100000  # ms that many connections at once may take here

setUpModule = kerberos.set_up
tearDownModule = kerberos.tear_down


class Kerberos(kerberos.Case):
    """Connections that are authenticated."""

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
        for host in "127.0.0.1", "::1":
            server = self.serve(host=host)
            for name in kerberos.ENCTYPES:
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

    def connect_as(self, server, number):
        """connect() of one thread: user ids are the whole process's."""
        return self.connect(server.address, uid=FIRST_UID + number,
                            timeout_ms=SLOW)

    def test_users(self):
        """Hundred connections of ten users at once."""
        server = self.serve()
        for number in range(USERS):
            self.meet(server, number)
        server.sock.settimeout(SLOW / 1000)
        wrong = []

        def work(number):
            try:
                sock = self.connect_as(server, number)
                sock.sendall(principal(number).encode())
            except OSError as error:
                wrong.append(error)

        threads = [threading.Thread(target=work, args=(n % USERS,))
                   for n in range(CONNECTIONS)]
        with tool.unfailed():
            for thread in threads:
                thread.start()
            for _ in threads:
                conn, _ = server.sock.accept()
                self.addCleanup(conn.close)
                self.assertEqual(app.peer_name(conn)[1],
                                 conn.recv(100).decode())
            for thread in threads:
                thread.join()
        self.assertEqual(wrong, [])

    def test_map_users(self):
        _, conn = self.meet(self.serve("krb5-map"))
        self.assertEqual(app.status(conn).uid, FIRST_UID)
        _, conn = self.meet(self.serve("krb5-map"), 1)
        self.assertEqual(app.status(conn).uid, 0xffffffff)

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

    def test_other_client(self):
        """The protocol's second implementation, with KRB_AP_REP and without."""
        for fault in (), ("plain",):
            server = self.serve()
            port = server.address[1]
            done = []
            thread = threading.Thread(
                target=lambda f=fault, p=port, d=done: d.append(
                    kerberos.peer("connect", "127.0.0.1", p, TARGET, *f)))
            thread.start()
            with server.accept() as conn:
                self.assertEqual(app.peer_name(conn)[1], principal(0))
                self.assertEqual(conn.recv(100), b"hello\n")
                conn.sendall(b"good\n")
            thread.join()
            self.assertEqual((done[0].returncode, done[0].stdout),
                             (0, "good\n"), done[0].stderr)

    def test_other_server(self):
        for profile in "krb5", "krb5-nomutual":
            with kerberos.OtherServer() as server:
                with self.connect(server.address, profile=profile) as client:
                    self.assertEqual(client.recv(100), b"hello\n")
                    client.sendall(b"good\n")
                self.assertEqual(server.finish(),
                                 (0, f"peer {principal(0)}\ngood\n"))


if __name__ == "__main__":
    ktap.main()
