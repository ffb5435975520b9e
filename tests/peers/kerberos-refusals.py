#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Kerberos: each way to be refused, with errno, text and counter."""

import errno
import pathlib
import threading

from peerlib import kerberos, ktap, place, program, realm, servers, tool
from peerlib.kerberos import FIRST_UID, ROLL, TARGET, principal

setUpModule = kerberos.set_up
tearDownModule = kerberos.tear_down

NOT_ACCEPTED = "^the peer does not accept our Kerberos ticket or key "
LEFT = "peer-closed"  # a server whose client gave up before it said a word


class Ours(kerberos.Case):
    """Our client is refused, or refuses."""

    def test_no_ticket(self):
        self.refused(self.serve(), errno.ENOKEY,
                     "^no Kerberos credentials for uid 3000: run kinit$",
                     {"no-own-cred": 1, LEFT: 1}, uid=3000)

    def test_expired_ticket(self):
        realm.add_user("late", 3010)
        realm.kinit("late", 3010, "-l", "2s")
        tool.wait_until(lambda: realm.expired(3010), "the ticket is over")
        self.refused(self.serve(), errno.EKEYEXPIRED, "expired",
                     {"cred-expired": 1, LEFT: 1}, uid=3010)

    def test_no_such_service(self):
        self.refused(self.serve(), errno.EINVAL,
                     "^no Kerberos ticket for nonesuch@.*not found",
                     {"name": 1, LEFT: 1}, target=f"nonesuch@{realm.HOST}")

    def replace(self, path, change):
        """Other contents of a file, for this test."""
        before = path.read_text(encoding="ascii")
        self.addCleanup(path.write_text, before, encoding="ascii")
        path.write_text(change(before), encoding="ascii")

    def not_looked_up(self):
        """Whoever answers for DNS does not say whom we want to talk to."""
        self.replace(pathlib.Path("/etc/hosts"), lambda hosts: f"{hosts}\n"
                     f"127.0.0.1 {realm.HOST} alias.{realm.HOST}\n")
        self.refused(self.serve(), errno.EINVAL,
                     "^no Kerberos ticket for demo@alias.*not found",
                     {"name": 1, LEFT: 1}, target=f"demo@alias.{realm.HOST}")

    def test_name_is_not_looked_up(self):
        self.not_looked_up()

    def test_name_is_not_looked_up_after_all(self):
        """libkrb5 can do so for names that the KDC does not know."""
        self.replace(pathlib.Path("/etc/krb5.conf"), lambda conf: conf.replace(
            "[libdefaults]\n",
            "[libdefaults]\ndns_canonicalize_hostname = fallback\n"))
        self.not_looked_up()

    def test_no_principal_as_target(self):
        self.refused(self.serve(), errno.EINVAL,
                     "^localhost is not a principal such as service@host$",
                     {"name": 1, LEFT: 1}, target="localhost")

    def test_ticket_for_another_service(self):
        self.refused(self.serve(), errno.EKEYREJECTED, NOT_ACCEPTED,
                     {"peer-refused": 1, "name": 1},
                     (errno.EKEYREJECTED, "ticket is not accepted: "),
                     target=f"other@{realm.HOST}")

    def test_key_version(self):
        """A ticket for the keys that the service had before."""
        server = self.serve("krb5-roll")
        target = f"roll@{realm.HOST}"
        self.meet(server, target=target)
        ROLL.unlink()
        realm.roll("roll", ROLL)
        place.daemon("daemon_reload")
        self.refused(server, errno.EKEYREJECTED, NOT_ACCEPTED,
                     {"peer-refused": 1, "bad-cred": 1},
                     (errno.EKEYREJECTED, "not accepted: .*kvno .* not found"),
                     target=target)
        # A new ticket is for the new key.
        self.meet(server, 6, target=target)

    def test_not_on_the_list(self):
        server = self.serve("krb5-some")
        self.meet(server, 0)
        self.refused(server, errno.EKEYREJECTED, "^the peer denies us access ",
                     {"peer-refused": 1, "name": 1},
                     (errno.EACCES, f"^{principal(1)} is none of the "
                      "profile's principals$"), uid=FIRST_UID + 1)

    def test_server_with_certificate_only(self):
        self.refused(self.serve("default"), errno.EKEYREJECTED,
                     "^the peer shows a certificate, but does not take our "
                     "Kerberos ticket$", {"no-cred": 1, "peer-refused": 1},
                     (errno.EKEYREJECTED, "does not trust"))

    def other_server(self, fault, text, counts):
        with kerberos.OtherServer(fault) as other:
            self.refused(self.serve(), errno.EKEYREJECTED, text, counts,
                         address=other.address)

    def test_ap_rep_missing(self):
        self.other_server("no-reply", "^the service has not sent the "
                          "KRB_AP_REP that we asked for$", {"no-cred": 1})

    def test_ap_rep_wrong(self):
        self.other_server("wrong-reply",
                          "^the service's KRB_AP_REP is wrong: ",
                          {"bad-cred": 1})

    def test_reflected_hello(self):
        """Who sends a ClientHello back has said nothing."""
        def echo(sock):
            while data := sock.recv(65536):
                sock.sendall(data)

        port = servers.Threaded(self, echo, "127.0.0.1").port
        self.refused(self.serve(), errno.EPROTO, "^the handshake failed: "
                     "unexpected message$", {"malformed": 1},
                     address=("127.0.0.1", port))


