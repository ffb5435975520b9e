// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Does on loading what a broken module might do, so that tests/vm/selftest
 * can see that tests/vm/run notices: insmod trouble.ko what=warn
 */
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/slab.h>

static char *what;
module_param(what, charp, 0);
MODULE_PARM_DESC(what, "the trouble to make");

static DEFINE_MUTEX(first);
static DEFINE_MUTEX(second);

static int trouble_none(void)
{
	return 0;
}

static int trouble_warn(void)
{
	WARN_ON(1);
	return 0;
}

static int trouble_panic(void)
{
	panic("trouble");
}

static int trouble_oops(void)
{
	*(volatile int *)NULL = 0;
	return 0;
}

static int trouble_use_after_free(void)
{
	volatile char *object = kmalloc(64, GFP_KERNEL);

	if (!object)
		return -ENOMEM;
	kfree((void *)object);
	object[8] = 1;
	return 0;
}

static int trouble_out_of_order(void)
{
	mutex_lock(&first);
	mutex_lock(&second);
	mutex_unlock(&second);
	mutex_unlock(&first);

	mutex_lock(&second);
	mutex_lock(&first);
	mutex_unlock(&first);
	mutex_unlock(&second);
	return 0;
}

static int trouble_leak(void)
{
	/* More than one: a stale register may point to the last of them. */
	for (int i = 0; i < 10; i++)
		if (!kmalloc(64, GFP_KERNEL))
			return -ENOMEM;
	return 0;
}

/* The loader itself sleeps for ever, and no signal wakes it. */
static int trouble_hang(void)
{
	set_current_state(TASK_UNINTERRUPTIBLE);
	schedule();
	return 0;
}

static const struct {
	const char *name;
	int (*make)(void);
} troubles[] = {
	{ "none", trouble_none },
	{ "warn", trouble_warn },
	{ "panic", trouble_panic },
	{ "oops", trouble_oops },
	{ "use-after-free", trouble_use_after_free },
	{ "out-of-order", trouble_out_of_order },
	{ "leak", trouble_leak },
	{ "hang", trouble_hang },
};

static int __init trouble_init(void)
{
	for (int i = 0; i < ARRAY_SIZE(troubles); i++)
		if (what && !strcmp(what, troubles[i].name))
			return troubles[i].make();
	return -EINVAL;
}

static void __exit trouble_exit(void)
{
}

module_init(trouble_init);
module_exit(trouble_exit);
MODULE_DESCRIPTION("Trouble on demand, for the test of the test harness");
MODULE_LICENSE("GPL");
