// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A TLS 1.3 peer that decides about every record, see call-peer.h.
 *
 * OpenSSL works on memory BIOs and is fed one record at a time, so nothing
 * that comes after the handshake gets lost in it. The traffic secrets come
 * through its keylog callback.
 */
#include "call-peer.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/ssl.h>

#include "net.h"

#define SECRET_LEN	32
#define KEY_LEN		16
#define IV_LEN		12
#define TAG_LEN		16
#define RECORD_HDR	5
#define RECORD_MAX	(RECORD_HDR + 16384 + 256)

/* One direction. */
struct peer_keys {
	uint8_t		secret[SECRET_LEN];
	uint8_t		key[KEY_LEN];
	uint8_t		iv[IV_LEN];
	uint64_t	seq;
};

struct peer {
	int			fd;
	bool			server;
	SSL_CTX			*ctx;
	SSL			*ssl;
	struct peer_keys	tx;
	struct peer_keys	rx;
	uint8_t			*out;
	size_t			out_len;
};

/* RFC 8446 7.1, with an empty context. */
static int expand_label(const uint8_t secret[SECRET_LEN], const char *label,
			uint8_t *out, size_t len)
{
	char digest[] = "SHA256";
	int mode = EVP_KDF_HKDF_MODE_EXPAND_ONLY, err = -EINVAL;
	size_t n = strlen(label);
	EVP_KDF_CTX *kctx;
	uint8_t info[32];
	EVP_KDF *kdf;

	info[0] = 0;
	info[1] = len;
	info[2] = 6 + n;
	memcpy(info + 3, "tls13 ", 6);
	memcpy(info + 9, label, n);
	info[9 + n] = 0;

	OSSL_PARAM params[] = {
		OSSL_PARAM_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 6),
		OSSL_PARAM_int(OSSL_KDF_PARAM_MODE, &mode),
		OSSL_PARAM_octet_string(OSSL_KDF_PARAM_KEY, (void *)secret,
					SECRET_LEN),
		OSSL_PARAM_octet_string(OSSL_KDF_PARAM_INFO, info, 10 + n),
		OSSL_PARAM_END,
	};

	kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
	kctx = EVP_KDF_CTX_new(kdf);
	if (kctx && EVP_KDF_derive(kctx, out, len, params) == 1)
		err = 0;
	EVP_KDF_CTX_free(kctx);
	EVP_KDF_free(kdf);
	return err;
}

static int keys_of_secret(struct peer_keys *keys)
{
	int err = expand_label(keys->secret, "key", keys->key, KEY_LEN);

	keys->seq = 0;
	return err ? err : expand_label(keys->secret, "iv", keys->iv, IV_LEN);
}

/* "LABEL CLIENT_RANDOM SECRET", the latter in hexadecimal digits. */
static void on_keylog(const SSL *ssl, const char *line)
{
	struct peer *p = SSL_get_app_data(ssl);
	struct peer_keys *keys;
	const char *hex = strrchr(line, ' ') + 1;
	size_t i;

	if (!strncmp(line, "CLIENT_TRAFFIC_SECRET_0 ", 24))
		keys = p->server ? &p->rx : &p->tx;
	else if (!strncmp(line, "SERVER_TRAFFIC_SECRET_0 ", 24))
		keys = p->server ? &p->tx : &p->rx;
	else
		return;
	for (i = 0; i < SECRET_LEN; i++)
		sscanf(hex + 2 * i, "%2hhx", &keys->secret[i]);
	keys_of_secret(keys);
}

static int configure(struct peer *p)
{
	const char *dir = getenv("SOCKAUTH_TEST_DIR");
	char cert[256], key[256];

	if (!dir)
		dir = "/run/sockauth-test";
	snprintf(cert, sizeof(cert), "%s/server.pem", dir);
	snprintf(key, sizeof(key), "%s/server.key", dir);
	SSL_CTX_set_keylog_callback(p->ctx, on_keylog);
	/* Its tickets would use up sequence numbers that we count. */
	if (SSL_CTX_set_ciphersuites(p->ctx, "TLS_AES_128_GCM_SHA256") != 1 ||
	    SSL_CTX_set_num_tickets(p->ctx, 0) != 1)
		return -EINVAL;
	if (!p->server)
		return 0;
	if (SSL_CTX_use_certificate_file(p->ctx, cert, SSL_FILETYPE_PEM) != 1 ||
	    SSL_CTX_use_PrivateKey_file(p->ctx, key, SSL_FILETYPE_PEM) != 1)
		return -ENOKEY;
	return 0;
}

