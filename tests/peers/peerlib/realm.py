# SPDX-License-Identifier: GPL-2.0-or-later
"""A Kerberos realm of this guest's own: MIT's KDC on the loopback device.

What is written to /etc is the guest's, and gone with it.
"""

import os
import pathlib
import signal
import socket
import subprocess

from .place import DIR
from .tool import wait_until

REALM = "SOCKAUTH.TEST"
HOST = "server.sockauth.test"
KEYTAB = DIR / "krb5.keytab"

#: For each program, in seconds; None where the clock counts instructions.
TIMEOUT = 60

_HOME = pathlib.Path("/run/sockauth-realm")

_CONF = f"""\
[libdefaults]
default_realm = {REALM}
dns_lookup_kdc = false
dns_lookup_realm = false
dns_canonicalize_hostname = false
rdns = false
udp_preference_limit = 1
default_ccache_name = FILE:/tmp/krb5cc_%{{uid}}

[realms]
{REALM} = {{
    kdc = 127.0.0.1:88
    auth_to_local = RULE:[1:$1]
}}

[domain_realm]
.sockauth.test = {REALM}
"""

_KDC = f"""\
[kdcdefaults]
kdc_listen = 127.0.0.1:88
kdc_tcp_listen = 127.0.0.1:88

[realms]
{REALM} = {{
    database_name = {_HOME}/principal
    key_stash_file = {_HOME}/stash
    max_life = 1d
    supported_enctypes = aes256-cts-hmac-sha1-96:normal aes128-cts-hmac-sha1-96:normal aes256-cts-hmac-sha384-192:normal aes128-cts-hmac-sha256-128:normal
}}
"""


def _run(*args, **options):
    done = subprocess.run([str(a) for a in args], capture_output=True,
                          text=True, timeout=TIMEOUT, check=False, **options)
    if done.returncode:
        raise AssertionError(f"{args}: {done.stdout}{done.stderr}")
    return done.stdout


def kadmin(*commands):
    """kadmin.local, one command after the other."""
    _run("kadmin.local", "-r", REALM,
         input="".join(f"{c}\n" for c in commands))


def user_keytab(name):
    """The keytab of a user made by add_user()."""
    return _HOME / f"{name}.keytab"


def add_user(name, uid):
    """A principal whose keytab the user of number UID can read."""
    keytab = user_keytab(name)
    kadmin(f"addprinc -randkey {name}", f"ktadd -k {keytab} {name}")
    os.chown(keytab, uid, uid)


def add_service(name, keytab=KEYTAB, enctypes=""):
    """A service of HOST, with its keys added to KEYTAB."""
    types = f"-e {enctypes}" if enctypes else ""
    kadmin(f"addprinc -randkey {types} {name}/{HOST}",
           f"ktadd {types} -k {keytab} {name}/{HOST}")


def ccache(uid):
    """Where a user's credentials are."""
    return pathlib.Path(f"/tmp/krb5cc_{uid}")


def kinit(name, uid, *options):
    """Credentials for the user of number UID."""
    _run("kinit", *options, "-k", "-t", user_keytab(name), "-c",
         f"FILE:{ccache(uid)}", name, user=uid, group=uid, extra_groups=[])


class Kdc:
    """The KDC, running."""

    def __init__(self):
        _HOME.mkdir(mode=0o711, exist_ok=True)
        os.environ["KRB5_KDC_PROFILE"] = str(_HOME / "kdc.conf")
        pathlib.Path("/etc/krb5.conf").write_text(_CONF)
        (_HOME / "kdc.conf").write_text(_KDC)
        _run("kdb5_util", "-r", REALM, "create", "-s", "-P", "secret")
        self.process = None
        self.start()

    def start(self):
        """Start it; done when it listens."""
        self.process = subprocess.Popen(
            ["krb5kdc", "-n", "-r", REALM], stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        wait_until(self._listens, "the KDC listens")

    @staticmethod
    def _listens():
        with socket.socket() as sock:
            return not sock.connect_ex(("127.0.0.1", 88))

    def stop(self):
        """End it."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(20)

    def freeze(self, frozen):
        """While it is frozen it takes requests and answers none."""
        self.process.send_signal(signal.SIGSTOP if frozen
                                 else signal.SIGCONT)
