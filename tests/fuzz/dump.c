// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Target "dump": the command line, and a kernel that answers it whatever the
 * input says, the family's numbers included.
 *
 * Input: a byte with the command and flags, then datagrams, each a byte of
 * flags, a length in two bytes, and as many bytes.
 */
#include <locale.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include <jansson.h>
#include <linux/genetlink.h>

#include "cli.h"
#include "fuzz.h"
#include "netlink.h"

/* The command. */
#define FLAG_JSON	0x80
#define FLAG_FAMILY	0x40	/* the family's answer is the input's, too */

/* A datagram. */
#define FLAG_ADDRESSED	0x01	/* type, sequence number and port are right */
#define FLAG_LAST	0x02	/* with it, the answer is over */

#define DATAGRAM_MAX	8192

static char *const words[][3] = {
	{ "connections" }, { "listeners" }, { "workers" }, { "limits" },
	{ "peer", "somebody", NULL }, { "pending", "9", NULL }, { NULL },
};

static const struct {
	const struct command *command;
	char *const *args;
	int count;
} commands[] = {
	{ &show_command, words[0], 1 },
	{ &show_command, words[1], 1 },
	{ &show_command, words[2], 1 },
	{ &show_command, words[3], 1 },
	{ &stats_command, words[6], 0 },
	{ &monitor_command, words[6], 0 },
	{ &kill_command, words[4], 2 },
	{ &set_command, words[5], 2 },
};

#define N_COMMANDS	(sizeof(commands) / sizeof(commands[0]))

static struct input script;
static const struct command *running;
static bool family_known;

/* How much the command has printed. */
static size_t printed;

/* Give the message the address of an answer to @request, or of an event. */
static void address(char *buf, size_t len, const struct nlmsghdr *request)
{
	struct nlmsghdr *nlh = (void *)buf;

	if (len < sizeof(*nlh))
		return;
	if (nlh->nlmsg_type >= NLMSG_MIN_TYPE)
		nlh->nlmsg_type = family_known ? NETLINK_FAMILY :
						 request->nlmsg_type;
	nlh->nlmsg_seq = request->nlmsg_seq;
	nlh->nlmsg_pid = NETLINK_PORTID;
	nlh->nlmsg_len = len;
}

/* A dump ends with DONE, all else with an acknowledgement. */
static void end(const struct nlmsghdr *request)
{
	char buf[64] __attribute__((aligned(8))) = { 0 };
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);

	if ((request->nlmsg_flags & NLM_F_DUMP) != NLM_F_DUMP) {
		netlink_queue_error(request->nlmsg_seq, 0);
		return;
	}
	nlh->nlmsg_type = NLMSG_DONE;
	nlh->nlmsg_flags = NLM_F_MULTI;
	nlh->nlmsg_seq = request->nlmsg_seq;
	nlh->nlmsg_pid = NETLINK_PORTID;
	mnl_nlmsg_put_extra_header(nlh, sizeof(int));
	netlink_queue(nlh, nlh->nlmsg_len);
}

/* The kernel has as much to say as the input has, and asks for no more. */
static void answer(const struct nlmsghdr *request)
{
	static char buf[DATAGRAM_MAX] __attribute__((aligned(8)));
	struct input bytes;
	uint8_t how = 0;

	if (request->nlmsg_type == GENL_ID_CTRL && family_known) {
		netlink_queue_family(request->nlmsg_seq);
		/* Nobody asks for events. */
		if (running != &monitor_command)
			return;
	}
	while (script.len && !(how & FLAG_LAST)) {
		how = input_number(&script, 1);
		bytes = input_take(&script,
				   input_number(&script, 2) % DATAGRAM_MAX);
		memcpy(buf, bytes.data, bytes.len);
		if (how & FLAG_ADDRESSED)
			address(buf, bytes.len, request);
		netlink_queue(buf, bytes.len);
		if (how & FLAG_LAST)
			end(request);
	}
}

/* C0, DEL and C1; then what turns the direction of writing, or ends a line. */
static bool controls(wchar_t c)
{
	return c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0x061c ||
	       c == 0x200e || c == 0x200f || (c >= 0x2028 && c <= 0x202e) ||
	       (c >= 0x2066 && c <= 0x2069);
}