int peer_new(struct peer **pp, int fd, bool server)
{
	struct peer *p = calloc(1, sizeof(*p));
	int err = -ENOMEM;

	if (!p)
		return err;
	p->fd = fd;
	p->server = server;
	p->ctx = SSL_CTX_new(TLS_method());
	if (p->ctx)
		err = configure(p);
	if (!err) {
		p->ssl = SSL_new(p->ctx);
		err = p->ssl ? 0 : -ENOMEM;
	}
	if (err) {
		peer_free(p);
		return err;
	}
	SSL_set_app_data(p->ssl, p);
	SSL_set_bio(p->ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
	if (server) {
		SSL_set_accept_state(p->ssl);
	} else {
		SSL_set_connect_state(p->ssl);
		SSL_set_tlsext_host_name(p->ssl, "localhost");
	}
	*pp = p;
	return 0;
}

void peer_free(struct peer *p)
{
	if (!p)
		return;
	SSL_free(p->ssl);
	SSL_CTX_free(p->ctx);
	free(p->out);
	free(p);
}

static int add_output(struct peer *p, const void *data, size_t len)
{
	uint8_t *out = realloc(p->out, p->out_len + len);

	if (!out)
		return -ENOMEM;
	memcpy(out + p->out_len, data, len);
	p->out = out;
	p->out_len += len;
	return 0;
}

/* One record as it came; its length, or -errno. */
static int read_record(struct peer *p, uint8_t buf[RECORD_MAX])
{
	int len, err = net_read(p->fd, buf, RECORD_HDR);

	if (err)
		return err;
	len = buf[3] << 8 | buf[4];
	if (RECORD_HDR + len > RECORD_MAX)
		return -EMSGSIZE;
	err = net_read(p->fd, buf + RECORD_HDR, len);
	return err ? err : RECORD_HDR + len;
}

static int take_output(struct peer *p)
{
	char *data;
	long len = BIO_get_mem_data(SSL_get_wbio(p->ssl), &data);
	int err = len > 0 ? add_output(p, data, len) : 0;

	(void)BIO_reset(SSL_get_wbio(p->ssl));
	return err;
}

int peer_step(struct peer *p)
{
	uint8_t record[RECORD_MAX];
	int ret, err, len;

	ret = SSL_do_handshake(p->ssl);
	err = take_output(p);
	if (err)
		return err;
	if (ret == 1)
		return 1;
	if (SSL_get_error(p->ssl, ret) != SSL_ERROR_WANT_READ)
		return -EPROTO;
	if (p->out_len)
		return 0;
	len = read_record(p, record);
	if (len < 0)
		return len;
	return BIO_write(SSL_get_rbio(p->ssl), record, len) == len ? 0 : -EIO;
}

bool peer_has_output(const struct peer *p)
{
	return p->out_len;
}

int peer_flush(struct peer *p)
{
	int err = call_write(p->fd, (char *)p->out, p->out_len);

	p->out_len = 0;
	return err;
}

int peer_handshake(struct peer *p)
{
	int ret, err;

	do {
		ret = peer_step(p);
		if (ret < 0)
			return ret;
		err = peer_flush(p);
		if (err)
			return err;
	} while (!ret);
	return 0;
}

static void nonce_of(const struct peer_keys *keys, uint8_t nonce[IV_LEN])
{
	int i;

	memcpy(nonce, keys->iv, IV_LEN);
	for (i = 0; i < 8; i++)
		nonce[IV_LEN - 1 - i] ^= keys->seq >> (8 * i);
}

/* RFC 8446 5.2: the text in BUF after the header becomes a sealed record. */
static int seal(struct peer_keys *keys, uint8_t *buf, int len)
{
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	uint8_t nonce[IV_LEN];
	int n, err = -EIO;

	buf[0] = PEER_DATA;
	buf[1] = buf[2] = 3;
	buf[3] = (len + TAG_LEN) >> 8;
	buf[4] = len + TAG_LEN;
	nonce_of(keys, nonce);
	if (c && EVP_EncryptInit_ex(c, EVP_aes_128_gcm(), NULL, keys->key,
				    nonce) == 1 &&
	    EVP_EncryptUpdate(c, NULL, &n, buf, RECORD_HDR) == 1 &&
	    EVP_EncryptUpdate(c, buf + RECORD_HDR, &n, buf + RECORD_HDR,
			      len) == 1 &&
	    EVP_EncryptFinal_ex(c, buf + RECORD_HDR + n, &n) == 1 &&
	    EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, TAG_LEN,
				buf + RECORD_HDR + len) == 1)
		err = 0;
	EVP_CIPHER_CTX_free(c);
	keys->seq++;
	return err;
}

/* In place; the length of the text, or -EBADMSG. */
static int open_record(struct peer_keys *keys, uint8_t *buf, int len)
{
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	int n, text = len - RECORD_HDR - TAG_LEN, ret = -EBADMSG;
	uint8_t nonce[IV_LEN];

	nonce_of(keys, nonce);
	if (c && text > 0 &&
	    EVP_DecryptInit_ex(c, EVP_aes_128_gcm(), NULL, keys->key,
			       nonce) == 1 &&
	    EVP_DecryptUpdate(c, NULL, &n, buf, RECORD_HDR) == 1 &&
	    EVP_DecryptUpdate(c, buf + RECORD_HDR, &n, buf + RECORD_HDR,
			      text) == 1 &&
	    EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, TAG_LEN,
				buf + len - TAG_LEN) == 1 &&
	    EVP_DecryptFinal_ex(c, buf + RECORD_HDR + text, &n) == 1)
		ret = text;
	EVP_CIPHER_CTX_free(c);
	keys->seq++;
	return ret;
}

