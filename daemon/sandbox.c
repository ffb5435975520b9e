// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The system calls that are left once everything is open.  There is no
 * socket(), connect() or bind(), and no exec: threads receive on the netlink
 * ports that they have, compute, and send there.  To open or look at a file is
 * refused, because libraries try that.  Anything else ends the process;
 * connections that are established do not notice.
 */
#include "sandbox.h"

#ifdef __SANITIZE_ADDRESS__

/* The leak checker traces the process; such a build is for tests alone. */
int sandbox_enter(void)
{
	return 0;
}

#else

#include <errno.h>
#include <seccomp.h>
#include <stddef.h>
#include <sys/mman.h>
#include <unistd.h>

static const int allowed[] = {
	/* Netlink, the loader, systemd, signals, messages. */
	SCMP_SYS(recvfrom), SCMP_SYS(recvmsg), SCMP_SYS(poll), SCMP_SYS(ppoll),
	SCMP_SYS(sendto), SCMP_SYS(sendmsg),
	SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(close),
	/* Threads and locks. */
	SCMP_SYS(futex), SCMP_SYS(sched_yield), SCMP_SYS(rseq),
	SCMP_SYS(set_robust_list), SCMP_SYS(exit), SCMP_SYS(exit_group),
	/* malloc(); making memory executable is not among it, see below. */
	SCMP_SYS(brk), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise),
	/* It has arenas for so many processors, once there are some of them. */
	SCMP_SYS(sched_getaffinity),
	/* qsort() asks how much memory there is, the first time it is much. */
	SCMP_SYS(sysinfo),
	/* Time, where the vDSO cannot tell. */
	SCMP_SYS(clock_gettime), SCMP_SYS(gettimeofday), SCMP_SYS(time),
	SCMP_SYS(nanosleep), SCMP_SYS(clock_nanosleep),
	SCMP_SYS(restart_syscall),
	/* OpenSSL's random numbers, and whether it has been forked. */
	SCMP_SYS(getrandom), SCMP_SYS(getpid),
	/* Signals, and abort(), which needs tgkill(), see below. */
	SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn),
	SCMP_SYS(rt_sigaction), SCMP_SYS(gettid),
};

/* libkrb5 looks for plugins, and does without: a refusal, not the end. */
static const int refused[] = {
	SCMP_SYS(open), SCMP_SYS(openat), SCMP_SYS(access),
	SCMP_SYS(faccessat), SCMP_SYS(faccessat2), SCMP_SYS(stat),
	SCMP_SYS(lstat), SCMP_SYS(newfstatat), SCMP_SYS(statx),
	SCMP_SYS(readlink), SCMP_SYS(readlinkat),
};

static int allow(scmp_filter_ctx ctx)
{
	size_t i;
	int err = 0;

	for (i = 0; !err && i < sizeof(allowed) / sizeof(allowed[0]); i++)
		err = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, allowed[i], 0);
	for (i = 0; !err && i < sizeof(refused) / sizeof(refused[0]); i++)
		err = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EACCES), refused[i],
				       0);
	if (!err)
		err = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
				       SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC,
					       0));
	if (!err)
		err = seccomp_rule_add(ctx, SCMP_ACT_ALLOW,
				       SCMP_SYS(mprotect), 1,
				       SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC,
					       0));
	/* Other processes of the user are none of our threads' business. */
	if (!err)
		err = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(tgkill),
				       1, SCMP_A0(SCMP_CMP_EQ, getpid(), 0));
	return err;
}

/**
 * sandbox_enter - allow all threads of the process nothing but their work
 *
 * Return: 0 or -errno.
 */
int sandbox_enter(void)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int err;

	if (!ctx)
		return -ENOMEM;
	err = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_TSYNC, 1);
	if (!err)
		err = allow(ctx);
	if (!err)
		err = seccomp_load(ctx);
	seccomp_release(ctx);
	return err;
}

#endif
