// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * sockauthd - the security daemon of sockauth
 *
 * Start, reload and end; signals, which only the main thread gets.  Everything
 * here belongs to the main thread.
 *
 * The order of the start is that of privileges: the broker, whose helpers are
 * in the hands of users, is forked before there are keys that it would inherit;
 * the loader, which keeps the right to read them anyway, when they were read
 * for the first time, and before there are ports; the module lets only
 * CAP_NET_ADMIN become a worker, so ports are bound next; then privileges go,
 * for good; then there are threads; then the system call filter; and only then
 * a worker reads what a stranger has sent.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "broker.h"
#include "config.h"
#include "files.h"
#include "loader.h"
#include "log.h"
#include "notify.h"
#include "options.h"
#include "privs.h"
#include "profile.h"
#include "psk.h"
#include "sandbox.h"
#include "session.h"
#include "ticket.h"
#include "tls.h"
#include "worker.h"

#define BIND_TIMEOUT_MS	5000

/**
 * struct sockauthd - all there is
 * @options: the command line
 * @ciphers: of the kernel
 * @snapshot: the present configuration
 * @sessions: of initiators
 * @workers: the workers
 * @worker_count: how many
 * @loader_fd: who reads files for us; -1: nobody yet, or nobody any more
 * @broker_fd: who gets Kerberos tickets for us; -1: nobody yet
 * @signal_fd: signals
 * @uid: whom to run as
 * @gid: likewise
 */
struct sockauthd {
	struct options options;
	struct ciphers ciphers;
	struct snapshot *snapshot;
	struct sessions *sessions;
	struct worker **workers;
	size_t worker_count;
	int loader_fd;
	int broker_fd;
	int signal_fd;
	uid_t uid;
	gid_t gid;
};

static int check_config(const struct options *options)
{
	const struct ciphers any = { .count = 0 };
	struct snapshot *snapshot;
	char text[CONFIG_TEXT_MAX] = "out of memory";
	struct files files = { 0 };
	int err;

	err = loader_collect(&files, options->config);
	if (!err)
		err = snapshot_new(options->config, &files, &any, true,
				   &snapshot, text, sizeof(text));
	files_clear(&files);
	if (err) {
		fprintf(stderr, "sockauthd: %s\n", text);
		return EXIT_CONFIG;
	}
	snapshot_put(snapshot);
	return EXIT_OK;
}

static int ask_kernel(struct sockauthd *d)
{
	char text[256] = "";
	int err = worker_ciphers(&d->ciphers, text, sizeof(text));

	if (!err)
		return 0;
	if (err == -ENOENT) {
		log_error("the kernel module sockauth is not loaded: modprobe sockauth");
		return EXIT_NO_MODULE;
	}
	log_error("the kernel module refuses us: %s%s%s", strerror(-err),
		  *text ? ": " : "", text);
	return EXIT_FAILED;
}

/* The first time we read by ourselves: privileges are still there. */
static int load_first(struct sockauthd *d)
{
	char text[CONFIG_TEXT_MAX] = "out of memory";
	struct files files = { 0 };
	int err;

	err = loader_collect(&files, d->options.config);
	if (!err)
		err = snapshot_new(d->options.config, &files, &d->ciphers,
				   false, &d->snapshot, text, sizeof(text));
	files_clear(&files);
	if (!err)
		return 0;
	log_error("%s", text);
	return err == -ENOMEM ? EXIT_FAILED : EXIT_CONFIG;
}

/*
 * It is bound while we may do that, and asked only once we may do nothing else:
 * what strangers say is not for root to read.
 */
static int open_worker(struct sockauthd *d, const struct ticket_seed *seed)
{
	struct worker *worker;
	int err;

	err = worker_new(d->snapshot, seed, d->sessions, &worker);
	if (err) {
		log_error("a worker cannot be opened: %s", strerror(-err));
		return err;
	}
	d->workers[d->worker_count++] = worker;
	err = broker_connect(d->broker_fd, &worker->contexts.broker);
	if (!err)
		err = worker_bind(worker, d->snapshot, 0);
	if (!err)
		err = worker_wait_bound(worker, BIND_TIMEOUT_MS);
	if (err)
		log_error("a worker cannot be bound: %s%s%s", strerror(-err),
			  *worker->bind_text ? ": " : "", worker->bind_text);
	return err;
}

