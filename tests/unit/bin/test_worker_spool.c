/* Results on disk: nothing is told to be kept that a power cut could take, and nothing torn is believed. */
#include "../test.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "worker/item.h"
#include "worker/say.h"
#include "worker/spool.h"

#define URL "https://tracker.example"

/* What the kernel was asked for, in order: w(rite), s(ync of a file), r(ename), d(irectory synced). */
static char asked[64];
static size_t room;    /* bytes that the disk takes; then it is full */
static size_t at_once; /* of these in one write */
static bool sync_fails, rename_fails, interrupts;

ssize_t __real_write(int fd, const void *bytes, size_t len);
int __real_fsync(int fd);
int __real_rename(const char *from, const char *to);
ssize_t __wrap_write(int fd, const void *bytes, size_t len);
int __wrap_fsync(int fd);
int __wrap_rename(const char *from, const char *to);

static void
note(char what)
{
	size_t len = strlen(asked);

	if (len + 1 < sizeof(asked) && (len == 0 || asked[len - 1] != what)) {
		asked[len] = what;
		asked[len + 1] = '\0';
	}
}

ssize_t
__wrap_write(int fd, const void *bytes, size_t len)
{
	ssize_t n;

	if (fd <= STDERR_FILENO)
		return __real_write(fd, bytes, len);
	note('w');
	if (room == 0) {
		errno = ENOSPC;
		return -1;
	}
	if (interrupts) {
		interrupts = false;
		errno = EINTR;
		return -1;
	}
	len = len < at_once ? len : at_once;
	n = __real_write(fd, bytes, len < room ? len : room);
	if (n > 0 && room != SIZE_MAX)
		room -= (size_t)n;
	return n;
}

int
__wrap_fsync(int fd)
{
	struct stat st;

	fstat(fd, &st);
	note(S_ISDIR(st.st_mode) ? 'd' : 's');
	if (sync_fails && !S_ISDIR(st.st_mode)) {
		errno = EIO;
		return -1;
	}
	return __real_fsync(fd);
}

int
__wrap_rename(const char *from, const char *to)
{
	note('r');
	if (rename_fails) {
		errno = EXDEV;
		return -1;
	}
	return __real_rename(from, to);
}

static char dir[64];
static struct spool spool;
static struct identity me, found;

static int
open_all(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	say_open(SAY_ERROR);
	asked[0] = '\0';
	room = at_once = SIZE_MAX;
	sync_fails = rename_fails = interrupts = false;
	strcpy(dir, "/tmp/test-spool-XXXXXX");
	if (!mkdtemp(dir) || !spool_open(&spool, dir, URL, &e))
		return -1;
	me = (struct identity){.token = strdup("the token"), .name = "quiet-river-12"};
	found = (struct identity){.token = strdup("the token")};
	return 0;
}

static int
close_all(void **state)
{
	char remove[128];

	(void)state;
	spool_fini(&spool);
	free(me.token);
	free(found.token);
	snprintf(remove, sizeof(remove), "rm -r %s", dir);
	return system(remove);
}

static struct item *
result(int64_t job, const char *lease, const char *value)
{
	struct item *i = item_new(&me, job, lease);

	i->state = ITEM_ENDED;
	i->outcome = OUT_DONE;
	buf_puts(&i->result, value);
	strcpy(i->stage, "b");
	return i;
}

static int
files(void)
{
	DIR *d = opendir(dir);
	int n = 0;

	for (struct dirent *entry; (entry = readdir(d));)
		n += entry->d_name[0] != '.';
	closedir(d);
	return n;
}

static struct identity *
who(const char *token, void *ctx)
{
	(void)ctx;
	assert_string_equal(token, "the token");
	return &found;
}

static void
take(struct item *i, void *ctx)
{
	struct item **last = ctx;

	item_free(*last);
	*last = i;
}

/* The last of what the folder holds; NULL when nothing can be read. */
static struct item *
read_back(void)
{
	struct item *last = NULL;

	spool_read(&spool, who, take, &last);
	return last;
}

static void
a_result_is_synced_before_it_gets_its_name_and_its_folder_after(void **state)
{
	struct item *i = result(1, "lease", "1");

	(void)state;
	spool_keep(&spool, i);
	assert_non_null(i->spool_file);
	assert_string_equal(asked, "wsrd");
	item_free(i);
}

