# SPDX-License-Identifier: GPL-2.0-or-later
"""Certificates that are made while a test runs, by the CA of tests/pki."""

import datetime
import pathlib
import subprocess

from .place import DIR

_CONF = """\
[ca]
default_ca = this
[this]
database = {0}.db
new_certs_dir = {1}
default_md = sha256
policy = any
rand_serial = yes
[any]
commonName = supplied
[leaf]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth, clientAuth
subjectAltName = DNS:localhost
"""


def _openssl(*args):
    subprocess.run(["openssl", *map(str, args)], check=True, timeout=60,
                   capture_output=True)


def _time(delta):
    now = datetime.datetime.utcnow() + datetime.timedelta(seconds=delta)
    return now.strftime("%Y%m%d%H%M%SZ")


def make(name, seconds):
    """DIR/NAME.pem and .key, for localhost, good for SECONDS from now."""
    base = pathlib.Path(DIR) / name
    conf = base.with_suffix(".cnf")
    conf.write_text(_CONF.format(base, DIR))
    pathlib.Path(f"{base}.db").write_text("")
    _openssl("req", "-new", "-newkey", "ec", "-pkeyopt",
             "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=localhost",
             "-keyout", f"{base}.key", "-out", f"{base}.csr")
    _openssl("ca", "-batch", "-config", conf, "-extensions", "leaf",
             "-notext", "-cert", DIR / "ca.pem", "-keyfile", DIR / "ca.key",
             "-startdate", _time(-60), "-enddate", _time(seconds), "-in",
             f"{base}.csr", "-out", f"{base}.pem")
