# SPDX-License-Identifier: GPL-2.0-or-later
DAEMON_SRCS := daemon/main.c daemon/options.c daemon/log.c daemon/notify.c \
	       daemon/files.c daemon/loader.c daemon/privs.c daemon/sandbox.c \
	       daemon/config.c daemon/confkey.c daemon/profile.c daemon/worker.c \
	       daemon/step.c daemon/context.c daemon/verdict.c daemon/alpn.c \
	       daemon/tls.c daemon/tlserr.c daemon/hkdf.c daemon/tlskdf.c \
	       daemon/tlsprov.c daemon/x25519.c daemon/drbg.c \
	       daemon/ticket.c daemon/session.c daemon/newticket.c \
	       daemon/cert.c daemon/tlscred.c daemon/mech_tls.c \
	       daemon/psk.c daemon/mech_psk.c daemon/krbcred.c \
	       daemon/krbkeytab.c daemon/krbder.c daemon/krbexch.c \
	       daemon/krbhelp.c daemon/broker.c daemon/confpsk.c
