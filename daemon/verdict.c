// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Why an authentication failed.  Belongs to the context, and so to its
 * worker's thread.
 */
#include <stdarg.h>
#include <stdio.h>

#include "verdict.h"

/**
 * verdict_set - note the cause of a failure
 * @v: where; the first cause stays, since what follows follows from it
 * @reason: for the counters
 * @error: errno (positive) for the application
 * @fmt: the text; what a peer could have put into it is made printable
 */
void verdict_set(struct verdict *v, enum sockauth_reason reason, int error,
		 const char *fmt, ...)
{
	va_list args;
	char *c;

	if (v->reason != SOCKAUTH_REASON_NONE)
		return;
	v->reason = reason;
	v->error = error;
	va_start(args, fmt);
	vsnprintf(v->text, sizeof(v->text), fmt, args);
	va_end(args);
	for (c = v->text; *c; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
}
