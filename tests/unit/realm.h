/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Kerberos without a KDC: the test makes tickets with the service's key, and
 * is the broker.  Both sides of a handshake are ours.
 */
#ifndef UNIT_REALM_H
#define UNIT_REALM_H

#include "fixture.h"
#include "krb.h"

#define SERVICE		"demo/host.test@REALM.TEST"
#define USER		"user@REALM.TEST"
#define KEYTAB		PKI "/test.keytab"
#define ACCEPTOR	"[profile default]\nmechanisms = krb5\n" \
			"keytab = @/test.keytab\n"
#define INITIATOR	"[profile default]\nmechanisms = krb5\n"

extern krb5_context krb;
extern krb5_keyblock service_key;

/**
 * struct issue - what a ticket of the tests may differ in
 * @client: whose it is
 * @flags: of the ticket
 * @server: whom it is for
 * @kvno: version of the key, in the clear
 * @life: in seconds from now
 * @enctype: of the session key
 * @authdata: authorization data; may be NULL
 * @key: that it is encrypted with
 */
struct issue {
	const char *client;
	krb5_flags flags;
	const char *server;
	int kvno;
	int64_t life;
	krb5_enctype enctype;
	krb5_authdata **authdata;
	const krb5_keyblock *key;
};

extern const struct issue good;

/**
 * struct test - both sides of a handshake
 * @client: contexts of the initiator
 * @server: contexts of the acceptor
 * @broker: the broker's end of the initiator's socket
 * @cleg: last event and reply of the initiator
 * @sleg: last event and reply of the acceptor
 * @request: of the initiator
 * @reply: room for client_hello()
 * @answer: of the broker, see issue()
 * @hello: ClientHello
 * @hello_len: of @hello
 */
struct test {
	struct contexts *client, *server;
	int broker;
	struct leg *cleg, *sleg;
	struct request request;
	struct reply *reply;
	struct broker_answer *answer;
	uint8_t hello[70000];
	size_t hello_len;
};

int setup_realm(void **state);
int teardown_realm(void **state);
void issue(const struct issue *how, struct broker_answer *answer);
void credentials(krb5_creds *creds, struct broker_answer *answer,
		 const char *client);
krb5_data request_with(krb5_flags options, const krb5_keyblock *subkey);

void test_begin(struct test **t, const char *initiator, const char *acceptor);
void test_end(struct test *t);
uint32_t client_hello(struct test *t);
void feed(struct contexts *table, struct leg *leg, uint32_t *number,
	  const struct request *request, const uint8_t *data, size_t len,
	  uint8_t *out, size_t *out_len);
uint32_t serve(struct test *t, const uint8_t *data, size_t len,
	       uint32_t *number, uint8_t *out, size_t *out_len);
void handshake(struct test *t);
void handshake_rest(struct test *t);

#endif /* UNIT_REALM_H */