static int open_workers(struct sockauthd *d)
{
	size_t i, count = d->snapshot->config->workers;
	struct ticket_seed seed;
	int err;

	if (!count) {
		long cpus = sysconf(_SC_NPROCESSORS_ONLN);

		count = cpus > 0 ? cpus : 1;
		if (count > CONFIG_WORKERS_MAX)
			count = CONFIG_WORKERS_MAX;
	}
	d->workers = calloc(count, sizeof(*d->workers));
	err = d->workers ? ticket_seed_init(&seed) : -ENOMEM;
	if (!err)
		err = sessions_new(d->snapshot->config->sessions, &d->sessions);
	for (i = 0; !err && i < count; i++)
		err = open_worker(d, &seed);
	OPENSSL_cleanse(&seed, sizeof(seed));
	return err ? EXIT_FAILED : 0;
}

static int start_loader(struct sockauthd *d)
{
	char text[256];
	int err;

	if (privs_user(d->snapshot->config->user, &d->uid, &d->gid, text,
		       sizeof(text))) {
		log_error("%s: %s", d->options.config, text);
		return EXIT_CONFIG;
	}
	if (!d->uid)
		log_warning("there is no user sockauth: running as root, without capabilities");
	err = loader_start(d->options.config, d->uid, d->gid, &d->loader_fd);
	if (!err)
		return 0;
	log_error("the loader cannot be started: %s", strerror(-err));
	return EXIT_FAILED;
}

static int drop_privileges(const struct sockauthd *d)
{
	int err = privs_drop(d->uid, d->gid, PRIVS_NONE);

	if (!err)
		return 0;
	log_error("privileges cannot be dropped: %s", strerror(-err));
	return EXIT_FAILED;
}

static int start_threads(struct sockauthd *d)
{
	pthread_barrier_t barrier;
	size_t i;
	int err;

	if (pthread_barrier_init(&barrier, NULL, d->worker_count + 1))
		return EXIT_FAILED;
	for (i = 0; i < d->worker_count; i++) {
		err = worker_start(d->workers[i], &barrier);
		if (err) {
			/* The threads that wait at the barrier go with us. */
			log_error("a thread cannot be started: %s",
				  strerror(-err));
			_exit(EXIT_FAILED);
		}
	}
	err = sandbox_enter();
	if (err) {
		log_error("the system call filter cannot be installed: %s",
			  strerror(-err));
		_exit(EXIT_FAILED);
	}
	pthread_barrier_wait(&barrier);
	pthread_barrier_destroy(&barrier);
	return 0;
}

/* From here on the module asks. */
static int open_windows(struct sockauthd *d)
{
	size_t i;
	int err;

	for (i = 0; i < d->worker_count; i++) {
		err = worker_bind(d->workers[i], d->snapshot,
				  d->snapshot->config->window);
		if (err) {
			log_error("a worker cannot be bound: %s",
				  strerror(-err));
			return EXIT_FAILED;
		}
	}
	return 0;
}

static void report_ready(const struct sockauthd *d)
{
	size_t count = d->snapshot->config->profile_count;

	log_info("ready: %zu profile%s, %zu worker%s", count,
		 count == 1 ? "" : "s", d->worker_count,
		 d->worker_count == 1 ? "" : "s");
	notify_send("READY=1\nSTATUS=%zu profile%s, %zu worker%s", count,
		    count == 1 ? "" : "s", d->worker_count,
		    d->worker_count == 1 ? "" : "s");
}

/* What cannot change while we run, and so is not changed by a reload. */
static void warn_fixed(const struct config *old, const struct config *new)
{
	if (old->workers != new->workers || old->window != new->window ||
	    old->contexts != new->contexts || old->sessions != new->sessions ||
	    strcmp(old->user ? old->user : "", new->user ? new->user : ""))
		log_warning("changes of [daemon] take effect after a restart");
}

