/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * sockauth - authentication and encryption as a property of a TCP socket
 *
 * Two interfaces live here: the socket options, for applications, and the
 * generic netlink family "sockauth", for the security daemon and the
 * administrator's tools.
 *
 * SOCKET OPTIONS
 * --------------
 *
 * Level IPPROTO_IP on any TCP socket, IPPROTO_IPV6 too on IPv6 ones.  No
 * privilege is needed.  Structures grow at their end: a shorter structure
 * than this header's is EINVAL if it is shorter than its first published
 * size, a longer one is taken if everything beyond what the kernel knows is
 * zero, else E2BIG.  On get, at most the given length is written and the
 * length becomes what was written.
 *
 * SOCKAUTH_REQUEST (set, get; struct sockauth_request)
 *	Marks the socket: from here on it carries authenticated records or
 *	nothing.  Before listen() or connect(), or on a listening socket that
 *	nobody waits on yet.  Setting it again replaces the request for
 *	connections that have not begun.
 *	On a connected socket, for protocols that begin in the clear: one of
 *	SOCKAUTH_REQ_CLIENT and SOCKAUTH_REQ_SERVER says which side begins to
 *	authenticate here.  The call returns when that is over, with the errors
 *	of connect(); on a non-blocking socket it is EINPROGRESS, and EPOLLOUT
 *	and SO_ERROR tell, as for connect().  A signal ends the call with EINTR
 *	(SA_RESTART or not), and authentication goes on likewise.  No other
 *	thread may be inside a call on the socket.  Errors:
 *	EINVAL		wrong length, unterminated name, contradicting flags
 *	E2BIG		non-zero bytes in a tail that this kernel does not know
 *	EFAULT		unreadable pointer
 *	EOPNOTSUPP	unknown flag; not a plain TCP socket (UDP, one that
 *			already has an upper layer protocol, or SO_RCVLOWAT
 *			above 1); MPTCP does not
 *			ask us and says ENOPROTOOPT
 *	ENOENT		no such profile (known once a daemon has bound)
 *	EISCONN		the socket is connected or connecting, and no side was
 *			named, or it is marked already
 *	ENOTCONN	a side was named, and the socket is not connected
 *	EBUSY		a listening socket with a thread in accept(), or with
 *			connections queued that nobody authenticated; or a
 *			connected one with unread bytes, which cannot be told
 *			from the handshake (for SOCKAUTH_REQ_SERVER they are
 *			the handshake)
 *
 * SOCKAUTH_STATUS (get; struct sockauth_status)
 *	What is known about this socket now.  ENOENT: not marked.
 *
 * SOCKAUTH_PEER_NAME (get; struct sockauth_peer_name)
 *	Who the peer proved to be.  ENOTCONN: not authenticated (yet).
 *	ENODATA: the peer is anonymous, which the profile allowed.
 *
 * SOCKAUTH_PEER_CRED (get; bytes)
 *	What the name was proven with.  TLS: the DER certificates, leaf first,
 *	each after its length in 3 bytes, most significant first (the
 *	certificate_list of RFC 8446 4.4.2 without extensions).  Kept only if
 *	SOCKAUTH_REQ_KEEP_CRED was asked for.  ENODATA: nothing kept.
 *	EMSGSIZE: the buffer is too short; the length becomes what is needed.
 *
 * SOCKAUTH_ALPN (set, get; bytes)
 *	Set, after SOCKAUTH_REQUEST: the protocols offered or accepted, as the
 *	ProtocolNameList of RFC 7301 3.1 without its outer length: each name
 *	after its length in one byte, best first, at most SOCKAUTH_ALPN_MAX
 *	bytes.  Get, on an authenticated connection: the name agreed (no
 *	length byte; empty if none); before the socket is connected or
 *	connecting, what was set; else ENOTCONN.
 *
 * SOCKAUTH_BINDING (get; SOCKAUTH_BINDING_LEN bytes)
 *	The channel binding tls-exporter of RFC 9266.
 *
 * SOCKAUTH_ERROR (get; text with its terminating zero)
 *	One line: why authentication failed.  ENODATA: nothing failed.
 */