int peer_append(struct peer *p, enum peer_record type, const void *data,
		size_t len, size_t pad)
{
	uint8_t buf[RECORD_MAX];
	size_t inner = len + 1 + pad;
	int err;

	if (RECORD_HDR + inner + TAG_LEN > sizeof(buf))
		return -EMSGSIZE;
	memcpy(buf + RECORD_HDR, data, len);
	buf[RECORD_HDR + len] = type;
	memset(buf + RECORD_HDR + len + 1, 0, pad);
	err = seal(&p->tx, buf, inner);
	return err ? err : add_output(p, buf, RECORD_HDR + inner + TAG_LEN);
}

int peer_send(struct peer *p, enum peer_record type, const void *data,
	      size_t len)
{
	int err = peer_append(p, type, data, len, 0);

	return err ? err : peer_flush(p);
}

int peer_update_keys(struct peer *p)
{
	uint8_t next[SECRET_LEN];
	int err = expand_label(p->tx.secret, "traffic upd", next, SECRET_LEN);

	if (err)
		return err;
	memcpy(p->tx.secret, next, SECRET_LEN);
	return keys_of_secret(&p->tx);
}

int peer_recv(struct peer *p, enum peer_record *type, void *buf, size_t size)
{
	uint8_t record[RECORD_MAX];
	int len;

	do {
		len = read_record(p, record);
		if (len < 0)
			return len;
		len = open_record(&p->rx, record, len);
		if (len < 0)
			return len;
		while (len && !record[RECORD_HDR + len - 1])
			len--;
		if (!len--)
			return -EBADMSG;
		*type = record[RECORD_HDR + len];
	} while (*type == PEER_HANDSHAKE);
	if ((size_t)len > size)
		return -EMSGSIZE;
	memcpy(buf, record + RECORD_HDR, len);
	return len;
}

int peer_expect(struct peer *p, size_t len, size_t offset)
{
	char in[16384], wanted[16384];
	enum peer_record type;
	size_t have = 0;
	int n;

	while (have < len) {
		n = peer_recv(p, &type, in, sizeof(in));
		if (n < 0)
			return n;
		if (type != PEER_DATA || n > (int)(len - have))
			return -EBADMSG;
		call_text(wanted, n, offset + have, true);
		if (memcmp(in, wanted, n))
			return -EBADMSG;
		have += n;
	}
	return 0;
}

int peer_expect_end(struct peer *p)
{
	enum peer_record type;
	char alert[2];
	int n = peer_recv(p, &type, alert, sizeof(alert));

	if (n < 0)
		return n;
	return type == PEER_ALERT && n == 2 &&
	       !memcmp(alert, PEER_CLOSE_NOTIFY, 2) ? 0 : -EBADMSG;
}

/* sockauth connects to us. */
static int pair_client(int *fd, struct peer **p, int *raw)
{
	int listener = call_listener(false), err;
	int client = call_socket(true);

	if (listener < 0 || client < 0)
		return listener < 0 ? listener : client;
	err = call_nonblock(client, true);
	if (!err)
		err = call_connect(client, listener);
	if (err != -EINPROGRESS)
		return err;
	*raw = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	close(listener);
	if (*raw < 0)
		return -errno;
	err = peer_new(p, *raw, true);
	if (!err)
		err = peer_handshake(*p);
	if (!err && !net_wait(client, POLLOUT, PATIENCE_MS))
		err = -ETIMEDOUT;
	*fd = client;
	return err ? err : call_nonblock(client, false);
}

/* We connect to sockauth. */
static int pair_server(int *fd, struct peer **p, int *raw)
{
	int listener = call_listener(true), err;

	if (listener < 0)
		return listener;
	*raw = net_connect_to(listener);
	if (*raw < 0)
		return *raw;
	err = peer_new(p, *raw, false);
	if (!err)
		err = peer_handshake(*p);
	if (!err && !net_wait(listener, POLLIN, PATIENCE_MS))
		err = -ETIMEDOUT;
	*fd = err ? -1 : accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	close(listener);
	return err ? err : *fd < 0 ? -errno : 0;
}

int peer_pair(enum call_role role, int *fd, struct peer **p, int *raw)
{
	int err = role == CALL_CLIENT ? pair_client(fd, p, raw) :
		  pair_server(fd, p, raw);
	struct sockauth_status st;

	if (!err)
		err = net_status(*fd, &st);
	if (!err && st.state != SOCKAUTH_STATE_OPEN)
		err = st.error ? -(int)st.error : -ENOTCONN;
	return err;
}
