// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Target "event": a worker of the daemon, and a module that sends it whatever
 * the input says, and refuses replies when the input says so.
 *
 * Input: up to 24 messages, each a byte of enum kind and flags, a length
 * in two bytes, and as many bytes.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/genetlink.h>

#include "fixture.h"
#include "fuzz.h"
#include "netlink.h"
#include "worker.h"

#define CONFIG							\
	"[daemon]\nwindow = 8\ncontexts = 16\n"			\
	"[profile default]\n"					\
	"certificate = @/server.pem\nkey = @/server.key\n"	\
	"trust = @/ca.pem\n"					\
	"[profile users]\n"					\
	"certificate = @/server.pem\nkey = @/server.key\n"	\
	"users = root\nalpn = h2\n"

/* More than there are contexts, and than the window. */
#define MESSAGES_MAX	24

/* Longest message; the worker has room for more. */
#define MESSAGE_MAX	(20 * 1024)

enum kind {
	KIND_DATAGRAM,		/* netlink headers are the input's, too */
	KIND_STEP,		/* attributes are the input's */
	KIND_CLOSE,
	KIND_RECORD,
	KIND_BIND,
	KIND_BEGIN,		/* a good first event, with the input's token */
	KIND_TOKEN,		/* a good later one */
	KIND_FORGET,		/* a good CLOSE of two connections */
	KINDS,
};

#define FLAG_REFUSE	0x08	/* the module refuses the reply */
#define FLAG_INITIATE	0x10	/* KIND_BEGIN: as initiator */
#define ID_SHIFT	5	/* what is left: which connection */

/* The worker's network namespace is 0, as that of events that do not say it. */
int __wrap_getsockopt(int fd, int level, int name, void *value,
		      socklen_t *len);

int __wrap_getsockopt(int fd, int level, int name, void *value,
		      socklen_t *len)
{
	(void)fd;
	(void)level;
	fuzz_check(name == SO_NETNS_COOKIE, "this is all that is asked for");
	memset(value, 0, *len);
	return 0;
}

static struct worker *worker;
static bool refuse;
static unsigned int replies;
static uint32_t leg;

static void check_step(const struct nlattr *const *tb)
{
	uint32_t status;

	fuzz_check(tb[SOCKAUTH_A_ID] && tb[SOCKAUTH_A_LEG] &&
		   tb[SOCKAUTH_A_STATUS], "a reply says to what it is one");
	status = mnl_attr_get_u32(tb[SOCKAUTH_A_STATUS]);
	fuzz_check(status != SOCKAUTH_STEP_DONE, "no stranger is taken in");
	if (status == SOCKAUTH_STEP_FAIL)
		fuzz_check(tb[SOCKAUTH_A_TEXT] && tb[SOCKAUTH_A_REASON] &&
			   mnl_attr_get_u32(tb[SOCKAUTH_A_REASON]),
			   "a refusal says why");
}

static void sent(const struct nlmsghdr *nlh)
{
	const struct nlattr *tb[SOCKAUTH_A_MAX + 1];
	const struct genlmsghdr *hdr = mnl_nlmsg_get_payload(nlh);

	fuzz_check(!sockauth_genl_parse(nlh, tb), "a reply is well-formed");
	replies++;
	if (hdr->cmd == SOCKAUTH_CMD_STEP)
		check_step(tb);
	if (!refuse)
		return;
	/* It may say once more that this failed. */
	refuse = false;
	replies--;
	netlink_queue_error(nlh->nlmsg_seq, -EINVAL);
}

static struct nlmsghdr *step(char *buf, uint32_t id, struct input token)
{
	struct nlmsghdr *nlh;

	nlh = netlink_begin(buf, NETLINK_FAMILY, SOCKAUTH_CMD_STEP, 0);
	mnl_attr_put_u64(nlh, SOCKAUTH_A_ID, id);
	mnl_attr_put_u32(nlh, SOCKAUTH_A_LEG, ++leg);
	if (token.len)
		mnl_attr_put(nlh, SOCKAUTH_A_TOKEN, token.len, token.data);
	return nlh;
}