#ifndef _UAPI_LINUX_SOCKAUTH_H
#define _UAPI_LINUX_SOCKAUTH_H

#include <linux/types.h>

/* One private range; no in-tree user of nf_sockopt has it. */
#define SOCKAUTH_REQUEST	21312
#define SOCKAUTH_STATUS		21313
#define SOCKAUTH_PEER_NAME	21314
#define SOCKAUTH_PEER_CRED	21315
#define SOCKAUTH_ALPN		21316
#define SOCKAUTH_BINDING	21317
#define SOCKAUTH_ERROR		21318

/* Limits, in bytes; those of names count the terminating zero. */
#define SOCKAUTH_PROFILE_MAX	64
#define SOCKAUTH_TARGET_MAX	256
#define SOCKAUTH_ALPN_MAX	255
#define SOCKAUTH_PEER_NAME_MAX	1024
#define SOCKAUTH_PEER_CRED_MAX	32768
#define SOCKAUTH_TEXT_MAX	256
#define SOCKAUTH_BINDING_LEN	32
#define SOCKAUTH_BLOB_MAX	2048

/* The longest record: RFC 8446 5.2, 2^14 + 256 bytes after the header. */
#define SOCKAUTH_RECORD_HDR	5
#define SOCKAUTH_RECORD_MAX	(SOCKAUTH_RECORD_HDR + 16384 + 256)

/* Largest time-out an application may ask for, in milliseconds. */
#define SOCKAUTH_TIMEOUT_MAX	600000

/**
 * enum sockauth_req_flags - struct sockauth_request.flags
 * @SOCKAUTH_REQ_MUTUAL: the peer must authenticate itself, also where the
 *	profile would accept an anonymous one
 * @SOCKAUTH_REQ_KEEP_CRED: keep what SOCKAUTH_PEER_CRED returns
 * @SOCKAUTH_REQ_TRUNCATION_OK: a FIN without close_notify reads as end of
 *	file, not as ECONNRESET; for protocols that mark their own end
 * @SOCKAUTH_REQ_CLIENT: on a connected socket: we begin
 * @SOCKAUTH_REQ_SERVER: on a connected socket: the peer begins
 */
enum sockauth_req_flags {
	SOCKAUTH_REQ_MUTUAL		= 1 << 0,
	SOCKAUTH_REQ_KEEP_CRED		= 1 << 1,
	SOCKAUTH_REQ_TRUNCATION_OK	= 1 << 2,
	SOCKAUTH_REQ_CLIENT		= 1 << 3,
	SOCKAUTH_REQ_SERVER		= 1 << 4,
};

/**
 * struct sockauth_request - SOCKAUTH_REQUEST
 * @flags: enum sockauth_req_flags
 * @timeout_ms: for the whole authentication; 0: the namespace's default
 * @profile: the administrator's profile to use; empty: "default"
 * @target: client: the host name, IP address or service principal that the
 *	peer must prove to be, or the identity of the pre-shared key that it must
 *	have; ignored on a listening socket
 *
 * Both names end in a zero byte.
 */
struct sockauth_request {
	__u32	flags;
	__u32	timeout_ms;
	char	profile[SOCKAUTH_PROFILE_MAX];
	char	target[SOCKAUTH_TARGET_MAX];
};

#define SOCKAUTH_REQUEST_SIZE_VER0	328

/**
 * enum sockauth_state - where a socket or connection stands
 * @SOCKAUTH_STATE_MARKED: the option is set; neither listening nor connecting
 * @SOCKAUTH_STATE_LISTENING: accept() gives authenticated connections only
 * @SOCKAUTH_STATE_CONNECTING: TCP's own handshake, of a client
 * @SOCKAUTH_STATE_WAIT_PEER: a complete record from the peer is awaited
 * @SOCKAUTH_STATE_WAIT_WORKER: a token is there, no worker is free for it
 * @SOCKAUTH_STATE_ASKED: a worker has the token
 * @SOCKAUTH_STATE_SENDING: the worker's token is not entirely sent yet
 * @SOCKAUTH_STATE_READY: authenticated; waits for accept()
 * @SOCKAUTH_STATE_OPEN: authenticated; the application has it
 * @SOCKAUTH_STATE_ENDED: over
 */
