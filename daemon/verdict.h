/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SOCKAUTHD_VERDICT_H
#define SOCKAUTHD_VERDICT_H

#include <stdint.h>

#include <linux/sockauth.h>

/**
 * struct verdict - why an authentication failed
 * @reason: enum sockauth_reason; SOCKAUTH_REASON_NONE: nothing failed yet
 * @error: errno (positive) for the application
 * @text: one line that an administrator can act on
 */
struct verdict {
	uint32_t reason;
	int error;
	char text[SOCKAUTH_TEXT_MAX];
};

void verdict_set(struct verdict *v, enum sockauth_reason reason, int error,
		 const char *fmt, ...) __attribute__((format(printf, 4, 5)));

#endif /* SOCKAUTHD_VERDICT_H */
