// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Plain kTLS, as another program uses it: must work the same before, during
 * and after the module's presence. tests/guest runs this program three times.
 */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "net.h"

#define RECORD_ALERT	21
#define RECORD_DATA	23
#define RECORD_OVERHEAD	(5 + 1 + 16)

FIXTURE(ktls)
{
	int	pair[2];
};

FIXTURE_SETUP(ktls)
{
	ASSERT_EQ(0, net_pair(self->pair));
}

FIXTURE_TEARDOWN(ktls)
{
	close(self->pair[0]);
	close(self->pair[1]);
}

TEST_F(ktls, both_directions)
{
	char buf[16];

	ASSERT_EQ(0, net_ktls(self->pair[0], true));
	ASSERT_EQ(0, net_ktls(self->pair[1], false));
	ASSERT_EQ(0, net_write(self->pair[0], "question", 8));
	ASSERT_EQ(0, net_read(self->pair[1], buf, 8));
	EXPECT_EQ(0, memcmp("question", buf, 8));
	ASSERT_EQ(0, net_write(self->pair[1], "answer", 6));
	ASSERT_EQ(0, net_read(self->pair[0], buf, 6));
	EXPECT_EQ(0, memcmp("answer", buf, 6));
}

/* What is on the wire is a record, and not the text. */
TEST_F(ktls, encrypts)
{
	unsigned char buf[RECORD_OVERHEAD + 9];

	ASSERT_EQ(0, net_ktls(self->pair[0], true));
	ASSERT_EQ(0, net_write(self->pair[0], "plaintext", 9));
	ASSERT_EQ(0, net_read(self->pair[1], buf, sizeof(buf)));
	EXPECT_EQ(RECORD_DATA, buf[0]);
	EXPECT_EQ(sizeof(buf) - 5, (size_t)(buf[3] << 8 | buf[4]));
	EXPECT_EQ(NULL, memmem(buf, sizeof(buf), "plaintext", 9));
}

TEST_F(ktls, bulk)
{
	enum { SIZE = 300000 };
	char *out = malloc(SIZE), *in = malloc(SIZE);
	int i, status;
	pid_t pid;

	ASSERT_TRUE(out && in);
	for (i = 0; i < SIZE; i++)
		out[i] = i * 31 >> 3;
	ASSERT_EQ(0, net_ktls(self->pair[0], true));
	ASSERT_EQ(0, net_ktls(self->pair[1], false));
	pid = fork();
	if (!pid)
		_exit(write(self->pair[0], out, SIZE) != SIZE);
	ASSERT_EQ(0, net_read(self->pair[1], in, SIZE));
	EXPECT_EQ(0, memcmp(in, out, SIZE));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	free(out);
	free(in);
}

TEST_F(ktls, sendfile)
{
	int fd = open("/proc/self/exe", O_RDONLY);
	char file[4096], in[4096];

	ASSERT_GE(fd, 0);
	ASSERT_EQ((ssize_t)sizeof(file), pread(fd, file, sizeof(file), 0));
	ASSERT_EQ(0, net_ktls(self->pair[0], true));
	ASSERT_EQ(0, net_ktls(self->pair[1], false));
	ASSERT_EQ((ssize_t)sizeof(file), sendfile(self->pair[0], fd, NULL,
						  sizeof(file)));
	ASSERT_EQ(0, net_read(self->pair[1], in, sizeof(in)));
	EXPECT_EQ(0, memcmp(in, file, sizeof(in)));
	close(fd);
}

/* A record of another type is EIO to read(), as it always was. */
TEST_F(ktls, control_record_is_eio)
{
	char c;

	ASSERT_EQ(0, net_ktls(self->pair[0], true));
	ASSERT_EQ(0, net_ktls(self->pair[1], false));
	ASSERT_EQ(0, net_write_record(self->pair[0], RECORD_ALERT, "\x01\x00", 2));
	EXPECT_EQ(-EIO, net_read(self->pair[1], &c, 1));
}

/* A record that was changed on the way is refused. */
TEST_F(ktls, tampered)
{
	unsigned char record[RECORD_OVERHEAD + 4];
	int other[2];
	char buf[4];

	ASSERT_EQ(0, net_pair(other));
	ASSERT_EQ(0, net_ktls(self->pair[0], true));
	ASSERT_EQ(0, net_ktls(other[1], false));
	ASSERT_EQ(0, net_write(self->pair[0], "data", 4));
	ASSERT_EQ(0, net_read(self->pair[1], record, sizeof(record)));
	record[8] ^= 1;
	ASSERT_EQ(0, net_write(other[0], record, sizeof(record)));
	EXPECT_EQ(-EBADMSG, net_read(other[1], buf, sizeof(buf)));
	close(other[0]);
	close(other[1]);
}

SOCKAUTH_HARNESS_MAIN