enum sockauth_state {
	SOCKAUTH_STATE_MARKED,
	SOCKAUTH_STATE_LISTENING,
	SOCKAUTH_STATE_CONNECTING,
	SOCKAUTH_STATE_WAIT_PEER,
	SOCKAUTH_STATE_WAIT_WORKER,
	SOCKAUTH_STATE_ASKED,
	SOCKAUTH_STATE_SENDING,
	SOCKAUTH_STATE_READY,
	SOCKAUTH_STATE_OPEN,
	SOCKAUTH_STATE_ENDED,
};

/**
 * enum sockauth_sec_flags - struct sockauth_status.flags
 * @SOCKAUTH_SEC_SECURED: authentication is complete
 * @SOCKAUTH_SEC_ENCRYPTED: the kernel encrypts and checks every byte
 * @SOCKAUTH_SEC_MUTUAL: both sides proved who they are
 * @SOCKAUTH_SEC_RESUMED: with keys that an earlier connection left
 * @SOCKAUTH_SEC_EXPIRES: the kernel ends the connection at its expiry, with
 *	EKEYEXPIRED; without this flag the expiry is only told
 */
enum sockauth_sec_flags {
	SOCKAUTH_SEC_SECURED	= 1 << 0,
	SOCKAUTH_SEC_ENCRYPTED	= 1 << 1,
	SOCKAUTH_SEC_MUTUAL	= 1 << 2,
	SOCKAUTH_SEC_RESUMED	= 1 << 3,
	SOCKAUTH_SEC_EXPIRES	= 1 << 4,
};

/**
 * enum sockauth_mech - how the peers authenticate
 * @SOCKAUTH_MECH_NONE: not known yet
 * @SOCKAUTH_MECH_TLS: X.509 certificates (RFC 8446)
 * @SOCKAUTH_MECH_PSK: a pre-shared key from the profile
 * @SOCKAUTH_MECH_KRB5: Kerberos ticket
 * @SOCKAUTH_MECH_GSS: GSS-API tokens
 */
enum sockauth_mech {
	SOCKAUTH_MECH_NONE,
	SOCKAUTH_MECH_TLS,
	SOCKAUTH_MECH_PSK,
	SOCKAUTH_MECH_KRB5,
	SOCKAUTH_MECH_GSS,
};

/**
 * enum sockauth_role - which side of the exchange we are
 * @SOCKAUTH_ROLE_INITIATOR: the client
 * @SOCKAUTH_ROLE_ACCEPTOR: the server
 */
enum sockauth_role {
	SOCKAUTH_ROLE_INITIATOR,
	SOCKAUTH_ROLE_ACCEPTOR,
};

/**
 * enum sockauth_name_type - what a peer name is
 * @SOCKAUTH_NAME_NONE: there is none
 * @SOCKAUTH_NAME_DNS: dNSName of the certificate
 * @SOCKAUTH_NAME_EMAIL: rfc822Name of the certificate
 * @SOCKAUTH_NAME_URI: uniformResourceIdentifier of the certificate
 * @SOCKAUTH_NAME_IP: iPAddress of the certificate, as text
 * @SOCKAUTH_NAME_SUBJECT: the certificate's subject, RFC 2253 form
 * @SOCKAUTH_NAME_PRINCIPAL: Kerberos principal with its realm
 * @SOCKAUTH_NAME_PSK: identity of a pre-shared key
 */
enum sockauth_name_type {
	SOCKAUTH_NAME_NONE,
	SOCKAUTH_NAME_DNS,
	SOCKAUTH_NAME_EMAIL,
	SOCKAUTH_NAME_URI,
	SOCKAUTH_NAME_IP,
	SOCKAUTH_NAME_SUBJECT,
	SOCKAUTH_NAME_PRINCIPAL,
	SOCKAUTH_NAME_PSK,
};

