// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * kTLS in both directions, as a program has to do it by hand with OpenSSL 3.0:
 * the traffic secrets come out of the keylog callback, in hexadecimal.
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/tls.h>
#include <openssl/core_names.h>
#include <openssl/kdf.h>

#include "bench.h"
#include "channel.h"

#define SECRET_LEN	32
#define RECORD_ALERT	21

static EVP_KDF *kdf;
static uint8_t client_secret[SECRET_LEN], server_secret[SECRET_LEN];

static int nibble(char c)
{
	return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
}

/* "LABEL CLIENT_RANDOM SECRET" */
static void keylog(const SSL *ssl, const char *line)
{
	const char *hex = strrchr(line, ' ') + 1;
	uint8_t *secret;
	int i;

	(void)ssl;
	if (!strncmp(line, "CLIENT_TRAFFIC_SECRET_0 ", 24))
		secret = client_secret;
	else if (!strncmp(line, "SERVER_TRAFFIC_SECRET_0 ", 24))
		secret = server_secret;
	else
		return;
	for (i = 0; i < SECRET_LEN; i++)
		secret[i] = nibble(hex[2 * i]) << 4 | nibble(hex[2 * i + 1]);
}

/* Have the secrets of the handshakes of @ctx kept.  Return: 0 or -1. */
int ktls_secrets_init(SSL_CTX *ctx)
{
	kdf = EVP_KDF_fetch(NULL, OSSL_KDF_NAME_TLS1_3_KDF, NULL);
	SSL_CTX_set_keylog_callback(ctx, keylog);
	return kdf ? 0 : -1;
}

static int expand(const uint8_t *secret, const char *label, uint8_t *out,
		  size_t len)
{
	int mode = EVP_KDF_HKDF_MODE_EXPAND_ONLY;
	EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(kdf);
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode),
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST,
						 (char *)"SHA256", 0),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY,
						  (void *)secret, SECRET_LEN),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_PREFIX,
						  (void *)"tls13 ", 6),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_LABEL,
						  (void *)label, strlen(label)),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_DATA,
						  (void *)"", 0),
		OSSL_PARAM_construct_end(),
	};
	int ok = EVP_KDF_derive(ctx, out, len, params);

	EVP_KDF_CTX_free(ctx);
	return ok > 0 ? 0 : -1;
}

static int set_key(int fd, int direction, const uint8_t *secret,
		   unsigned int records)
{
	struct tls12_crypto_info_aes_gcm_128 info = {
		.info.version = TLS_1_3_VERSION,
		.info.cipher_type = TLS_CIPHER_AES_GCM_128,
	};
	uint8_t iv[12];

	if (expand(secret, "key", info.key, sizeof(info.key)) ||
	    expand(secret, "iv", iv, sizeof(iv)))
		return -1;
	memcpy(info.salt, iv, sizeof(info.salt));
	memcpy(info.iv, iv + sizeof(info.salt), sizeof(info.iv));
	info.rec_seq[sizeof(info.rec_seq) - 1] = records;
	return setsockopt(fd, SOL_TLS, direction, &info, sizeof(info));
}

/*
 * Give the keys of a handshake that is done, and after which as many tickets
 * were sent, to the kernel; nothing has been read since.  Return: 0 or -1.
 */
int ktls_by_hand(SSL *ssl, int fd, unsigned int tickets)
{
	(void)ssl;
	if (setsockopt(fd, SOL_TCP, TCP_ULP, "tls", sizeof("tls")))
		return -1;
	if (set_key(fd, TLS_TX, server_secret, tickets))
		return -1;
	return set_key(fd, TLS_RX, client_secret, 0);
}

/* An alert has to be asked for. */
void ktls_close_notify(int fd)
{
	char control[CMSG_SPACE(1)] = { 0 };
	char alert[2] = { 1, 0 };
	struct iovec iov = { alert, sizeof(alert) };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	cmsg->cmsg_level = SOL_TLS;
	cmsg->cmsg_type = TLS_SET_RECORD_TYPE;
	cmsg->cmsg_len = CMSG_LEN(1);
	*CMSG_DATA(cmsg) = RECORD_ALERT;
	(void)!sendmsg(fd, &msg, MSG_NOSIGNAL);
}
