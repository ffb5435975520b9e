// SPDX-License-Identifier: GPL-2.0-only
/*
 * Has a function of the kernel fail, for tests/selftests/functions.c: its call
 * number "left" from now on returns "error", and does nothing. The kernel's own
 * fail_function knows only functions that are marked for it; neither kTLS's nor
 * the crypto API's are.
 *
 * It must be one that returns a number, or a pointer of which ERR_PTR(error) is
 * a failure.
 */
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/moduleparam.h>

static char *function;
module_param(function, charp, 0400);
MODULE_PARM_DESC(function, "which one");

static int error;
module_param(error, int, 0400);
MODULE_PARM_DESC(error, "what it returns, below 0");

static atomic_t left = ATOMIC_INIT(0);

static int failfn_set_left(const char *text, const struct kernel_param *kp)
{
	int number;
	int err = kstrtoint(text, 0, &number);

	if (!err)
		atomic_set(&left, number);
	return err;
}

static int failfn_get_left(char *text, const struct kernel_param *kp)
{
	return sysfs_emit(text, "%d\n", atomic_read(&left));
}

static const struct kernel_param_ops failfn_left_ops = {
	.set = failfn_set_left, .get = failfn_get_left,
};

module_param_cb(left, &failfn_left_ops, NULL, 0600);
MODULE_PARM_DESC(left, "calls until one fails; 0: none will, or one has");

/* Called in its place: the stack and its caller are as it would find them. */
static long failfn_instead(void)
{
	return error;
}

/* In a breakpoint, where nothing may be traced, or take a lock. */
static int failfn_enter(struct kprobe *probe, struct pt_regs *regs)
{
	if (atomic_dec_if_positive(&left))
		return 0;
	regs->ip = (unsigned long)failfn_instead;
	return 1;
}
NOKPROBE_SYMBOL(failfn_enter);

/* With it, the kernel knows that the probe may go on elsewhere. */
static void failfn_after(struct kprobe *probe, struct pt_regs *regs,
			 unsigned long flags)
{
}

static struct kprobe failfn_probe = {
	.pre_handler = failfn_enter,
	.post_handler = failfn_after,
};

static int __init failfn_init(void)
{
	if (!function || error >= 0)
		return -EINVAL;
	failfn_probe.symbol_name = function;
	return register_kprobe(&failfn_probe);
}

static void __exit failfn_exit(void)
{
	unregister_kprobe(&failfn_probe);
}

module_init(failfn_init);
module_exit(failfn_exit);
MODULE_DESCRIPTION("A function that fails on demand, for the tests of sockauth");
MODULE_LICENSE("GPL");