/**
 * struct sockauth_status - SOCKAUTH_STATUS
 * @state: enum sockauth_state
 * @flags: enum sockauth_sec_flags
 * @mechanism: enum sockauth_mech
 * @version: protocol version on the wire, 0x0304 for TLS 1.3; 0: none yet
 * @cipher: TLS cipher suite number (RFC 8446 B.4); 0: none yet
 * @error: errno (positive) of the failure; 0: none
 * @id: of the connection, as the administrator's tools show it; 0: none yet
 * @start: when authentication completed, seconds since 1970; 0: not yet
 * @expiry: when it ends, seconds since 1970; 0: does not
 * @uid: local user that the peer maps to; (__u32)-1: none
 * @name_type: enum sockauth_name_type of SOCKAUTH_PEER_NAME
 */
struct sockauth_status {
	__u32	state;
	__u32	flags;
	__u32	mechanism;
	__u32	version;
	__u32	cipher;
	__u32	error;
	__u64	id;
	__s64	start;
	__s64	expiry;
	__u32	uid;
	__u32	name_type;
};

#define SOCKAUTH_STATUS_SIZE_VER0	56

/**
 * struct sockauth_peer_name - SOCKAUTH_PEER_NAME
 * @type: enum sockauth_name_type
 * @name: the name with its terminating zero; the option's length says how
 *	many bytes of it are there.  EMSGSIZE: the buffer is too short; the
 *	length becomes what is needed (at most sizeof(struct
 *	sockauth_peer_name))
 */
struct sockauth_peer_name {
	__u32	type;
	char	name[SOCKAUTH_PEER_NAME_MAX];
};

/**
 * enum sockauth_reason - why a connection ended, one counter for each
 * @SOCKAUTH_REASON_NONE: it did not fail
 * @SOCKAUTH_REASON_TIMEOUT: authentication took too long
 * @SOCKAUTH_REASON_EVICTED: the oldest pending one, a limit was reached
 * @SOCKAUTH_REASON_CANCELLED: the application closed its socket
 * @SOCKAUTH_REASON_KILLED: an administrator ended it
 * @SOCKAUTH_REASON_PEER_CLOSED: FIN from the peer before the end
 * @SOCKAUTH_REASON_PEER_RESET: RST from the peer, or the network failed
 * @SOCKAUTH_REASON_WORKER_DIED: the worker that held the context is gone, or
 *	three have gone that were asked
 * @SOCKAUTH_REASON_NO_WORKER: nobody to ask, until the time-out
 * @SOCKAUTH_REASON_BAD_REPLY: a worker's answer made no sense, or kTLS refused
 *	the keys
 * @SOCKAUTH_REASON_LIMIT: too many or too long for a limit of the module or the
 *	worker
 * @SOCKAUTH_REASON_INTERNAL: no memory, or a failure inside of the kernel or the
 *	worker
 * @SOCKAUTH_REASON_PROFILE: no such profile, or not for this user, or not fit
 *	for it
 * @SOCKAUTH_REASON_MALFORMED: what came is not the protocol
 * @SOCKAUTH_REASON_VERSION: no common protocol version
 * @SOCKAUTH_REASON_CIPHER: no common cipher, group or signature
 * @SOCKAUTH_REASON_ALPN: no common application protocol
 * @SOCKAUTH_REASON_RECORD: a record too long, or one that does not decrypt
 * @SOCKAUTH_REASON_NO_CRED: the peer showed no credentials, but must
 * @SOCKAUTH_REASON_BAD_CRED: the peer's credentials are not trusted
 * @SOCKAUTH_REASON_CRED_EXPIRED: they are expired, or not valid yet
 * @SOCKAUTH_REASON_CRED_REVOKED: they are revoked
 * @SOCKAUTH_REASON_NAME: the peer is not who was asked for
 * @SOCKAUTH_REASON_PEER_REFUSED: an alert: the peer refused us
 * @SOCKAUTH_REASON_NO_OWN_CRED: we have no credentials to show
 * @SOCKAUTH_REASON_OTHER: anything else the mechanism had to say
 * @SOCKAUTH_REASON_EXPIRED: established, and its lifetime is over
 * @SOCKAUTH_REASON_TRUNCATED: established, and ended without close_notify
 */
