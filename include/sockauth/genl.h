/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The generic netlink family "sockauth" for user space: what the daemon and
 * the command line have in common.  Messages are filled and read with libmnl;
 * here is only what every user of the family would otherwise write again.
 *
 * A struct sockauth_genl is one netlink socket.  It has no lock: any thread may
 * begin and send messages while another one receives; receiving, and waiting
 * for an answer, is for one thread at a time.
 */
#ifndef SOCKAUTH_GENL_H
#define SOCKAUTH_GENL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <libmnl/libmnl.h>
#include <linux/sockauth.h>

struct sockauth_genl;

/*
 * Called for each message of an answer.  0: go on; a negative errno becomes
 * the result of the transaction, and the rest of the answer is thrown away.
 */
typedef int (*sockauth_genl_cb)(const struct nlmsghdr *nlh, void *arg);

int sockauth_genl_open(struct sockauth_genl **genl);
void sockauth_genl_close(struct sockauth_genl *genl);
int sockauth_genl_fd(const struct sockauth_genl *genl);
uint32_t sockauth_genl_portid(const struct sockauth_genl *genl);
int sockauth_genl_join(struct sockauth_genl *genl);

struct nlmsghdr *sockauth_genl_begin(struct sockauth_genl *genl, void *buf,
				     uint8_t cmd, uint16_t flags);
int sockauth_genl_send(struct sockauth_genl *genl, const struct nlmsghdr *nlh);
int sockauth_genl_wake(struct sockauth_genl *genl);
ssize_t sockauth_genl_recv(struct sockauth_genl *genl, void *buf, size_t size);
int sockauth_genl_transact(struct sockauth_genl *genl, struct nlmsghdr *nlh,
			   sockauth_genl_cb cb, void *arg,
			   char *text, size_t text_size);

bool sockauth_genl_ok(const struct nlmsghdr *nlh, int left);
int sockauth_genl_cmd(const struct sockauth_genl *genl,
		      const struct nlmsghdr *nlh);
int sockauth_genl_error(const struct nlmsghdr *nlh, uint32_t *seq,
			char *text, size_t text_size);
int sockauth_genl_parse(const struct nlmsghdr *nlh, const struct nlattr **tb);
int sockauth_genl_parse_nest(const struct nlattr *nest,
			     const struct nlattr **tb);

#endif /* SOCKAUTH_GENL_H */
