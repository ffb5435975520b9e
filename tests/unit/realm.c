// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * See realm.h.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "realm.h"

/* Of libkrb5, which has them for KDCs and not in its header. */
krb5_error_code krb5_encrypt_tkt_part(krb5_context krb,
				      const krb5_keyblock *key,
				      krb5_ticket *ticket);
krb5_error_code encode_krb5_ticket(const krb5_ticket *ticket,
				   krb5_data **der);

krb5_context krb;
krb5_keyblock service_key;

const struct issue good = { USER, 0, SERVICE, 1, 3600,
				   ENCTYPE_AES256_CTS_HMAC_SHA1_96, NULL,
				   &service_key };

int setup_realm(void **state)
{
	krb5_keytab_entry entry = { .vno = 1 };
	krb5_keytab keytab;

	if (setup_openssl(state) || krb_context_new(&krb) ||
	    krb5_c_make_random_key(krb, ENCTYPE_AES256_CTS_HMAC_SHA384_192,
				   &service_key))
		return -1;
	unlink(KEYTAB);
	if (krb5_kt_resolve(krb, "WRFILE:" KEYTAB, &keytab) ||
	    krb5_parse_name(krb, SERVICE, &entry.principal))
		return -1;
	entry.key = service_key;
	if (krb5_kt_add_entry(krb, keytab, &entry))
		return -1;
	krb5_free_principal(krb, entry.principal);
	krb5_kt_close(krb, keytab);
	return 0;
}

int teardown_realm(void **state)
{
	krb5_free_keyblock_contents(krb, &service_key);
	krb5_free_context(krb);
	return teardown_openssl(state);
}

/* The KDC's part, and the helper's. */
void issue(const struct issue *how, struct broker_answer *answer)
{
	krb5_enc_tkt_part part = {
		.flags = how->flags,
		.times = { .authtime = time(NULL) - 7200,
			   .starttime = time(NULL) - 7200,
			   .endtime = time(NULL) + how->life },
		.transited = { .tr_type = KRB5_DOMAIN_X500_COMPRESS },
		.authorization_data = how->authdata,
	};
	krb5_ticket ticket = { .enc_part2 = &part };
	krb5_keyblock session;
	krb5_data *der;

	assert_int_equal(krb5_parse_name(krb, how->server, &ticket.server), 0);
	assert_int_equal(krb5_parse_name(krb, how->client, &part.client), 0);
	assert_int_equal(krb5_c_make_random_key(krb, how->enctype, &session),
			 0);
	part.session = &session;
	assert_int_equal(krb5_encrypt_tkt_part(krb, how->key, &ticket), 0);
	ticket.enc_part.kvno = how->kvno;
	assert_int_equal(encode_krb5_ticket(&ticket, &der), 0);
	memset(answer, 0, sizeof(*answer));
	answer->uid = UINT32_MAX;
	answer->enctype = session.enctype;
	answer->endtime = part.times.endtime;
	answer->key_len = session.length;
	memcpy(answer->key, session.contents, session.length);
	answer->ticket_len = der->length;
	memcpy(answer->ticket, der->data, der->length);
	strcpy(answer->client, how->client);
	strcpy(answer->server, how->server);
	krb5_free_data(krb, der);
	krb5_free_data_contents(krb, &ticket.enc_part.ciphertext);
	krb5_free_keyblock_contents(krb, &session);
	krb5_free_principal(krb, ticket.server);
	krb5_free_principal(krb, part.client);
}

void test_begin(struct test **t, const char *initiator, const char *acceptor)
{
	struct test *new = calloc(1, sizeof(*new));
	int pair[2];

	new->client = new_table(initiator, 8);
	new->server = new_table(acceptor, 8);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	new->client->broker = pair[0];
	new->broker = pair[1];
	new->cleg = calloc(1, sizeof(*new->cleg));
	new->sleg = calloc(1, sizeof(*new->sleg));
	new->reply = calloc(1, sizeof(*new->reply));
	new->answer = calloc(1, sizeof(*new->answer));
	new->request = (struct request) {
		.role = SOCKAUTH_ROLE_INITIATOR, .uid = 1000,
		.target = "demo@host.test",
	};
	*t = new;
}

void test_end(struct test *t)
{
	free_table(t->client);
	free_table(t->server);
	close(t->broker);
	free(t->cleg);
	free(t->sleg);
	free(t->reply);
	free(t->answer);
	free(t);
}

