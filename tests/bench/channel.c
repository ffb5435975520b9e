// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The four calls that a server makes on a connection, for each way of doing
 * the records.
 */
#include <errno.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench.h"
#include "channel.h"

/* Return: as read(); a connection that was ended in whatever way: 0. */
ssize_t channel_read(struct channel *ch, void *buf, size_t len)
{
	ssize_t n;

	if (ch->ssl)
		n = SSL_read(ch->ssl, buf, len);
	else
		n = read(ch->fd, buf, len);
	/* To whoever reads kTLS by hand, close_notify is EIO. */
	return n > 0 ? n : 0;
}

/* Return: 0 or -1. */
int channel_write(struct channel *ch, const void *buf, size_t len)
{
	const char *p = buf;
	ssize_t n;

	while (len) {
		n = ch->ssl ? SSL_write(ch->ssl, p, len) :
			      write(ch->fd, p, len);
		if (n <= 0)
			return -1;
		p += n;
		len -= n;
	}
	return 0;
}

static int file_by_copy(struct channel *ch, int file, size_t len)
{
	static char buf[65536];
	off_t pos = 0;
	ssize_t n;

	while (len) {
		n = pread(file, buf, len < sizeof(buf) ? len : sizeof(buf),
			  pos);
		if (n <= 0 || channel_write(ch, buf, n))
			return -1;
		pos += n;
		len -= n;
	}
	return 0;
}

/* Return: 0 or -1. */
int channel_file(struct channel *ch, int file, size_t len)
{
	off_t pos = 0;
	ssize_t n;

	if (ch->ssl && !BIO_get_ktls_send(SSL_get_wbio(ch->ssl)))
		return file_by_copy(ch, file, len);
	while (len) {
		if (ch->ssl) {
			n = SSL_sendfile(ch->ssl, file, pos, len, 0);
			if (n > 0)
				pos += n;
		} else {
			n = sendfile(ch->fd, file, &pos, len);
		}
		if (n <= 0)
			return -1;
		len -= n;
	}
	return 0;
}

/* In order: close_notify, then the end. */
void channel_close(struct channel *ch)
{
	if (ch->ssl) {
		SSL_shutdown(ch->ssl);
		SSL_free(ch->ssl);
	} else if (ch->alert) {
		ktls_close_notify(ch->fd);
	}
	close(ch->fd);
}
