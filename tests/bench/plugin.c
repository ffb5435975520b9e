// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A plugin of QEMU's translator: counts the instructions that the guest
 * executes, by page of code, between two marks (see mark.h).  For each such
 * span it appends to a file a line "span", and for each page a line "ADDRESS
 * COUNT".  The guest's own figures do not change by being counted.
 *
 *	-plugin plugin.so,out=FILE
 *
 * QEMU's interface of plugins is declared here, as far as it is used: Debian
 * has no package with the header.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mark.h"

#define EXPORT		__attribute__((visibility("default")))
#define PAGE_SHIFT	12
#define BUCKETS		65536

struct qemu_plugin_tb;
struct qemu_plugin_insn;

void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id,
		void (*cb)(uint64_t id, struct qemu_plugin_tb *tb));
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *
qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t i);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *insn);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn);
void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb *tb,
		int op, void *counter, uint64_t add);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn,
		void (*cb)(unsigned int cpu, void *arg), int flags, void *arg);

/* Of the interface that this file knows. */
EXPORT int qemu_plugin_version = 1;

struct page {
	struct page *next;
	uint64_t address;
	uint64_t count;
};

static struct page *pages[BUCKETS];
static FILE *out;

static struct page *find_page(uint64_t address)
{
	struct page **bucket = &pages[(address >> PAGE_SHIFT) % BUCKETS];
	struct page *page;

	for (page = *bucket; page; page = page->next)
		if (page->address == address)
			return page;
	page = calloc(1, sizeof(*page));
	if (!page)
		abort();
	page->address = address;
	page->next = *bucket;
	*bucket = page;
	return page;
}

static void begin(unsigned int cpu, void *arg)
{
	struct page *page;
	size_t i;

	(void)cpu;
	(void)arg;
	for (i = 0; i < BUCKETS; i++)
		for (page = pages[i]; page; page = page->next)
			page->count = 0;
}

static void end(unsigned int cpu, void *arg)
{
	struct page *page;
	size_t i;

	(void)cpu;
	(void)arg;
	fputs("span\n", out);
	for (i = 0; i < BUCKETS; i++)
		for (page = pages[i]; page; page = page->next)
			if (page->count)
				fprintf(out, "%" PRIx64 " %" PRIu64 "\n",
					page->address, page->count);
	fflush(out);
}

static void find_marks(struct qemu_plugin_tb *tb)
{
	static const uint8_t begins[] = { MARK_BYTES(MARK_BEGIN) };
	static const uint8_t ends[] = { MARK_BYTES(MARK_END) };
	size_t i;

	for (i = 0; i < qemu_plugin_tb_n_insns(tb); i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
		const void *data = qemu_plugin_insn_data(insn);

		if (qemu_plugin_insn_size(insn) != sizeof(begins))
			continue;
		if (!memcmp(data, begins, sizeof(begins)))
			qemu_plugin_register_vcpu_insn_exec_cb(insn, begin, 0,
							       NULL);
		else if (!memcmp(data, ends, sizeof(ends)))
			qemu_plugin_register_vcpu_insn_exec_cb(insn, end, 0,
							       NULL);
	}
}

static void translated(uint64_t id, struct qemu_plugin_tb *tb)
{
	uint64_t address = qemu_plugin_tb_vaddr(tb);
	struct page *page;

	(void)id;
	page = find_page(address >> PAGE_SHIFT << PAGE_SHIFT);
	qemu_plugin_register_vcpu_tb_exec_inline(tb, 0, &page->count,
						 qemu_plugin_tb_n_insns(tb));
	find_marks(tb);
}

EXPORT int qemu_plugin_install(uint64_t id, const void *info, int argc,
			       char **argv);

EXPORT int qemu_plugin_install(uint64_t id, const void *info, int argc,
			       char **argv)
{
	(void)info;
	if (argc != 1 || strncmp(argv[0], "out=", 4))
		return -1;
	out = fopen(argv[0] + 4, "we");
	if (!out)
		return -1;
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	return 0;
}