static struct nlmsghdr *make(char *buf, uint8_t how, struct input bytes)
{
	static const uint8_t cmds[KINDS] = {
		[KIND_STEP] = SOCKAUTH_CMD_STEP,
		[KIND_CLOSE] = SOCKAUTH_CMD_CLOSE,
		[KIND_RECORD] = SOCKAUTH_CMD_RECORD,
		[KIND_BIND] = SOCKAUTH_CMD_WORKER_BIND,
	};
	uint32_t id = 1 + (how >> ID_SHIFT);
	enum kind kind = how % KINDS;
	struct nlmsghdr *nlh;

	switch (kind) {
	case KIND_BEGIN:
		nlh = step(buf, id, bytes);
		mnl_attr_put_u32(nlh, SOCKAUTH_A_ROLE,
				 how & FLAG_INITIATE ? SOCKAUTH_ROLE_INITIATOR :
						       SOCKAUTH_ROLE_ACCEPTOR);
		mnl_attr_put_strz(nlh, SOCKAUTH_A_TARGET, "localhost");
		return nlh;
	case KIND_TOKEN:
		return step(buf, id, bytes);
	case KIND_FORGET:
		nlh = netlink_begin(buf, NETLINK_FAMILY, SOCKAUTH_CMD_CLOSE,
				    0);
		mnl_attr_put_u64(nlh, SOCKAUTH_A_ID, id);
		mnl_attr_put_u64(nlh, SOCKAUTH_A_ID, id + 1);
		return nlh;
	default:
		nlh = netlink_begin(buf, NETLINK_FAMILY, cmds[kind], 0);
		memcpy(mnl_nlmsg_get_payload_tail(nlh), bytes.data, bytes.len);
		nlh->nlmsg_len += bytes.len;
		return nlh;
	}
}

/* Nothing is left of one input when the next one comes. */
static void forget_all(void)
{
	struct contexts *table = &worker->contexts;
	size_t i;

	for (i = 0; i < table->bucket_count; i++)
		while (table->buckets[i])
			context_forget(table, table->buckets[i]->id);
	fuzz_check(!table->count, "a context that is forgotten is gone");
	sessions_free(table->sessions);
	table->sessions = NULL;
	memset(worker->sent, 0, worker->sent_count * sizeof(*worker->sent));
}

static void run_message(struct input *in)
{
	static char buf[MESSAGE_MAX + 256] __attribute__((aligned(8)));
	uint8_t how = input_number(in, 1);
	struct input bytes = input_take(in, input_number(in, 2) % MESSAGE_MAX);
	struct nlmsghdr *nlh;

	random_reset();
	refuse = how & FLAG_REFUSE;
	replies = 0;
	if (how % KINDS == KIND_DATAGRAM) {
		netlink_queue(bytes.data, bytes.len);
	} else {
		memset(buf, 0, 256);
		nlh = make(buf, how, bytes);
		netlink_queue(nlh, nlh->nlmsg_len);
	}
	while (netlink_waiting())
		worker_receive(worker);
	switch (how % KINDS) {
	case KIND_DATAGRAM:
	case KIND_STEP:
		break;
	case KIND_BIND:
		fuzz_check(!replies, "nobody answers an answer");
		break;
	case KIND_BEGIN:
	case KIND_TOKEN:
		fuzz_check(replies == 1, "each event has one reply");
		break;
	default:
		fuzz_check(replies == !(how & FLAG_REFUSE),
			   "each message gives its credit back");
		break;
	}
}

void fuzz_one(struct input *in)
{
	int i;

	netlink_reset(sent, false);
	leg = 0;
	fuzz_check(!sessions_new(8, &worker->contexts.sessions),
		   "there is memory");
	for (i = 0; in->len && i < MESSAGES_MAX; i++)
		run_message(in);
	forget_all();
}

void fuzz_setup(void)
{
	struct snapshot *snapshot;
	struct ticket_seed seed;

	fuzz_check(!setup_openssl(NULL), "OpenSSL begins");
	random_init();
	snapshot = load_config(CONFIG);
	fuzz_check(!ticket_seed_init(&seed), "there are ticket keys");
	netlink_reset(NULL, false);
	fuzz_check(!worker_new(snapshot, &seed, NULL, &worker),
		   "there is a worker");
	snapshot_put(snapshot);
}

