/* The listening socket: by its address, and handed over by whoever started us. */
#include "../test.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "run/listen.h"

#define FIRST_HANDED 3 /* sd_listen_fds(3) */

static char dir[64], address[96];

static int
open_dir(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/test-listen-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(address, sizeof(address), "unix:%s/socket", dir);
	return 0;
}

static int
remove_dir(void **state)
{
	(void)state;
	listen_forget(address);
	return rmdir(dir);
}

static int
opened(const char *at)
{
	struct err e = ERR_INIT;
	int fd = listen_open(at, &e);

	assert_int_equal(e.kind, ERR_NONE);
	assert_true(fd >= 0);
	return fd;
}

static void
assert_refused(const char *at, enum err_kind kind)
{
	struct err e = ERR_INIT;

	assert_int_equal(listen_open(at, &e), -1);
	assert_int_equal(e.kind, kind);
}

static bool
somebody_answers(const char *at)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	bool answers;

	strcpy(name.sun_path, at + strlen("unix:"));
	answers = connect(fd, (struct sockaddr *)&name, sizeof(name)) == 0;
	close(fd);
	return answers;
}

/* Puts fd at `place` while listen_open looks for what it inherits; what was there comes back. */
static int
inherited(int fd, int place, struct err *e)
{
	int before = dup(place), found;

	if (fd >= 0)
		dup2(fd, place);
	found = listen_open("", e);
	if (before >= 0) {
		dup2(before, place);
		close(before);
	} else
		close(place);
	return found;
}

static void
the_group_may_connect_and_nobody_else(void **state)
{
	int fd = opened(address);
	struct stat s;

	(void)state;
	assert_true(somebody_answers(address));
	assert_int_equal(stat(address + strlen("unix:"), &s), 0);
	assert_int_equal(s.st_mode & 0777, 0660);
	close(fd);
}

static void
a_name_that_a_killed_tracker_left_is_taken_over(void **state)
{
	(void)state;
	close(opened(address));
	assert_false(somebody_answers(address));
	close(opened(address));
}

static void
a_socket_that_answers_is_left_to_its_owner(void **state)
{
	int fd = opened(address);

	(void)state;
	assert_refused(address, ERR_BUSY);
	assert_true(somebody_answers(address));
	close(fd);
}

static void
what_is_forgotten_has_no_name(void **state)
{
	(void)state;
	close(opened(address));
	listen_forget(address);
	assert_int_equal(access(address + strlen("unix:"), F_OK), -1);
}

static void
a_path_that_fits_no_socket_is_refused(void **state)
{
	char path[256];

	(void)state;
	snprintf(path, sizeof(path), "unix:/%0150d", 0);
	assert_refused(path, ERR_INPUT);
	assert_refused("unix:/no/such/folder/socket", ERR_INPUT);
}

static void
tcp_means_loopback(void **state)
{
	(void)state;
	close(opened("tcp:127.0.0.1:0"));
	close(opened("tcp:127.0.0.2:0"));
}

static void
beyond_loopback_must_be_meant(void **state)
{
	(void)state;
	assert_refused("tcp:0.0.0.0:0", ERR_INPUT);
	assert_refused("tcp:[::]:0", ERR_INPUT);
	assert_refused("tcp::0", ERR_INPUT);
	close(opened("tcp-open:0.0.0.0:0"));
}

static void
what_is_no_address_is_refused(void **state)
{
	(void)state;
	assert_refused("tcp:nowhere", ERR_INPUT);
	assert_refused("tcp:127.0.0.1:http", ERR_INPUT);
	assert_refused("udp:127.0.0.1:80", ERR_INPUT);
}

static void
without_an_address_systemds_socket_is_taken(void **state)
{
	int fd = opened("tcp:127.0.0.1:0");
	struct err e = ERR_INIT;
	char pid[16];

	(void)state;
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	setenv("LISTEN_PID", pid, 1);
	setenv("LISTEN_FDS", "1", 1);
	assert_int_equal(inherited(fd, FIRST_HANDED, &e), FIRST_HANDED);
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_PID");
	close(fd);
}

static void
without_an_address_a_listening_descriptor_0_is_taken(void **state)
{
	int fd = opened("tcp:127.0.0.1:0");
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(inherited(fd, STDIN_FILENO, &e), STDIN_FILENO);
	close(fd);
}

static void
without_an_address_a_descriptor_0_that_does_not_listen_is_refused(void **state)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(inherited(fd, STDIN_FILENO, &e), -1);
	assert_int_equal(e.kind, ERR_INPUT);
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		the_group_may_connect_and_nobody_else, open_dir, remove_dir),
	    cmocka_unit_test_setup_teardown(
		a_name_that_a_killed_tracker_left_is_taken_over, open_dir, remove_dir),
	    cmocka_unit_test_setup_teardown(
		a_socket_that_answers_is_left_to_its_owner, open_dir, remove_dir),
	    cmocka_unit_test_setup_teardown(what_is_forgotten_has_no_name, open_dir, remove_dir),
	    cmocka_unit_test(a_path_that_fits_no_socket_is_refused),
	    cmocka_unit_test(tcp_means_loopback),
	    cmocka_unit_test(beyond_loopback_must_be_meant),
	    cmocka_unit_test(what_is_no_address_is_refused),
	    cmocka_unit_test(without_an_address_systemds_socket_is_taken),
	    cmocka_unit_test(without_an_address_a_listening_descriptor_0_is_taken),
	    cmocka_unit_test(without_an_address_a_descriptor_0_that_does_not_listen_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
