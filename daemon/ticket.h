/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SOCKAUTHD_TICKET_H
#define SOCKAUTHD_TICKET_H

#include <stdint.h>

#include <openssl/evp.h>

#define TICKET_NAME_LEN		16
#define TICKET_KEY_LEN		32
#define TICKET_SEED_LEN		32

/* How long a ticket is good, and how long a key makes new ones. */
#define TICKET_LIFETIME		7200	/* seconds */

/**
 * struct ticket_seed - where the chain of keys begins
 * @secret: what everything is derived from
 * @epoch: when
 */
struct ticket_seed {
	uint8_t secret[TICKET_SEED_LEN];
	uint64_t epoch;
};

/**
 * struct ticket_key - one key
 * @name: what tickets say that are sealed with it
 * @aes: encrypts
 * @hmac: authenticates
 */
struct ticket_key {
	uint8_t name[TICKET_NAME_LEN];
	uint8_t aes[TICKET_KEY_LEN];
	uint8_t hmac[TICKET_KEY_LEN];
};

/**
 * struct ticket_keys - a thread's copy of the keys
 * @chain: what the next keys will be derived from
 * @epoch: of @current
 * @current: seals and opens
 * @previous: opens
 */
struct ticket_keys {
	uint8_t chain[TICKET_SEED_LEN];
	uint64_t epoch;
	struct ticket_key current;
	struct ticket_key previous;
};

int ticket_init(void);
void ticket_exit(void);
int ticket_seed_init(struct ticket_seed *seed);
int ticket_keys_init(struct ticket_keys *keys, const struct ticket_seed *seed);
void ticket_keys_clear(struct ticket_keys *keys);
int ticket_keys_advance(struct ticket_keys *keys, uint64_t epoch);
uint64_t ticket_epoch(void);
int ticket_seal(struct ticket_keys *keys, unsigned char *name,
		unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac);
int ticket_open(struct ticket_keys *keys, const unsigned char *name,
		const unsigned char *iv, EVP_CIPHER_CTX *cipher,
		EVP_MAC_CTX *mac);

#endif /* SOCKAUTHD_TICKET_H */