/* A name of a peer is nobody's way to the terminal, nor to another line. */
static void check_text(const char *text, size_t len)
{
	mbstate_t state = { 0 };
	wchar_t c = 0;
	size_t n;

	for (; len; text += n, len -= n) {
		n = mbrtowc(&c, text, len, &state);
		fuzz_check(n && n <= len, "what is printed is UTF-8");
		fuzz_check(c == '\n' || !controls(c),
			   "what is printed has no control characters");
	}
}

static void check_json(const char *text, size_t len)
{
	json_error_t error;
	size_t pos = 0;
	json_t *value;

	while (pos < len) {
		/* A protocol that was agreed on may have any bytes (RFC 7301). */
		value = json_loadb(text + pos, len - pos,
				   JSON_DISABLE_EOF_CHECK | JSON_ALLOW_NUL,
				   &error);
		fuzz_check(value != NULL, "what is printed is JSON");
		json_decref(value);
		pos += error.position;
		while (pos < len && text[pos] == '\n')
			pos++;
	}
}

void fuzz_one(struct input *in)
{
	uint8_t how = input_number(in, 1);
	size_t i = how % N_COMMANDS;
	struct cli cli = { .json = how & FLAG_JSON };
	char *args[3] = { NULL }, *text = NULL;
	size_t len = 0;
	int ret;

	cli.out = open_memstream(&text, &len);
	fuzz_check(cli.out != NULL, "there is memory");
	script = *in;
	running = commands[i].command;
	family_known = !(how & FLAG_FAMILY);
	netlink_reset(answer, true);
	memcpy(args, commands[i].args, commands[i].count * sizeof(*args));
	ret = running->run(&cli, commands[i].count, args);
	fuzz_check(ret >= CLI_OK && ret <= CLI_NO_RIGHTS,
		   "exit codes are those of the manual");
	sockauth_genl_close(cli.genl);
	fuzz_check(!fclose(cli.out), "there is memory");
	check_text(text, len);
	if (cli.json)
		check_json(text, len);
	free(text);
	printed = len;
}

static void put(struct seed *seed, uint8_t how, const struct nlmsghdr *nlh)
{
	seed_number(seed, how, 1);
	seed_number(seed, nlh->nlmsg_len, 2);
	seed_bytes(seed, nlh, nlh->nlmsg_len);
}

