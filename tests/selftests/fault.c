// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fault.h"
#include "net.h"

static int fault_register(struct fault *fault)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range = {
		.range.start = (uintptr_t)fault->page,
		.range.len = fault->page_size,
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};

	return ioctl(fault->faults, UFFDIO_API, &api) ||
	       ioctl(fault->faults, UFFDIO_REGISTER, &range) ? -errno : 0;
}

int fault_open(struct fault *fault)
{
	int err;

	fault->page_size = sysconf(_SC_PAGESIZE);
	fault->page = mmap(NULL, fault->page_size, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (fault->page == MAP_FAILED)
		return -errno;
	fault->faults = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	err = fault->faults < 0 ? -errno : fault_register(fault);
	if (err)
		fault_close(fault);
	return err;
}

void fault_close(struct fault *fault)
{
	if (fault->faults >= 0)
		close(fault->faults);
	munmap(fault->page, fault->page_size);
}

static void *fault_run(void *arg)
{
	struct fault *fault = arg;

	fault->result = setsockopt(fault->fd, fault->level, fault->option,
				   fault->page, fault->len) ? errno : 0;
	return NULL;
}

bool fault_begin(struct fault *fault, int fd, int level, int option,
		 socklen_t len)
{
	struct pollfd ready = { .fd = fault->faults, .events = POLLIN };
	struct uffd_msg message;

	fault->fd = fd;
	fault->level = level;
	fault->option = option;
	fault->len = len;
	return !pthread_create(&fault->thread, NULL, fault_run, fault) &&
	       poll(&ready, 1, PATIENCE_MS) == 1 &&
	       read(fault->faults, &message, sizeof(message)) ==
	       sizeof(message) && message.event == UFFD_EVENT_PAGEFAULT;
}

int fault_end(struct fault *fault, const void *argument)
{
	char page[fault->page_size];
	struct uffdio_copy copy = {
		.dst = (uintptr_t)fault->page,
		.src = (uintptr_t)page,
		.len = fault->page_size,
	};

	memset(page, 0, sizeof(page));
	memcpy(page, argument, fault->len);
	if (ioctl(fault->faults, UFFDIO_COPY, &copy) ||
	    pthread_join(fault->thread, NULL))
		return -1;
	return fault->result;
}
