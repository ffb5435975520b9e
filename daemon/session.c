// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Sessions that initiators can resume: what servers gave us tickets for.
 *
 * One cache for all workers, because a ticket comes to whichever worker has
 * time, and the next connect() to any.  sessions->lock protects all of it; it
 * is taken when a ticket comes and when an initiator begins, never by an
 * acceptor, and held for a few pointers only: secrets are derived, and sessions
 * made, outside.
 *
 * A ticket is used once (RFC 8446 C.4): so the oldest one is also the one that
 * was used least recently, and goes when there are too many.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "newticket.h"
#include "session.h"

/**
 * struct session - a ticket and what belongs to it
 * @next: in its bucket, where newer ones come first
 * @newer: of all
 * @older: of all
 * @key: whom it is good for
 * @proof: what is inherited
 * @end: when it is good no more
 * @len: of @der
 * @der: of the SSL_SESSION
 */
struct session {
	struct session *next;
	struct session *newer;
	struct session *older;
	uint8_t key[SESSION_KEY_LEN];
	struct session_proof proof;
	int64_t end;
	size_t len;
	uint8_t der[];
};

/**
 * struct sessions - the cache
 * @lock: of everything here
 * @buckets: hash table by key
 * @bucket_count: a power of two
 * @newest: of all
 * @oldest: of all
 * @count: sessions there are
 * @limit: how many there may be
 */
struct sessions {
	pthread_mutex_t lock;
	struct session **buckets;
	size_t bucket_count;
	struct session *newest;
	struct session *oldest;
	size_t count;
	size_t limit;
};

static int digest_bytes(EVP_MD_CTX *md, const void *data, uint32_t len)
{
	/* With its length: else "ab" "c" would be "a" "bc". */
	return EVP_DigestUpdate(md, &len, sizeof(len)) &&
	       EVP_DigestUpdate(md, data, len);
}

static int digest_identity(EVP_MD_CTX *md, const X509 *identity)
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned int len = 0;

	if (identity && !X509_digest(identity, EVP_sha256(), digest, &len))
		return 0;
	return digest_bytes(md, digest, len);
}

/**
 * session_key - say what must be the same for a session to be resumed
 * @scope: what
 * @key: set
 *
 * Return: 0 or -ENOMEM.
 */
int session_key(const struct session_scope *scope,
		uint8_t key[SESSION_KEY_LEN])
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	int ok;

	ok = md && EVP_DigestInit_ex(md, EVP_sha256(), NULL) &&
	     digest_bytes(md, scope->rules, scope->rules_len) &&
	     digest_bytes(md, &scope->netns, sizeof(scope->netns)) &&
	     digest_bytes(md, &scope->uid, sizeof(scope->uid)) &&
	     digest_bytes(md, scope->target, strlen(scope->target)) &&
	     digest_bytes(md, &scope->port, sizeof(scope->port)) &&
	     digest_bytes(md, scope->alpn, scope->alpn_len) &&
	     digest_identity(md, scope->identity) &&
	     EVP_DigestFinal_ex(md, key, NULL);
	EVP_MD_CTX_free(md);
	return ok ? 0 : -ENOMEM;
}

/**
 * sessions_new - make an empty cache
 * @limit: how many sessions there may be; 0: none
 * @sessions: set; the caller frees it
 *
 * Return: 0 or -ENOMEM.
 */
int sessions_new(size_t limit, struct sessions **sessions)
{
	struct sessions *new = calloc(1, sizeof(*new));

	if (!new)
		return -ENOMEM;
	new->limit = limit;
	new->bucket_count = 64;
	while (new->bucket_count < limit)
		new->bucket_count *= 2;
	new->buckets = calloc(new->bucket_count, sizeof(*new->buckets));
	if (!new->buckets || pthread_mutex_init(&new->lock, NULL)) {
		free(new->buckets);
		free(new);
		return -ENOMEM;
	}
	*sessions = new;
	return 0;
}

static void session_free(struct session *session)
{
	if (!session)
		return;
	OPENSSL_cleanse(session, sizeof(*session) + session->len);
	free(session);
}

/* A digest is as good a hash as any. */
static struct session **bucket(const struct sessions *sessions,
			       const uint8_t *key)
{
	uint32_t hash;

	memcpy(&hash, key, sizeof(hash));
	return &sessions->buckets[hash & (sessions->bucket_count - 1)];
}

static void add(struct sessions *sessions, struct session *session)
{
	struct session **head = bucket(sessions, session->key);

	session->next = *head;
	*head = session;
	session->newer = NULL;
	session->older = sessions->newest;
	*(session->older ? &session->older->newer : &sessions->oldest) =
		session;
	sessions->newest = session;
	sessions->count++;
}

static void cut_out(struct sessions *sessions, struct session *session)
{
	struct session **p = bucket(sessions, session->key);

	while (*p != session)
		p = &(*p)->next;
	*p = session->next;
	*(session->newer ? &session->newer->older : &sessions->newest) =
		session->older;
	*(session->older ? &session->older->newer : &sessions->oldest) =
		session->newer;
	sessions->count--;
}

static void drop(struct sessions *sessions, struct session *session)
{
	cut_out(sessions, session);
	session_free(session);
}

/**
 * sessions_free - free the cache and wipe it
 * @sessions: nobody uses it any more; may be NULL
 */
