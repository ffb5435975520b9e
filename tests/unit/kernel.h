/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A kernel for tests: what stands behind libmnl's sockets.  Sending calls a
 * function of the test, in the sender's thread, as netlink does; what that
 * answers can be received.
 */
#ifndef UNIT_KERNEL_H
#define UNIT_KERNEL_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <sockauth/genl.h>

#define KERNEL_FAMILY	40
#define KERNEL_GROUP	7

struct kernel_port;

/* What the module would do with a message to the family. */
typedef void (*kernel_fn)(struct kernel_port *port,
			  const struct nlmsghdr *nlh, uint8_t cmd);

/* NULL: the module is not loaded. */
void kernel_set(kernel_fn fn);
struct kernel_port *kernel_port(const struct sockauth_genl *genl);
void kernel_lose_messages(struct kernel_port *port);

struct nlmsghdr *kernel_begin(struct kernel_port *port, void *buf, uint8_t cmd,
			      uint32_t seq, uint16_t flags);
void kernel_send(struct kernel_port *port, const struct nlmsghdr *nlh);
void kernel_error(struct kernel_port *port, const struct nlmsghdr *request,
		  int err, const char *text);
void kernel_done(struct kernel_port *port, const struct nlmsghdr *request,
		 int err, const char *text);

#endif /* UNIT_KERNEL_H */