enum sockauth_reason {
	SOCKAUTH_REASON_NONE,
	SOCKAUTH_REASON_TIMEOUT,
	SOCKAUTH_REASON_EVICTED,
	SOCKAUTH_REASON_CANCELLED,
	SOCKAUTH_REASON_KILLED,
	SOCKAUTH_REASON_PEER_CLOSED,
	SOCKAUTH_REASON_PEER_RESET,
	SOCKAUTH_REASON_WORKER_DIED,
	SOCKAUTH_REASON_NO_WORKER,
	SOCKAUTH_REASON_BAD_REPLY,
	SOCKAUTH_REASON_LIMIT,
	SOCKAUTH_REASON_INTERNAL,
	SOCKAUTH_REASON_PROFILE,
	SOCKAUTH_REASON_MALFORMED,
	SOCKAUTH_REASON_VERSION,
	SOCKAUTH_REASON_CIPHER,
	SOCKAUTH_REASON_ALPN,
	SOCKAUTH_REASON_RECORD,
	SOCKAUTH_REASON_NO_CRED,
	SOCKAUTH_REASON_BAD_CRED,
	SOCKAUTH_REASON_CRED_EXPIRED,
	SOCKAUTH_REASON_CRED_REVOKED,
	SOCKAUTH_REASON_NAME,
	SOCKAUTH_REASON_PEER_REFUSED,
	SOCKAUTH_REASON_NO_OWN_CRED,
	SOCKAUTH_REASON_OTHER,
	SOCKAUTH_REASON_EXPIRED,
	SOCKAUTH_REASON_TRUNCATED,

	/* private: */
	__SOCKAUTH_REASON_MAX,
};

/*
 * GENERIC NETLINK FAMILY
 * ----------------------
 *
 * Network-namespace aware: a message concerns the namespace of the socket
 * that sends it.  Documentation/netlink/specs/sockauth.yaml describes every
 * command; a test holds it and this header together.
 *
 * A worker is one netlink socket.  It binds with SOCKAUTH_CMD_WORKER_BIND,
 * which takes CAP_NET_ADMIN; from then on its port is its authority.  It gets
 * events (the kernel sends them as messages of the same commands) and answers
 * each of them with exactly one message of the same command: no more than the
 * window it bound with are ever unanswered, so its receive buffer cannot
 * overflow.
 *
 *	event			reply
 *	STEP  id leg token...	STEP id leg status ...
 *	CLOSE id, id, ...	CLOSE
 *	RECORD id blob record	RECORD
 *
 * A STEP counts only from the port that got the event, with the id
 * and the leg of that event; anything else is ENOENT (no such connection any
 * more, or not this port's) or ESTALE (another leg), and changes nothing but
 * the credit.  A worker that gets either forgets the context of that id.
 *
 * A token of a STEP event is one or more whole records, at most
 * SOCKAUTH_TOKEN_MAX bytes; SOCKAUTH_A_MALFORMED marks bytes that cannot be
 * the beginning of a record, so that the mechanism can say so to the peer.
 * The first STEP of an initiator has no token.
 */
#define SOCKAUTH_GENL_NAME	"sockauth"
#define SOCKAUTH_GENL_VERSION	1
#define SOCKAUTH_MCGRP_EVENTS	"events"

/* Longest token in a STEP event; longest one in a reply. */
#define SOCKAUTH_TOKEN_MAX	SOCKAUTH_RECORD_MAX
#define SOCKAUTH_OUTPUT_MAX	65000