static void reload(struct sockauthd *d)
{
	char text[CONFIG_TEXT_MAX] = "out of memory";
	struct files files = { 0 };
	struct snapshot *new;
	struct timespec now;
	size_t i;
	int err;

	clock_gettime(CLOCK_MONOTONIC, &now);
	notify_send("RELOADING=1\nMONOTONIC_USEC=%lld",
		    now.tv_sec * 1000000LL + now.tv_nsec / 1000);
	err = loader_fetch(&d->loader_fd, &files);
	if (err)
		snprintf(text, sizeof(text),
			 "the loader failed, restart the daemon: %s",
			 strerror(-err));
	else
		err = snapshot_new(d->options.config, &files, &d->ciphers,
				   true, &new, text, sizeof(text));
	files_clear(&files);
	if (err) {
		log_error("%s; the old configuration stays", text);
	} else {
		warn_fixed(d->snapshot->config, new->config);
		for (i = 0; i < d->worker_count; i++)
			worker_update(d->workers[i], new);
		snapshot_put(d->snapshot);
		d->snapshot = new;
		log_notice("configuration reloaded");
	}
	report_ready(d);
}

static int open_signals(struct sockauthd *d)
{
	sigset_t set;

	/* The loader reaps itself, and a closed socket is an error code. */
	signal(SIGCHLD, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	d->signal_fd = signalfd(-1, &set, SFD_CLOEXEC);
	if (d->signal_fd >= 0)
		return 0;
	log_error("signalfd: %s", strerror(errno));
	return EXIT_FAILED;
}

static void serve(struct sockauthd *d)
{
	struct signalfd_siginfo info;

	report_ready(d);
	while (1) {
		if (read(d->signal_fd, &info, sizeof(info)) != sizeof(info))
			continue;
		if (info.ssi_signo != SIGHUP)
			break;
		reload(d);
	}
	notify_send("STOPPING=1");
	log_info("ending");
}

static int start(struct sockauthd *d)
{
	int code, err;

	err = privs_harden();
	if (err) {
		log_error("core dumps cannot be forbidden: %s",
			  strerror(-err));
		return EXIT_FAILED;
	}
	err = notify_open();
	if (err)
		log_warning("systemd cannot be told how things are: %s",
			    strerror(-err));
	/* Before there are keys in the memory that it would inherit. */
	err = broker_start(&d->broker_fd);
	if (err) {
		log_error("the broker of Kerberos tickets cannot be started: %s",
			  strerror(-err));
		return EXIT_FAILED;
	}
	code = open_signals(d);
	if (!code)
		code = ask_kernel(d);
	if (!code)
		code = load_first(d);
	if (!code)
		code = start_loader(d);
	if (!code)
		code = open_workers(d);
	if (!code)
		code = drop_privileges(d);
	if (!code)
		code = start_threads(d);
	if (!code)
		code = open_windows(d);
	return code;
}

static void stop(struct sockauthd *d)
{
	size_t i;

	for (i = 0; i < d->worker_count; i++) {
		worker_stop(d->workers[i]);
		worker_free(d->workers[i]);
	}
	free(d->workers);
	sessions_free(d->sessions);
	snapshot_put(d->snapshot);
	if (d->broker_fd >= 0)
		close(d->broker_fd);
	if (d->loader_fd >= 0)
		close(d->loader_fd);
	if (d->signal_fd >= 0)
		close(d->signal_fd);
	notify_close();
}

int main(int argc, char **argv)
{
	struct sockauthd d = { .loader_fd = -1, .broker_fd = -1, .signal_fd = -1 };
	int code;

	code = options_parse(argc, argv, &d.options);
	if (code >= 0)
		return code;
	if (d.options.verbose)
		log_verbose();
	if (tls_init() || psk_init() || ticket_init()) {
		log_error("OpenSSL cannot be initialized");
		return EXIT_FAILED;
	}
	if (d.options.check_config) {
		code = check_config(&d.options);
	} else {
		code = start(&d);
		if (!code)
			serve(&d);
		stop(&d);
	}
	ticket_exit();
	tls_exit();
	return code;
}