/* A token is in it. */
static void
only_its_user_may_read_it(void **state)
{
	struct item *i = result(1, "lease", "1");
	mode_t was = umask(0);
	struct err e = ERR_INIT;
	struct spool deep;
	char path[128];
	struct stat st;

	(void)state;
	spool_keep(&spool, i);
	snprintf(path, sizeof(path), "%s/a/b", dir);
	assert_true(spool_open(&deep, path, URL, &e));
	umask(was);
	assert_int_equal(stat(i->spool_file, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	snprintf(path, sizeof(path), "%s/a", dir);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	spool_fini(&deep);
	item_free(i);
}

static void
what_is_kept_comes_back_whole(void **state)
{
	static const char *const values[] = {
	    "\"text\"", "{\"big\": 12345678901234567890}", "[1,\n 2.50]", "null", "\"\"", "5"};

	(void)state;
	for (size_t n = 0; n < sizeof(values) / sizeof(values[0]); n++) {
		struct item *i = result(17, "a lease", values[n]), *back;

		spool_keep(&spool, i);
		back = read_back();
		assert_non_null(back);
		assert_int_equal(back->job, 17);
		assert_string_equal(back->lease, "a lease");
		assert_string_equal(back->stage, "b");
		assert_string_equal(back->result.data, values[n]);
		spool_forget(&spool, i);
		assert_int_equal(files(), 0);
		item_free(back);
		item_free(i);
	}
}

static void
a_result_of_the_older_api_has_no_lease(void **state)
{
	struct item *i = result(3, NULL, "\"r\""), *back;

	(void)state;
	spool_keep(&spool, i);
	back = read_back();
	assert_non_null(back);
	assert_null(back->lease);
	item_free(back);
	item_free(i);
}

static void
two_results_of_one_job_have_two_files(void **state)
{
	struct item *a = result(1, "one", "1"), *b = result(1, "two", "2");

	(void)state;
	spool_keep(&spool, a);
	spool_keep(&spool, b);
	assert_int_equal(files(), 2);
	spool_forget(&spool, a);
	assert_int_equal(files(), 1);
	item_free(a);
	item_free(b);
}

static void
a_result_kept_again_has_one_file(void **state)
{
	struct item *a = result(1, "one", "1"), *b = result(1, "one", "1");

	(void)state;
	spool_keep(&spool, a);
	spool_keep(&spool, b);
	assert_int_equal(files(), 1);
	item_free(a);
	item_free(b);
}

/* Nothing is left behind, nothing is believed, and the result is still in memory. */
static void
is_not_kept(struct item *i)
{
	struct item *back;

	spool_keep(&spool, i);
	assert_null(i->spool_file);
	assert_true(i->unspoolable);
	assert_int_equal(files(), 0);
	back = read_back();
	assert_null(back);
	assert_string_equal(i->result.data, "\"a result of some length\"");
	item_free(i);
}

/* A disk may take a part at a time, and a signal may come in between. */
static void
a_result_that_is_written_in_parts_is_whole(void **state)
{
	struct item *i = result(17, "a lease", "\"a result of some length\""), *back;

	(void)state;
	at_once = 7;
	interrupts = true;
	spool_keep(&spool, i);
	assert_non_null(i->spool_file);
	back = read_back();
	assert_non_null(back);
	assert_int_equal(back->job, 17);
	assert_string_equal(back->result.data, "\"a result of some length\"");
	item_free(back);
	item_free(i);
}

/* Of who is not here any more only the file knows the name; who is here knows it better. */
static void
a_file_names_who_has_no_name_and_renames_nobody(void **state)
{
	struct item *i = result(1, "lease", "1");

	(void)state;
	spool_keep(&spool, i);
	item_free(read_back());
	assert_string_equal(found.name, "quiet-river-12");
	strcpy(found.name, "as-it-is-now");
	item_free(read_back());
	assert_string_equal(found.name, "as-it-is-now");
	item_free(i);
}

static void
a_full_disk_keeps_nothing_and_leaves_nothing(void **state)
{
	(void)state;
	for (size_t n = 0; n < 100; n += 9) {
		room = n;
		is_not_kept(result(1, "lease", "\"a result of some length\""));
	}
}

static void
a_disk_that_cannot_sync_keeps_nothing(void **state)
{
	(void)state;
	sync_fails = true;
	is_not_kept(result(1, "lease", "\"a result of some length\""));
}

static void
a_rename_that_fails_keeps_nothing(void **state)
{
	(void)state;
	rename_fails = true;
	is_not_kept(result(1, "lease", "\"a result of some length\""));
}

static void
a_disk_with_room_again_keeps_the_same_result(void **state)
{
	struct item *i = result(1, "lease", "1");

	(void)state;
	room = 10;
	spool_keep(&spool, i);
	assert_null(i->spool_file);
	room = SIZE_MAX;
	spool_keep(&spool, i);
	assert_non_null(i->spool_file);
	assert_int_equal(files(), 1);
	item_free(i);
}

/* Cut anywhere, as a crash of an older version or a bad disk might leave it. */
static void
a_torn_file_is_left_as_it_is(void **state)
{
	struct item *i = result(17, "a lease", "{\"a\": [1, 2]}"), *back;
	char path[256];
	struct stat st;

	(void)state;
	spool_keep(&spool, i);
	snprintf(path, sizeof(path), "%s", i->spool_file);
	assert_int_equal(stat(path, &st), 0);
	/* But for the line's end, all of it is needed. */
	for (off_t len = st.st_size - 2; len >= 0; len--) {
		assert_int_equal(truncate(path, len), 0);
		back = read_back();
		assert_null(back);
		assert_int_equal(files(), 1);
	}
	item_free(i);
}

static void
write_file(const char *text)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s-1-x.json", dir, spool.tracker);
	f = fopen(path, "w");
	fputs(text, f);
	fclose(f);
}

static void
a_file_of_wrong_types_is_left_as_it_is(void **state)
{
	static const char *const texts[] = {"", "{}", "[]", "null", "5",
	    "{\"token\": 5, \"job\": 1}",
	    "{\"token\": \"t\", \"job\": \"1\", \"done\": [{\"data\": 1}]}",
	    "{\"token\": \"t\", \"job\": 1, \"done\": []}",
	    "{\"token\": \"t\", \"job\": 1, \"done\": [{}]}",
	    "{\"token\": \"t\", \"job\": 1, \"done\": {\"data\": 1}}",
	    "{\"token\": \"t\", \"job\": 1}"};

	(void)state;
	for (size_t n = 0; n < sizeof(texts) / sizeof(texts[0]); n++) {
		struct item *back;

		write_file(texts[n]);
		back = read_back();
		assert_null(back);
		assert_int_equal(files(), 1);
	}
}

static void
what_is_not_whole_yet_is_not_read(void **state)
{
	char path[256];
	struct item *back;
	FILE *f;

	(void)state;
	snprintf(path, sizeof(path), "%s/%s-1-x.json.17.new", dir, spool.tracker);
	f = fopen(path, "w");
	fputs("{\"token\":\"the token\",\"job\":1,\"done\":[{\"data\":1}]}\n", f);
	fclose(f);
	back = read_back();
	assert_null(back);
}

static void
what_is_forgotten_twice_is_no_fault(void **state)
{
	struct item *i = result(1, "lease", "1");

	(void)state;
	spool_keep(&spool, i);
	unlink(i->spool_file);
	spool_forget(&spool, i);
	spool_forget(&spool, i);
	assert_null(i->spool_file);
	item_free(i);
}

static void
opens_in(const char *state_home, const char *home, const char *under)
{
	struct err e = ERR_INIT;
	struct spool other;
	char path[128];

	state_home ? setenv("XDG_STATE_HOME", state_home, 1) : unsetenv("XDG_STATE_HOME");
	home ? setenv("HOME", home, 1) : unsetenv("HOME");
	if (!under) {
		assert_false(spool_open(&other, NULL, URL, &e));
		assert_non_null(strstr(e.why, "--spool"));
		return;
	}
	snprintf(path, sizeof(path), "%s/%s", dir, under);
	assert_true(spool_open(&other, NULL, URL, &e));
	assert_string_equal(other.dir, path);
	spool_fini(&other);
}

static void
nobody_who_names_no_folder_needs_one(void **state)
{
	char *home = getenv("HOME"), *was = home ? strdup(home) : NULL;

	(void)state;
	opens_in(NULL, dir, ".local/state/distcompute-worker");
	opens_in("state", dir, ".local/state/distcompute-worker");
	opens_in(dir, "/nowhere", "distcompute-worker");
	opens_in(NULL, "home", NULL);
	opens_in(NULL, NULL, NULL);
	if (was)
		setenv("HOME", was, 1);
	free(was);
}

#define SPOOL(name) cmocka_unit_test_setup_teardown(name, open_all, close_all)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    SPOOL(a_result_is_synced_before_it_gets_its_name_and_its_folder_after),
	    SPOOL(only_its_user_may_read_it),
	    SPOOL(what_is_kept_comes_back_whole),
	    SPOOL(a_result_of_the_older_api_has_no_lease),
	    SPOOL(two_results_of_one_job_have_two_files),
	    SPOOL(a_result_kept_again_has_one_file),
	    SPOOL(a_result_that_is_written_in_parts_is_whole),
	    SPOOL(a_file_names_who_has_no_name_and_renames_nobody),
	    SPOOL(a_full_disk_keeps_nothing_and_leaves_nothing),
	    SPOOL(a_disk_that_cannot_sync_keeps_nothing),
	    SPOOL(a_rename_that_fails_keeps_nothing),
	    SPOOL(a_disk_with_room_again_keeps_the_same_result),
	    SPOOL(a_torn_file_is_left_as_it_is),
	    SPOOL(a_file_of_wrong_types_is_left_as_it_is),
	    SPOOL(what_is_not_whole_yet_is_not_read),
	    SPOOL(what_is_forgotten_twice_is_no_fault),
	    SPOOL(nobody_who_names_no_folder_needs_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
