// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Messages to standard error, one write() each, so that lines of different
 * threads never mix.  Under systemd each begins with the <N> that journald
 * takes for its level.  What strangers can provoke, warnings and debugging
 * messages, is limited; what was left out is counted and said later.
 */
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "log.h"

#define BURST	50	/* messages */
#define PERIOD	5	/* seconds */

static bool verbose;	/* set before the threads exist */
static _Atomic int64_t period;
static atomic_uint said, left_out;

/**
 * log_verbose - show debugging messages too
 */
void log_verbose(void)
{
	verbose = true;
}

/* A new period gives BURST messages again; a race lets a few more through. */
static bool limited(void)
{
	struct timespec now;
	int64_t current, old = atomic_load(&period);

	clock_gettime(CLOCK_MONOTONIC, &now);
	current = now.tv_sec / PERIOD + 1;
	if (current != old &&
	    atomic_compare_exchange_strong(&period, &old, current))
		atomic_store(&said, 0);
	if (atomic_fetch_add(&said, 1) < BURST)
		return false;
	atomic_fetch_add(&left_out, 1);
	return true;
}

static void emit(enum log_level level, const char *text)
{
	char line[1100];
	int len;

	if (getenv("JOURNAL_STREAM"))
		len = snprintf(line, sizeof(line), "<%d>%s\n", level, text);
	else
		len = snprintf(line, sizeof(line), "sockauthd: %s\n", text);
	/* Nowhere to complain to. */
	if (write(STDERR_FILENO, line, len) < 0)
		return;
}

/**
 * log_message - say something to the administrator
 * @level: how bad it is
 * @fmt: one line without its newline; never a secret
 */
void log_message(enum log_level level, const char *fmt, ...)
{
	char text[1024];
	unsigned int lost;
	va_list args;

	if (level == LOG_LEVEL_DEBUG && !verbose)
		return;
	if ((level == LOG_LEVEL_DEBUG || level == LOG_LEVEL_WARNING) &&
	    limited())
		return;
	lost = atomic_exchange(&left_out, 0);
	if (lost) {
		snprintf(text, sizeof(text), "%u messages left out", lost);
		emit(LOG_LEVEL_WARNING, text);
	}
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	emit(level, text);
}
