/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BENCH_CHANNEL_H
#define BENCH_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include <openssl/ssl.h>

/* Who does the records. */
enum engine {
	ENGINE_NONE,		/* nobody: plain TCP */
	ENGINE_OPENSSL,		/* the program, with OpenSSL */
	ENGINE_OPENSSL_KTLS,	/* OpenSSL, and the kernel as far as it does it */
	ENGINE_HAND,		/* the kernel, keys by hand in both directions */
	ENGINE_SOCKAUTH,	/* the kernel; the program knows nothing */
};

/**
 * struct channel - a connection of the server
 * @fd: the socket
 * @ssl: while OpenSSL does the records; else NULL
 * @alert: close_notify is ours to send, on a kTLS socket
 */
struct channel {
	int fd;
	SSL *ssl;
	bool alert;
};

ssize_t channel_read(struct channel *ch, void *buf, size_t len);
int channel_write(struct channel *ch, const void *buf, size_t len);
int channel_file(struct channel *ch, int file, size_t len);
void channel_close(struct channel *ch);

int ktls_secrets_init(SSL_CTX *ctx);
int ktls_by_hand(SSL *ssl, int fd, unsigned int tickets);
void ktls_close_notify(int fd);

#endif /* BENCH_CHANNEL_H */