class Theirs(kerberos.Case):
    """A client of others is refused; it may be a hostile one."""

    def peer(self, fault, reason, error, text, target=TARGET):
        """krb5-peer with the FAULT, which the server sees nothing of."""
        server = self.serve()
        done = []
        with tool.Monitor() as monitor, tool.counts(reason):
            thread = threading.Thread(target=lambda: done.append(
                kerberos.peer("connect", *server.address, target, fault)))
            thread.start()
            event = monitor.event("failed", role="acceptor")
            self.assertEqual(event["error"], errno.errorcode[error], event)
            self.assertRegex(event["text"], text)
            thread.join()
        self.assertEqual(done[0].returncode, 1, done[0].stderr)
        self.assertTrue(server.sees_nothing())

    def test_no_subkey(self):
        self.peer("no-subkey", "bad-cred", errno.EPROTO,
                  f"^the KRB_AP_REQ of {principal(0)} has no subkey$")

    def test_clock_skew(self):
        self.peer("skew", "cred-expired", errno.EKEYEXPIRED,
                  "not accepted: Clock skew too great")

    def test_tampered_authenticator(self):
        self.peer("tampered", "bad-cred", errno.EKEYREJECTED,
                  "not accepted: Decrypt integrity check failed")

    def test_stolen_request(self):
        """A KRB_AP_REQ that was seen, in a ClientHello of one's own."""
        self.peer("stolen", "bad-cred", errno.EKEYREJECTED,
                  "^the peer's proof of the pre-shared key is wrong$")

    def test_certificate_client_only(self):
        server = self.serve()
        with tool.counts("no-cred"), \
                program.s_client(server.address) as client:
            code, output = client.finish()
        self.assertNotEqual(code, 0, output)
        self.assertTrue(server.sees_nothing())


class Keytab(kerberos.Case):
    """The keytab changes at run time, and goes."""

    def test_changes(self):
        """New keys, which the reload picks up; the old ticket goes on."""
        server = self.serve()
        realm.add_service("rolled")
        target = f"rolled@{realm.HOST}"
        refused = ({"peer-refused": 1, "name": 1},
                   (errno.EKEYREJECTED, "not accepted: "))
        self.refused(server, errno.EKEYREJECTED, NOT_ACCEPTED, *refused,
                     target=target)
        place.daemon("daemon_reload")
        self.meet(server, target=target)

    def test_unreadable_at_reload(self):
        """Then everything stays as it was, and the log says why."""
        server = self.serve("krb5-roll")
        hidden = ROLL.with_suffix(".hidden")
        for content in None, b"nonsense":
            ROLL.rename(hidden)
            try:
                if content:
                    ROLL.write_bytes(content)
                before = place.log_count("the old configuration stays")
                place.daemon('kill -HUP "$(<"$daemon_pid")"')
                tool.wait_until(lambda n=before: place.log_count(
                    "the old configuration stays") > n, "a refused reload")
            finally:
                hidden.rename(ROLL)
            self.meet(server, 7, target=f"roll@{realm.HOST}")

    def test_unreadable_at_start(self):
        """The profile is off, and the others work."""
        hidden = ROLL.with_suffix(".hidden")
        ROLL.rename(hidden)
        try:
            place.daemon("daemon_stop; daemon_start")
        finally:
            hidden.rename(ROLL)
        self.refused(self.serve("krb5-roll"), errno.EKEYREJECTED,
                     "the peer found no parameters",
                     {"peer-refused": 1, "no-own-cred": 1},
                     (errno.ENOKEY, "keytab: .*roll.keytab: No such file"),
                     target=f"roll@{realm.HOST}")
        self.meet(self.serve())
        place.daemon("daemon_reload")
        self.meet(self.serve("krb5-roll"), 7, target=f"roll@{realm.HOST}")


if __name__ == "__main__":
    ktap.main()