/* The initiator's first event is held; the broker's answer lets it go on. */
uint32_t client_hello(struct test *t)
{
	struct broker_request request;
	struct event ev = { .id = 1, .leg = 1, .begins = true,
			    .role = SOCKAUTH_ROLE_INITIATOR, .uid = 1000,
			    .gid = 100, .profile = "default" };

	ev.target = t->request.target;
	ev.req_flags = t->request.flags;
	step_run(t->client, &ev, t->reply);
	assert_true(t->reply->wait);
	assert_int_equal(recv(t->broker, &request, sizeof(request), 0),
			 sizeof(request));
	assert_int_equal(request.uid, 1000);
	assert_int_equal(request.gid, 100);
	assert_string_equal(request.name, t->request.target);
	t->answer->id = request.id;
	assert_true(step_resume(t->client, t->answer, &ev, t->reply));
	assert_int_equal(ev.leg, 1);
	memcpy(t->hello, t->reply->out.data, t->reply->out.len);
	t->hello_len = t->reply->out.len;
	return t->reply->status;
}

/* Feed @data to one side, a record at a time; the legs are numbered. */
void feed(struct contexts *table, struct leg *leg, uint32_t *number,
		 const struct request *request, const uint8_t *data,
		 size_t len, uint8_t *out, size_t *out_len)
{
	size_t pos = 0, n, m;

	*out_len = 0;
	while (pos < len) {
		n = first_record(data + pos, len - pos);
		run_leg(table, leg, 1, (*number)++, request, data + pos, n,
			false);
		pos += n;
		if (leg->tb[SOCKAUTH_A_TOKEN]) {
			m = mnl_attr_get_payload_len(leg->tb[SOCKAUTH_A_TOKEN]);
			memcpy(out + *out_len,
			       mnl_attr_get_payload(leg->tb[SOCKAUTH_A_TOKEN]),
			       m);
			*out_len += m;
		}
		if (status_of(leg) != SOCKAUTH_STEP_CONTINUE)
			break;
	}
}

uint32_t serve(struct test *t, const uint8_t *data, size_t len,
		      uint32_t *number, uint8_t *out, size_t *out_len)
{
	struct request request = { .role = SOCKAUTH_ROLE_ACCEPTOR };

	request.flags = t->request.flags;
	feed(t->server, t->sleg, number, &request, data, len, out, out_len);
	return status_of(t->sleg);
}

/* What follows t->hello; both sides must be done, without tickets. */
void handshake_rest(struct test *t)
{
	static uint8_t one[70000], two[70000];
	size_t one_len, two_len;
	uint32_t sleg = 1, cleg = 2;

	if (serve(t, t->hello, t->hello_len, &sleg, one, &one_len) !=
	    SOCKAUTH_STEP_CONTINUE)
		fail_msg("%s", text_of(t->sleg, SOCKAUTH_A_TEXT));
	feed(t->client, t->cleg, &cleg, NULL, one, one_len, two, &two_len);
	assert_int_equal(status_of(t->cleg), SOCKAUTH_STEP_DONE);
	assert_int_equal(serve(t, two, two_len, &sleg, one, &one_len),
			 SOCKAUTH_STEP_DONE);
	assert_int_equal(one_len, 0);
}

void handshake(struct test *t)
{
	if (client_hello(t) != SOCKAUTH_STEP_CONTINUE)
		fail_msg("%s", t->reply->verdict.text);
	handshake_rest(t);
}

/* What the KDC has issued; of the answer, which must stay. */
void credentials(krb5_creds *creds, struct broker_answer *answer,
		 const char *client)
{
	memset(creds, 0, sizeof(*creds));
	assert_int_equal(krb5_parse_name(krb, client, &creds->client), 0);
	assert_int_equal(krb5_parse_name(krb, SERVICE, &creds->server), 0);
	creds->keyblock.enctype = answer->enctype;
	creds->keyblock.length = answer->key_len;
	creds->keyblock.contents = answer->key;
	creds->ticket.data = (char *)answer->ticket;
	creds->ticket.length = answer->ticket_len;
	creds->times.endtime = answer->endtime;
}

/* Make a KRB_AP_REQ by hand, with a subkey of the test's. */
krb5_data request_with(krb5_flags options, const krb5_keyblock *subkey)
{
	static struct broker_answer answer;
	krb5_auth_context auth = NULL;
	krb5_creds creds;
	krb5_data out;

	issue(&good, &answer);
	credentials(&creds, &answer, USER);
	assert_int_equal(krb5_auth_con_init(krb, &auth), 0);
	krb5_auth_con_setflags(krb, auth, 0);
	if (subkey)
		assert_int_equal(krb5_auth_con_setsendsubkey(
				krb, auth, (krb5_keyblock *)subkey), 0);
	assert_int_equal(krb5_mk_req_extended(krb, &auth, options, NULL,
					      &creds, &out), 0);
	krb5_auth_con_free(krb, auth);
	krb5_free_principal(krb, creds.client);
	krb5_free_principal(krb, creds.server);
	return out;
}