/**
 * enum sockauth_cmd - commands of the family
 * @SOCKAUTH_CMD_WORKER_BIND: become a worker (or change what was bound):
 *	WINDOW, PROFILES; the reply has the WINDOW granted and CIPHERS.
 *	Becoming one takes CAP_NET_ADMIN
 * @SOCKAUTH_CMD_STEP: event and reply: one leg of an authentication
 * @SOCKAUTH_CMD_CLOSE: event: these contexts are gone (one ID each); reply:
 *	empty, gives the credit back.  A worker that has made its receive buffer
 *	smaller since it was bound does not hear of more than about 1000 of them
 * @SOCKAUTH_CMD_RECORD: event: the messages of a handshake record that came
 *	after the handshake (session tickets, RFC 8446 4.6.1), with the BLOB
 *	that DONE left; reply: empty, gives the credit back
 * @SOCKAUTH_CMD_CONN_GET: dump of connections.  CAP_NET_ADMIN
 * @SOCKAUTH_CMD_LISTENER_GET: dump of listening sockets.  CAP_NET_ADMIN
 * @SOCKAUTH_CMD_WORKER_GET: dump of workers.  CAP_NET_ADMIN
 * @SOCKAUTH_CMD_STATS_GET: counters of the namespace
 * @SOCKAUTH_CMD_LIMITS_GET: limits of the namespace
 * @SOCKAUTH_CMD_LIMITS_SET: change limits.  CAP_NET_ADMIN
 * @SOCKAUTH_CMD_CONN_KILL: end connections: ID, PEER_NAME or PROFILE; the
 *	reply says how many (COUNT).  CAP_NET_ADMIN
 * @SOCKAUTH_CMD_CONN_EVENT: notification to the group "events": a connection
 *	opened, failed or ended.  CAP_NET_ADMIN to join
 */
enum sockauth_cmd {
	SOCKAUTH_CMD_UNSPEC,
	SOCKAUTH_CMD_WORKER_BIND,
	SOCKAUTH_CMD_STEP,
	SOCKAUTH_CMD_CLOSE,
	SOCKAUTH_CMD_RECORD,
	SOCKAUTH_CMD_CONN_GET,
	SOCKAUTH_CMD_LISTENER_GET,
	SOCKAUTH_CMD_WORKER_GET,
	SOCKAUTH_CMD_STATS_GET,
	SOCKAUTH_CMD_LIMITS_GET,
	SOCKAUTH_CMD_LIMITS_SET,
	SOCKAUTH_CMD_CONN_KILL,
	SOCKAUTH_CMD_CONN_EVENT,

	/* private: */
	__SOCKAUTH_CMD_MAX,
};

#define SOCKAUTH_CMD_MAX	(__SOCKAUTH_CMD_MAX - 1)

/**
 * enum sockauth_step_status - SOCKAUTH_A_STATUS of a STEP reply
 * @SOCKAUTH_STEP_CONTINUE: the peer must send more
 * @SOCKAUTH_STEP_DONE: complete; TX, RX, CIPHER, VERSION and the peer are
 *	here, and the worker has forgotten the context.  Input not CONSUMED
 *	stays in the socket's receive queue, for the new keys
 * @SOCKAUTH_STEP_FAIL: failed; REASON, ERROR and TEXT say why, TOKEN may
 *	hold an alert for the peer; the worker has forgotten the context
 */
enum sockauth_step_status {
	SOCKAUTH_STEP_CONTINUE,
	SOCKAUTH_STEP_DONE,
	SOCKAUTH_STEP_FAIL,
};