static void put(struct seed *seed, uint8_t how, const void *data, size_t len)
{
	seed_number(seed, how, 1);
	seed_number(seed, len, 2);
	seed_bytes(seed, data, len);
}

/* The attributes of a message, without its headers. */
static void put_attributes(struct seed *seed, uint8_t how,
			   const struct nlmsghdr *nlh)
{
	put(seed, how, (const char *)nlh + MNL_NLMSG_HDRLEN + GENL_HDRLEN,
	    nlh->nlmsg_len - MNL_NLMSG_HDRLEN - GENL_HDRLEN);
}

static void seed_record(void)
{
	/* A NewSessionTicket with the ticket "x". */
	static const uint8_t ticket[] = {
		4, 0, 0, 14, 0, 0, 0, 99, 0, 0, 0, 0, 0, 0, 1, 'x', 0, 0,
	};
	const struct tls_blob blob = {
		.version = TLS_BLOB_VERSION,
		.origin = { .cipher = 0x1301, .secret_len = 32 },
	};
	char buf[1024] __attribute__((aligned(8))) = { 0 };
	static struct seed seed;
	struct nlmsghdr *nlh;

	seed.len = 0;
	nlh = netlink_begin(buf, NETLINK_FAMILY, SOCKAUTH_CMD_RECORD, 0);
	mnl_attr_put_u64(nlh, SOCKAUTH_A_ID, 5);
	mnl_attr_put(nlh, SOCKAUTH_A_BLOB, sizeof(blob), &blob);
	mnl_attr_put(nlh, SOCKAUTH_A_TOKEN, sizeof(ticket), ticket);
	put_attributes(&seed, KIND_RECORD, nlh);
	fuzz_seed(seed.data, seed.len);
}

static void seed_step(const void *hello, size_t len)
{
	static char buf[16384] __attribute__((aligned(8)));
	static struct seed seed;
	struct nlmsghdr *nlh;

	seed.len = 0;
	nlh = netlink_begin(buf, NETLINK_FAMILY, SOCKAUTH_CMD_STEP, 0);
	mnl_attr_put_u64(nlh, SOCKAUTH_A_ID, 5);
	mnl_attr_put_u32(nlh, SOCKAUTH_A_LEG, 1);
	mnl_attr_put_u32(nlh, SOCKAUTH_A_ROLE, SOCKAUTH_ROLE_ACCEPTOR);
	mnl_attr_put_u32(nlh, SOCKAUTH_A_UID, 0);
	mnl_attr_put_strz(nlh, SOCKAUTH_A_PROFILE, "users");
	mnl_attr_put(nlh, SOCKAUTH_A_ALPN, 3, "\2h2");
	mnl_attr_put(nlh, SOCKAUTH_A_TOKEN, len, hello);
	put_attributes(&seed, KIND_STEP, nlh);
	put(&seed, KIND_DATAGRAM, nlh, nlh->nlmsg_len);
	fuzz_seed(seed.data, seed.len);
}

void fuzz_seeds(void)
{
	static uint8_t hello[8192];
	static struct seed seed;
	SSL_CTX *ctx = new_client(NULL);
	SSL *client = new_peer(ctx, false);
	size_t len = peer_output(client, hello, sizeof(hello));

	put(&seed, KIND_BEGIN, hello, len);
	put(&seed, KIND_TOKEN, "\x14\x03\x03\x00\x01\x01", 6);
	put(&seed, KIND_FORGET, "", 0);
	put(&seed, KIND_BEGIN | FLAG_INITIATE | 1 << ID_SHIFT, "", 0);
	put(&seed, KIND_TOKEN | 1 << ID_SHIFT, "\x15\x03\x03\x00\x02\x02\x28", 7);
	put(&seed, KIND_BEGIN | FLAG_REFUSE, hello, len);
	fuzz_seed(seed.data, seed.len);
	seed_step(hello, len);
	seed_record();
	SSL_free(client);
	SSL_CTX_free(ctx);
}