void sessions_free(struct sessions *sessions)
{
	if (!sessions)
		return;
	while (sessions->oldest)
		drop(sessions, sessions->oldest);
	pthread_mutex_destroy(&sessions->lock);
	free(sessions->buckets);
	free(sessions);
}

/**
 * sessions_count - how many sessions there are
 * @sessions: the cache
 *
 * Return: the number.
 */
size_t sessions_count(struct sessions *sessions)
{
	size_t count;

	pthread_mutex_lock(&sessions->lock);
	count = sessions->count;
	pthread_mutex_unlock(&sessions->lock);
	return count;
}

/* The oldest one of a key that has as many as it may have; or NULL. */
static struct session *surplus(const struct sessions *sessions,
			       const uint8_t *key)
{
	struct session *session, *last = NULL;
	size_t count = 0;

	for (session = *bucket(sessions, key); session;
	     session = session->next) {
		if (CRYPTO_memcmp(session->key, key, SESSION_KEY_LEN))
			continue;
		last = session;
		count++;
	}
	return count < SESSION_TICKETS_MAX ? NULL : last;
}

static void keep(struct sessions *sessions, struct session *session,
		 int64_t now)
{
	struct session *old;

	pthread_mutex_lock(&sessions->lock);
	old = surplus(sessions, session->key);
	if (old)
		drop(sessions, old);
	/* Secrets that are of no use any more shall not lie about. */
	while (sessions->oldest && sessions->oldest->end <= now)
		drop(sessions, sessions->oldest);
	if (sessions->count == sessions->limit)
		drop(sessions, sessions->oldest);
	add(sessions, session);
	pthread_mutex_unlock(&sessions->lock);
}

/*
 * When a ticket is good no more.  New tickets of resumed connections do not
 * make a proof last for ever: a week after it, it has to be brought again.
 */
static int64_t end_of(const struct newticket *ticket,
		      const struct session_proof *proof, int64_t now)
{
	int64_t end = now + ticket->lifetime;

	if (proof->since + NEWTICKET_LIFETIME_MAX < end)
		end = proof->since + NEWTICKET_LIFETIME_MAX;
	if (proof->until && proof->until < end)
		end = proof->until;
	return end;
}

static int make(const struct newticket *ticket,
		const struct session_origin *origin, int64_t now,
		struct session **session)
{
	struct session *new;
	uint8_t *der;
	size_t len;
	int err;

	err = newticket_session(ticket, origin->cipher, origin->secret,
				origin->secret_len, now, &der, &len);
	if (err)
		return err;
	new = malloc(sizeof(*new) + len);
	if (new) {
		memcpy(new->key, origin->key, sizeof(new->key));
		new->proof = origin->proof;
		new->end = end_of(ticket, &origin->proof, now);
		new->len = len;
		memcpy(new->der, der, len);
		*session = new;
	}
	OPENSSL_clear_free(der, len);
	return new ? 0 : -ENOMEM;
}

/**
 * sessions_learn - take the tickets that a server has sent
 * @sessions: the cache; any thread
 * @origin: of the connection that they came on
 * @record: NewSessionTicket messages, from a peer that nobody should believe
 * @len: of @record
 * @now: seconds since 1970
 *
 * Return: 0; -EPROTO: it is not all tickets, those before are kept; -ENOMEM.
 */
int sessions_learn(struct sessions *sessions,
		   const struct session_origin *origin, const uint8_t *record,
		   size_t len, int64_t now)
{
	struct newticket ticket;
	struct session *session;
	int err;

	if (!sessions->limit || !origin->secret_len)
		return 0;
	while (!(err = newticket_next(&record, &len, &ticket))) {
		if (ticket.ticket_len > SESSION_TICKET_LEN_MAX ||
		    end_of(&ticket, &origin->proof, now) <= now)
			continue;
		err = make(&ticket, origin, now, &session);
		if (err)
			return err;
		keep(sessions, session, now);
	}
	return err == -ENODATA ? 0 : err;
}

/* The newest one, which is the server's favourite; it is the caller's now. */
static struct session *take(struct sessions *sessions, const uint8_t *key,
			    int64_t now)
{
	struct session *session, *next, *found = NULL;

	pthread_mutex_lock(&sessions->lock);
	for (session = *bucket(sessions, key); session && !found;
	     session = next) {
		next = session->next;
		if (CRYPTO_memcmp(session->key, key, SESSION_KEY_LEN))
			continue;
		if (session->end > now)
			found = session;
		else
			drop(sessions, session);
	}
	if (found)
		cut_out(sessions, found);
	pthread_mutex_unlock(&sessions->lock);
	return found;
}

/**
 * sessions_take - look for a session to resume, and take it out
 * @sessions: the cache; any thread
 * @key: from session_key()
 * @now: seconds since 1970
 * @proof: set to what is inherited, if there is one
 *
 * Return: a session that nobody else will get, which the caller frees; or NULL.
 */
SSL_SESSION *sessions_take(struct sessions *sessions,
			   const uint8_t key[SESSION_KEY_LEN], int64_t now,
			   struct session_proof *proof)
{
	struct session *session = take(sessions, key, now);
	SSL_SESSION *result;
	const uint8_t *der;

	if (!session)
		return NULL;
	der = session->der;
	result = d2i_SSL_SESSION(NULL, &der, session->len);
	if (result)
		*proof = session->proof;
	session_free(session);
	return result;
}