/**
 * enum sockauth_attr - attributes, one space for all commands
 * @SOCKAUTH_A_PAD: alignment of 64-bit values
 * @SOCKAUTH_A_ID: u64, connection; never used again while the module is loaded
 * @SOCKAUTH_A_LEG: u32, number of the event of this connection, from 1
 * @SOCKAUTH_A_STATUS: u32, enum sockauth_step_status
 * @SOCKAUTH_A_ROLE: u32, enum sockauth_role
 * @SOCKAUTH_A_TOKEN: binary, opaque bytes from or for the peer
 * @SOCKAUTH_A_CONSUMED: u32, how much of the event's token was used
 * @SOCKAUTH_A_MALFORMED: flag, the token is no record
 * @SOCKAUTH_A_ERROR: u32, errno (positive) for the application, at most
 *	EHWPOISON: what is above is the kernel's own
 * @SOCKAUTH_A_TEXT: string, one line, for SOCKAUTH_ERROR
 * @SOCKAUTH_A_REASON: u32, enum sockauth_reason
 * @SOCKAUTH_A_LOCAL: binary, struct sockaddr_in or sockaddr_in6
 * @SOCKAUTH_A_REMOTE: binary, likewise
 * @SOCKAUTH_A_IFINDEX: u32, interface that the socket is bound to, 0: none
 * @SOCKAUTH_A_NETNS: u64, cookie of the network namespace; in a dump: there
 *	only for a guest, a connection of another namespace
 * @SOCKAUTH_A_UID: u32, effective user id that set SOCKAUTH_REQUEST, as the
 *	receiver's user namespace sees it; for a worker (__u32)-1 if it has
 *	no such user
 * @SOCKAUTH_A_GID: u32, effective group id, likewise
 * @SOCKAUTH_A_PROFILE: string; not there: "default"
 * @SOCKAUTH_A_TARGET: string
 * @SOCKAUTH_A_ALPN: binary; event: list as in SOCKAUTH_ALPN; reply and dump:
 *	the name agreed
 * @SOCKAUTH_A_REQ_FLAGS: u32, enum sockauth_req_flags
 * @SOCKAUTH_A_WINDOW: u32, events that may be unanswered, at most 4096; 0: none
 *	is sent until another WORKER_BIND names more.  A daemon learns CIPHERS so,
 *	and binds while it has the privilege to, and is asked once it has none
 * @SOCKAUTH_A_PROFILES: nest of SOCKAUTH_A_PROFILE, what the daemon serves
 * @SOCKAUTH_A_CIPHERS: binary, array of u16: suites that the kernel can do
 * @SOCKAUTH_A_CIPHER: u32, TLS cipher suite number
 * @SOCKAUTH_A_VERSION: u32, 0x0304
 * @SOCKAUTH_A_TX: nest of SOCKAUTH_A_KEY, _IV, _SEQ: to seal what we send
 * @SOCKAUTH_A_RX: nest, likewise: to open what we receive
 * @SOCKAUTH_A_KEY: binary, as long as the cipher's key
 * @SOCKAUTH_A_IV: binary, 12 bytes (RFC 8446 5.3)
 * @SOCKAUTH_A_SEQ: u64, number of the next record
 * @SOCKAUTH_A_PEER_NAME: string
 * @SOCKAUTH_A_NAME_TYPE: u32, enum sockauth_name_type
 * @SOCKAUTH_A_PEER_CRED: binary, see SOCKAUTH_PEER_CRED
 * @SOCKAUTH_A_EXPIRY: u64, seconds since 1970; 0 or not there: never
 * @SOCKAUTH_A_MAPPED_UID: u32
 * @SOCKAUTH_A_SEC_FLAGS: u32, enum sockauth_sec_flags
 * @SOCKAUTH_A_MECH: u32, enum sockauth_mech
 * @SOCKAUTH_A_BINDING: binary, SOCKAUTH_BINDING_LEN bytes
 * @SOCKAUTH_A_BLOB: binary, given back in RECORD; only the daemon reads it
 * @SOCKAUTH_A_STATE: u32, enum sockauth_state
 * @SOCKAUTH_A_AGE_MS: u64, since the connection or worker began
 * @SOCKAUTH_A_PORTID: u32, netlink port of a worker
 * @SOCKAUTH_A_OUTSTANDING: u32, events that a worker has not answered
 * @SOCKAUTH_A_CONTEXTS: u32, authentications in progress at a worker
 * @SOCKAUTH_A_ANSWERED: u64, events that a worker has answered
 * @SOCKAUTH_A_PENDING: u32, connections being authenticated
 * @SOCKAUTH_A_READY: u32, authenticated ones that wait for accept()
 * @SOCKAUTH_A_BACKLOG: u32, how many of those there may be
 * @SOCKAUTH_A_ACCEPTED: u64, given to the application
 * @SOCKAUTH_A_INODE: u64, of the listening socket, as in /proc/net/tcp
 * @SOCKAUTH_A_STARTED: u64, authentications begun
 * @SOCKAUTH_A_DONE: u64, completed
 * @SOCKAUTH_A_RESUMED: u64, completed by resumption
 * @SOCKAUTH_A_OPEN: u32, established connections now
 * @SOCKAUTH_A_FAILED: nest of u64, its attribute types are enum
 *	sockauth_reason: how many ended for that reason
 * @SOCKAUTH_A_LIMIT_PENDING: u32, pending connections per listener
 * @SOCKAUTH_A_LIMIT_PENDING_NET: u32, pending connections of all listeners
 * @SOCKAUTH_A_LIMIT_TIMEOUT_MS: u32, default time-out
 * @SOCKAUTH_A_LIMIT_BYTES: u32, bytes of input per authentication
 * @SOCKAUTH_A_LIMIT_LEGS: u32, events per authentication
 * @SOCKAUTH_A_COUNT: u32
 * @SOCKAUTH_A_LIMIT_GUESTS: u32, of the initial network namespace: pending
 *	connections of each other namespace that uses its workers; 0: none does
 */