/* Everything there is, once; each command takes what it knows. */
static void put_all(struct nlmsghdr *nlh)
{
	static const uint8_t address[16] = { 2, 0, 0x20, 0xfb, 127, 0, 0, 1 };
	struct nlattr *nest;

	mnl_attr_put_u64(nlh, SOCKAUTH_A_ID, 7);
	mnl_attr_put_u32(nlh, SOCKAUTH_A_LEG, 2);
	mnl_attr_put_u32(nlh, SOCKAUTH_A_ROLE, SOCKAUTH_ROLE_ACCEPTOR);
	mnl_attr_put_u32(nlh, SOCKAUTH_A_STATE, SOCKAUTH_STATE_OPEN);
	mnl_attr_put(nlh, SOCKAUTH_A_LOCAL, sizeof(address), address);
	mnl_attr_put(nlh, SOCKAUTH_A_REMOTE, sizeof(address), address);
	mnl_attr_put_strz(nlh, SOCKAUTH_A_PROFILE, "default");
	mnl_attr_put_u32(nlh, SOCKAUTH_A_MECH, SOCKAUTH_MECH_TLS);
	mnl_attr_put_u32(nlh, SOCKAUTH_A_SEC_FLAGS, 3);
	mnl_attr_put_u32(nlh, SOCKAUTH_A_VERSION, 0x304);
	mnl_attr_put_u32(nlh, SOCKAUTH_A_CIPHER, 0x1301);
	/* The last two are CSI, and right to left. */
	mnl_attr_put_strz(nlh, SOCKAUTH_A_PEER_NAME,
			  "somebody\n\x1b[31m\x7f\xc2\x9b\xe2\x80\xae");
	mnl_attr_put_u32(nlh, SOCKAUTH_A_NAME_TYPE, SOCKAUTH_NAME_DNS);
	mnl_attr_put(nlh, SOCKAUTH_A_ALPN, 2, "h2");
	mnl_attr_put_u64(nlh, SOCKAUTH_A_EXPIRY, 2000000000);
	mnl_attr_put_u32(nlh, SOCKAUTH_A_REASON, SOCKAUTH_REASON_NAME);
	mnl_attr_put_u32(nlh, SOCKAUTH_A_ERROR, 13);
	mnl_attr_put_strz(nlh, SOCKAUTH_A_TEXT, "it is somebody else");
	mnl_attr_put_u64(nlh, SOCKAUTH_A_AGE_MS, 123456);
	mnl_attr_put_u32(nlh, SOCKAUTH_A_PORTID, 99);
	mnl_attr_put_u32(nlh, SOCKAUTH_A_WINDOW, 64);
	mnl_attr_put_u32(nlh, SOCKAUTH_A_PENDING, 3);
	mnl_attr_put_u32(nlh, SOCKAUTH_A_BACKLOG, 5);
	mnl_attr_put_u32(nlh, SOCKAUTH_A_LIMIT_PENDING, 1024);
	mnl_attr_put_u32(nlh, SOCKAUTH_A_LIMIT_PENDING_NET, 4096);
	mnl_attr_put_u32(nlh, SOCKAUTH_A_LIMIT_TIMEOUT_MS, 10000);
	mnl_attr_put_u32(nlh, SOCKAUTH_A_LIMIT_BYTES, 131072);
	mnl_attr_put_u32(nlh, SOCKAUTH_A_LIMIT_LEGS, 64);
	mnl_attr_put_u32(nlh, SOCKAUTH_A_LIMIT_GUESTS, 8);
	mnl_attr_put_u32(nlh, SOCKAUTH_A_COUNT, 1);
	mnl_attr_put_u64(nlh, SOCKAUTH_A_STARTED, 9);
	nest = mnl_attr_nest_start(nlh, SOCKAUTH_A_FAILED);
	mnl_attr_put_u64(nlh, SOCKAUTH_REASON_TIMEOUT, 4);
	mnl_attr_nest_end(nlh, nest);
}

static struct seed seed_of(uint8_t how)
{
	char buf[2048] __attribute__((aligned(8))) = { 0 };
	struct nlmsghdr *nlh = netlink_begin(buf, NETLINK_FAMILY,
					     SOCKAUTH_CMD_CONN_EVENT, 1);
	struct seed seed = { .len = 0 };

	put_all(nlh);
	seed_number(&seed, how, 1);
	put(&seed, FLAG_ADDRESSED, nlh);
	put(&seed, FLAG_ADDRESSED | FLAG_LAST, nlh);
	/* What `set` asks for then. */
	put(&seed, FLAG_ADDRESSED | FLAG_LAST, nlh);
	return seed;
}

/* Unless what is good is printed, nothing that is printed is looked at. */
static void check_good(uint8_t how)
{
	struct seed seed = seed_of(how);
	struct input in = { seed.data, seed.len };

	fuzz_one(&in);
	fuzz_check(printed, "a good answer is printed");
}

void fuzz_setup(void)
{
	size_t i;

	fuzz_check(setlocale(LC_CTYPE, "C.UTF-8") != NULL, "there is UTF-8");
	for (i = 0; i < N_COMMANDS; i++) {
		check_good(FLAG_JSON | i);
		/* To people it has nothing to say. */
		if (commands[i].command != &set_command)
			check_good(i);
	}
}

void fuzz_seeds(void)
{
	static const uint8_t flags[] = { 0, FLAG_JSON, FLAG_FAMILY };
	struct seed seed;
	size_t i, j;

	for (i = 0; i < N_COMMANDS; i++)
		for (j = 0; j < sizeof(flags); j++) {
			seed = seed_of(flags[j] | i);
			fuzz_seed(seed.data, seed.len);
		}
}
