#include "worker/spool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/random.h"
#include "base/text.h"
#include "worker/item.h"
#include "worker/say.h"

#define SPOOL_FILE_MAX ((size_t)1 << 30)

static char *
join(const char *a, const char *b)
{
	char *path = NULL;

	if (asprintf(&path, "%s/%s", a, b) < 0)
		abort();
	return path;
}

static char *
default_dir(struct err *e)
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");

	if (state && state[0] == '/')
		return join(state, "distcompute-worker");
	if (home && home[0] == '/')
		return join(home, ".local/state/distcompute-worker");
	err_set(e, ERR_INPUT, NULL,
	    "neither XDG_STATE_HOME nor HOME is set: name a folder with --spool");
	return NULL;
}

/* mkdir -p, each part private to the user. */
static bool
make_dirs(char *path, struct err *e)
{
	for (char *p = path + 1;; p++) {
		char was = *p;

		if (was != '/' && was != '\0')
			continue;
		*p = '\0';
		if (mkdir(path, 0700) < 0 && errno != EEXIST)
			return err_set(e, ERR_INPUT, NULL, "%s: %s", path, strerror(errno));
		*p = was;
		if (was == '\0')
			return true;
	}
}

bool
spool_open(struct spool *s, const char *dir, const char *url, struct err *e)
{
	char hex[65];

	memset(s, 0, sizeof(*s));
	s->dir = dir ? strdup(dir) : default_dir(e);
	if (!s->dir)
		return false;
	if (s->dir[0] == '\0')
		return err_set(e, ERR_INPUT, NULL, "--spool wants a folder");
	hash_hex(hex, url, strlen(url));
	memcpy(s->tracker, hex, sizeof(s->tracker) - 1);
	if (!make_dirs(s->dir, e))
		return false;
	if (access(s->dir, R_OK | W_OK | X_OK) < 0)
		return err_set(e, ERR_INPUT, NULL, "%s: %s", s->dir, strerror(errno));
	return true;
}

void
spool_fini(struct spool *s)
{
	free(s->dir);
	s->dir = NULL;
}

/* ---- writing ---------------------------------------------------------------------------------- */

static void
put_member(struct buf *b, const char *name, const char *text)
{
	buf_printf(b, "\"%s\":", name);
	json_put_text(b, text, strlen(text));
	buf_putc(b, ',');
}

static void
put_item(struct buf *b, const struct item *i)
{
	buf_puts(b, "{");
	put_member(b, "token", i->who->token);
	put_member(b, "name", i->who->name);
	put_member(b, "stage", i->stage);
	if (i->lease)
		put_member(b, "lease", i->lease);
	buf_printf(b, "\"job\":%" PRId64 ",\"done\":[{\"data\":", i->job);
	buf_put(b, i->result.data, i->result.len);
	buf_puts(b, "}]}\n");
}

static bool
write_all(int fd, const char *s, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, s, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		s += n;
		len -= (size_t)n;
	}
	return true;
}

static bool
sync_dir(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool ok = fd >= 0 && fsync(fd) == 0;

	if (fd >= 0)
		close(fd);
	return ok;
}