enum sockauth_attr {
	SOCKAUTH_A_UNSPEC,
	SOCKAUTH_A_PAD,
	SOCKAUTH_A_ID,
	SOCKAUTH_A_LEG,
	SOCKAUTH_A_STATUS,
	SOCKAUTH_A_ROLE,
	SOCKAUTH_A_TOKEN,
	SOCKAUTH_A_CONSUMED,
	SOCKAUTH_A_MALFORMED,
	SOCKAUTH_A_ERROR,
	SOCKAUTH_A_TEXT,
	SOCKAUTH_A_REASON,
	SOCKAUTH_A_LOCAL,
	SOCKAUTH_A_REMOTE,
	SOCKAUTH_A_IFINDEX,
	SOCKAUTH_A_NETNS,
	SOCKAUTH_A_UID,
	SOCKAUTH_A_GID,
	SOCKAUTH_A_PROFILE,
	SOCKAUTH_A_TARGET,
	SOCKAUTH_A_ALPN,
	SOCKAUTH_A_REQ_FLAGS,
	SOCKAUTH_A_WINDOW,
	SOCKAUTH_A_PROFILES,
	SOCKAUTH_A_CIPHERS,
	SOCKAUTH_A_CIPHER,
	SOCKAUTH_A_VERSION,
	SOCKAUTH_A_TX,
	SOCKAUTH_A_RX,
	SOCKAUTH_A_KEY,
	SOCKAUTH_A_IV,
	SOCKAUTH_A_SEQ,
	SOCKAUTH_A_PEER_NAME,
	SOCKAUTH_A_NAME_TYPE,
	SOCKAUTH_A_PEER_CRED,
	SOCKAUTH_A_EXPIRY,
	SOCKAUTH_A_MAPPED_UID,
	SOCKAUTH_A_SEC_FLAGS,
	SOCKAUTH_A_MECH,
	SOCKAUTH_A_BINDING,
	SOCKAUTH_A_BLOB,
	SOCKAUTH_A_STATE,
	SOCKAUTH_A_AGE_MS,
	SOCKAUTH_A_PORTID,
	SOCKAUTH_A_OUTSTANDING,
	SOCKAUTH_A_CONTEXTS,
	SOCKAUTH_A_ANSWERED,
	SOCKAUTH_A_PENDING,
	SOCKAUTH_A_READY,
	SOCKAUTH_A_BACKLOG,
	SOCKAUTH_A_ACCEPTED,
	SOCKAUTH_A_INODE,
	SOCKAUTH_A_STARTED,
	SOCKAUTH_A_DONE,
	SOCKAUTH_A_RESUMED,
	SOCKAUTH_A_OPEN,
	SOCKAUTH_A_FAILED,
	SOCKAUTH_A_LIMIT_PENDING,
	SOCKAUTH_A_LIMIT_PENDING_NET,
	SOCKAUTH_A_LIMIT_TIMEOUT_MS,
	SOCKAUTH_A_LIMIT_BYTES,
	SOCKAUTH_A_LIMIT_LEGS,
	SOCKAUTH_A_COUNT,
	SOCKAUTH_A_LIMIT_GUESTS,

	/* private: */
	__SOCKAUTH_A_MAX,
};

#define SOCKAUTH_A_MAX	(__SOCKAUTH_A_MAX - 1)

#endif /* _UAPI_LINUX_SOCKAUTH_H */
