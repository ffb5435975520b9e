// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Keys of session tickets.
 *
 * Every worker must be able to open every other's tickets, keys must change,
 * and old ones must be gone; without a lock, and without a thread that hands
 * keys out.  So all workers begin with the same seed, and each goes through
 * the same chain by itself: a link is one TICKET_LIFETIME long on the
 * monotonic clock, its keys are derived from the link, the next link too, and
 * then the link is wiped.  Nobody can go back.
 *
 * A struct ticket_keys belongs to one thread; the fetched algorithms are
 * constant after ticket_init().
 */
#include <errno.h>
#include <string.h>
#include <time.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include "ticket.h"
#include "tlskdf.h"

static EVP_CIPHER *aes;

/**
 * ticket_init - fetch the algorithms, before the threads exist
 *
 * Return: 0 or -ENOTSUP.
 */
int ticket_init(void)
{
	aes = EVP_CIPHER_fetch(NULL, "AES-256-CBC", NULL);
	return aes ? 0 : -ENOTSUP;
}

/**
 * ticket_exit - undo ticket_init()
 */
void ticket_exit(void)
{
	EVP_CIPHER_free(aes);
	aes = NULL;
}

/**
 * ticket_epoch - number of the link that is due now
 *
 * Return: the number.
 */
uint64_t ticket_epoch(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return now.tv_sec / TICKET_LIFETIME;
}

static int expand(const uint8_t *chain, const char *label, uint8_t *out,
		  size_t len)
{
	return tlskdf_expand("SHA256", chain, TICKET_SEED_LEN, label, out,
			     len);
}

static int derive(const uint8_t *chain, struct ticket_key *key)
{
	int err;

	err = expand(chain, "ticket name", key->name, sizeof(key->name));
	if (!err)
		err = expand(chain, "ticket aes", key->aes, sizeof(key->aes));
	if (!err)
		err = expand(chain, "ticket hmac", key->hmac,
			     sizeof(key->hmac));
	return err;
}

/**
 * ticket_seed_init - make a seed
 * @seed: set; the caller wipes it once all workers have it
 *
 * Return: 0 or -EIO.
 */
int ticket_seed_init(struct ticket_seed *seed)
{
	seed->epoch = ticket_epoch();
	return RAND_bytes(seed->secret, sizeof(seed->secret)) == 1 ? 0 : -EIO;
}

/**
 * ticket_keys_init - begin the chain
 * @keys: set
 * @seed: the same for all workers
 *
 * Return: 0 or -ENOMEM.
 */
int ticket_keys_init(struct ticket_keys *keys, const struct ticket_seed *seed)
{
	int err;

	memset(keys, 0, sizeof(*keys));
	keys->epoch = seed->epoch;
	memcpy(keys->chain, seed->secret, TICKET_SEED_LEN);
	err = derive(keys->chain, &keys->current);
	if (err)
		return err;
	/* There is no ticket of an earlier link. */
	keys->previous = keys->current;
	return 0;
}

/**
 * ticket_keys_clear - wipe the keys
 * @keys: all zero afterwards
 */
void ticket_keys_clear(struct ticket_keys *keys)
{
	OPENSSL_cleanse(keys, sizeof(*keys));
}

/**
 * ticket_keys_advance - go on to a later link
 * @keys: the keys
 * @epoch: of the link; an earlier one than the present changes nothing
 *
 * Return: 0, or -ENOMEM: the keys are still good for where they stopped.
 */
int ticket_keys_advance(struct ticket_keys *keys, uint64_t epoch)
{
	struct ticket_key key;
	uint8_t next[TICKET_SEED_LEN];
	int err = 0;

	while (!err && keys->epoch < epoch) {
		err = expand(keys->chain, "ticket next", next, sizeof(next));
		if (!err)
			err = derive(next, &key);
		if (err)
			break;
		keys->previous = keys->current;
		keys->current = key;
		memcpy(keys->chain, next, sizeof(next));
		keys->epoch++;
	}
	OPENSSL_cleanse(&key, sizeof(key));
	OPENSSL_cleanse(next, sizeof(next));
	return err;
}

static int init_mac(EVP_MAC_CTX *mac, const struct ticket_key *key)
{
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST,
						 (char *)"SHA256", 0),
		OSSL_PARAM_construct_end(),
	};

	return EVP_MAC_init(mac, key->hmac, sizeof(key->hmac), params);
}

/**
 * ticket_seal - prepare to make a ticket
 * @keys: the thread's keys
 * @name: set, TICKET_NAME_LEN bytes
 * @iv: set
 * @cipher: set up to encrypt
 * @mac: set up
 *
 * Return: as OpenSSL's callback: 1, or -1 on failure.
 */
int ticket_seal(struct ticket_keys *keys, unsigned char *name,
		unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac)
{
	const struct ticket_key *key = &keys->current;

	if (ticket_keys_advance(keys, ticket_epoch()) ||
	    RAND_bytes(iv, EVP_CIPHER_get_iv_length(aes)) != 1 ||
	    !EVP_EncryptInit_ex2(cipher, aes, key->aes, iv, NULL) ||
	    !init_mac(mac, key))
		return -1;
	memcpy(name, key->name, TICKET_NAME_LEN);
	return 1;
}

/**
 * ticket_open - prepare to open a ticket
 * @keys: the thread's keys
 * @name: which key sealed it
 * @iv: of the ticket
 * @cipher: set up to decrypt
 * @mac: set up
 *
 * Return: as OpenSSL's callback: 2 (the ticket is used once, the peer gets a
 * new one), 0 if the key is not or no longer ours, -1 on failure.
 */
int ticket_open(struct ticket_keys *keys, const unsigned char *name,
		const unsigned char *iv, EVP_CIPHER_CTX *cipher,
		EVP_MAC_CTX *mac)
{
	const struct ticket_key *key;

	if (ticket_keys_advance(keys, ticket_epoch()))
		return -1;
	if (!memcmp(name, keys->current.name, TICKET_NAME_LEN))
		key = &keys->current;
	else if (!memcmp(name, keys->previous.name, TICKET_NAME_LEN))
		key = &keys->previous;
	else
		return 0;
	if (!EVP_DecryptInit_ex2(cipher, aes, key->aes, iv, NULL) ||
	    !init_mac(mac, key))
		return -1;
	return 2;
}
