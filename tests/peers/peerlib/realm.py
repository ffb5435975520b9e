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


def add_users(users):
    """Principals whose keytabs their users can read: {name: uid}."""
    commands = []
    for name in users:
        commands += [f"addprinc -randkey {name}",
                     f"ktadd -k {user_keytab(name)} {name}"]
    kadmin(*commands)
    for name, uid in users.items():
        os.chown(user_keytab(name), uid, uid)


def add_user(name, uid):
    """One of them."""
    add_users({name: uid})


def add_service(name, keytab=KEYTAB, enctypes=""):
    """A service of HOST, with its keys added to KEYTAB."""
    types = f"-e {enctypes}" if enctypes else ""
    kadmin(f"addprinc -randkey {types} {name}/{HOST}",
           f"ktadd {types} -k {keytab} {name}/{HOST}")


def roll(name, keytab):
    """New keys for a service of HOST, which go to KEYTAB."""
    kadmin(f"ktadd -k {keytab} {name}/{HOST}")


def expired(uid):
    """Are a user's credentials over?"""
    return subprocess.run(["klist", "-s", "-c", ccache(uid)], user=uid,
                          timeout=60, check=False).returncode


def ccache(uid):
    """Where a user's credentials are."""
    return pathlib.Path(f"/tmp/krb5cc_{uid}")


def kinit(name, uid, *options, cache=None):
    """Credentials for the user of number UID, in CACHE or his FILE."""
    _run("kinit", *options, "-k", "-t", user_keytab(name), "-c",
         cache or f"FILE:{ccache(uid)}", name, user=uid, group=uid,
         extra_groups=[])


def _create():
    """The database, and what the programs read, once."""
    os.environ["KRB5_KDC_PROFILE"] = str(_HOME / "kdc.conf")
    if (_HOME / "stash").exists():
        return
    _HOME.mkdir(mode=0o711)
    pathlib.Path("/etc/krb5.conf").write_text(_CONF)
    (_HOME / "kdc.conf").write_text(_KDC)
    _run("kdb5_util", "-r", REALM, "create", "-s", "-P", "secret")


class Kdc:
    """The KDC."""

    def __init__(self):
        self.process = None

    def start(self):
        """Start it; done when it listens."""
        _create()
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