static bool
write_file(const char *dir, const char *aside, const char *path, const struct buf *b)
{
	int fd = open(aside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	bool ok;

	if (fd < 0)
		return false;
	ok = write_all(fd, b->data, b->len) && fsync(fd) == 0;
	ok = close(fd) == 0 && ok;
	ok = ok && rename(aside, path) == 0 && sync_dir(dir);
	if (!ok) {
		int why = errno;

		unlink(aside);
		errno = why;
	}
	return ok;
}

static void
tell_failure(struct spool *s, struct item *i)
{
	i->unspoolable = true;
	if (!s->told_full)
		say(SAY_WARN, "cannot keep results in %s: %s; they stay in memory", s->dir,
		    strerror(errno));
	s->told_full = true;
}

void
spool_keep(struct spool *s, struct item *i)
{
	const char *key = i->lease ? i->lease : i->who->token;
	struct uuid id = hash_128(key, strlen(key));
	char name[UUID_TEXT], file[128], *aside;
	struct buf b;

	uuid_text(name, &id);
	snprintf(file, sizeof(file), "%s-%" PRId64 "-%s.json", s->tracker, i->job, name);
	i->spool_file = join(s->dir, file);
	if (asprintf(&aside, "%s.%d.new", i->spool_file, (int)getpid()) < 0)
		abort();
	buf_init(&b, 0);
	put_item(&b, i);
	if (b.failed || !write_file(s->dir, aside, i->spool_file, &b)) {
		tell_failure(s, i);
		free(i->spool_file);
		i->spool_file = NULL;
	} else {
		say(SAY_DEBUG, "job %" PRId64 ": result kept in %s", i->job, i->spool_file);
	}
	buf_fini(&b);
	free(aside);
}

void
spool_forget(struct spool *s, struct item *i)
{
	(void)s;
	if (!i->spool_file)
		return;
	if (unlink(i->spool_file) < 0 && errno != ENOENT)
		say(SAY_WARN, "%s: %s", i->spool_file, strerror(errno));
	free(i->spool_file);
	i->spool_file = NULL;
}

/* ---- reading ---------------------------------------------------------------------------------- */

static bool
read_file(const char *path, struct buf *b)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = -1;
	char *room;

	if (fd < 0)
		return false;
	while ((room = buf_room(b, 65536)) && (n = read(fd, room, 65536)) > 0)
		b->len += (size_t)n;
	close(fd);
	return room && n == 0;
}

static const char *
text_of(const json *object, const char *key)
{
	struct json_text t;
	json *value = json_get(object, key);

	return value && json_as_text(value, &t) ? t.s : NULL;
}

static struct item *
parse_item(
    const struct buf *b, const json *root, struct identity *(*who)(const char *, void *), void *ctx)
{
	const char *token = text_of(root, "token"), *name = text_of(root, "name");
	const char *stage = text_of(root, "stage");
	struct json_span data;
	struct item *i;
	int64_t job;

	if (!token || !json_get(root, "job") || !json_as_int(json_get(root, "job"), &job))
		return NULL;
	if (!json_spans(b->data, b->len, "done", "data", &data, 1) || !data.s)
		return NULL;
	i = item_new(who(token, ctx), job, text_of(root, "lease"));
	if (i->who->name[0] == '\0' && name)
		snprintf(i->who->name, sizeof(i->who->name), "%s", name);
	if (stage)
		snprintf(i->stage, sizeof(i->stage), "%s", stage);
	i->state = ITEM_ENDED;
	i->outcome = OUT_DONE;
	buf_put(&i->result, data.s, data.len);
	return i;
}

static struct item *
load_item(const char *path, struct identity *(*who)(const char *, void *), void *ctx)
{
	struct err e = ERR_INIT;
	struct item *i = NULL;
	json *root = NULL;
	struct buf b;

	buf_init(&b, SPOOL_FILE_MAX);
	if (read_file(path, &b) && !b.failed && b.len > 0)
		root = json_parse(b.data, b.len, &e);
	if (root)
		i = parse_item(&b, root, who, ctx);
	json_free(root);
	buf_fini(&b);
	return i;
}

static bool
is_ours(const struct spool *s, const char *name)
{
	size_t len = strlen(name);

	return text_starts(name, s->tracker) && len > 5 && strcmp(name + len - 5, ".json") == 0;
}

void
spool_read(struct spool *s, struct identity *(*who)(const char *token, void *ctx),
    void (*each)(struct item *i, void *ctx), void *ctx)
{
	DIR *dir = opendir(s->dir);
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		struct item *i;
		char *path;

		if (!is_ours(s, entry->d_name))
			continue;
		path = join(s->dir, entry->d_name);
		i = load_item(path, who, ctx);
		if (i) {
			i->spool_file = path;
			each(i, ctx);
			continue;
		}
		say(SAY_WARN, "%s is no result of a worker: left as it is", path);
		free(path);
	}
	if (dir)
		closedir(dir);
}
