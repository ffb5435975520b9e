// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A worker: from the kernel's message to a row or JSON.  Owns nothing.
 */
#include <errno.h>

#include "attr.h"
#include "json.h"
#include "text.h"
#include "worker.h"

const char *const worker_heads[WORKER_COLUMNS] = {
	"PORTID", "AGE", "WINDOW", "OUTSTANDING", "CONTEXTS", "ANSWERED",
};

/**
 * worker_decode - read a message about a worker
 * @nlh: the message
 * @worker: set on success
 *
 * Return: 0, or -EPROTO if the message is malformed or says too little.
 */
int worker_decode(const struct nlmsghdr *nlh, struct worker *worker)
{
	const struct nlattr *tb[SOCKAUTH_A_MAX + 1];
	int err;

	err = sockauth_genl_parse(nlh, tb);
	if (err)
		return err;
	if (!tb[SOCKAUTH_A_PORTID])
		return -EPROTO;
	worker->portid = attr_u32(tb, SOCKAUTH_A_PORTID);
	worker->age_ms = attr_u64(tb, SOCKAUTH_A_AGE_MS);
	worker->window = attr_u32(tb, SOCKAUTH_A_WINDOW);
	worker->outstanding = attr_u32(tb, SOCKAUTH_A_OUTSTANDING);
	worker->contexts = attr_u32(tb, SOCKAUTH_A_CONTEXTS);
	worker->answered = attr_u64(tb, SOCKAUTH_A_ANSWERED);
	return 0;
}

/**
 * worker_row - add a worker to the table for people
 * @worker: the worker
 * @table: of WORKER_COLUMNS columns
 *
 * Return: 0 or -ENOMEM.
 */
int worker_row(const struct worker *worker, struct table *table)
{
	char portid[TEXT_SIZE], age[TEXT_SIZE], window[TEXT_SIZE];
	char outstanding[TEXT_SIZE], contexts[TEXT_SIZE], answered[TEXT_SIZE];
	const char *const cells[WORKER_COLUMNS] = {
		text_number(worker->portid, portid),
		text_age(worker->age_ms, age),
		text_number(worker->window, window),
		text_number(worker->outstanding, outstanding),
		text_number(worker->contexts, contexts),
		text_number(worker->answered, answered),
	};

	return table_add(table, cells);
}

/**
 * worker_json - a worker for programs
 * @worker: the worker
 *
 * Return: a new object, or NULL: no memory.
 */
json_t *worker_json(const struct worker *worker)
{
	json_t *object = json_object();
	int err;

	err = json_put(object, "portid", json_integer(worker->portid));
	err |= json_put(object, "age_ms", json_integer(worker->age_ms));
	err |= json_put(object, "window", json_integer(worker->window));
	err |= json_put(object, "outstanding",
			json_integer(worker->outstanding));
	err |= json_put(object, "contexts", json_integer(worker->contexts));
	err |= json_put(object, "answered", json_integer(worker->answered));
	if (err) {
		json_decref(object);
		return NULL;
	}
	return object;
}
