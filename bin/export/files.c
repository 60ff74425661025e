#include "export/files.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/json.h"
#include "domain/stage.h"

#define PATH_ROOM 4096

static bool
fail(const char *path, struct err *e)
{
	return err_set(e, ERR_INPUT, NULL, "%s: %s", path, strerror(errno));
}

static void
path_of(const struct files *fs, char out[PATH_ROOM], const char *name)
{
	snprintf(out, PATH_ROOM, "%s/%s", fs->dir, name);
}

/* "b-000001.csv.zst" */
static void
name_of(const struct files *fs, char *out, size_t size, int64_t number)
{
	snprintf(out, size, "%c-%06" PRId64 "%s", stage_letter(fs->stage), number, fs->extension);
}

/* ---- going on -------------------------------------------------------------------------------- */

static const char *
text_of(const json *line, const char *key)
{
	struct json_text text = {"", 0};

	(void)!json_as_text(json_get(line, key), &text);
	return text.s;
}

static bool
take_line(struct files *fs, const json *line, struct place *p, bool *moved, struct err *e)
{
	char name[64];

	if (!json_as_int(json_get(line, "number"), &fs->number))
		return err_set(
		    e, ERR_INPUT, NULL, "%s: not a manifest of distcompute-export", fs->dir);
	name_of(fs, name, sizeof(name), fs->number);
	if (strcmp(text_of(line, "name"), name) != 0 ||
	    strcmp(text_of(line, "columns"), fs->columns) != 0)
		return err_set(e, ERR_INPUT, NULL,
		    "%s: was begun with another stage, format, compression or columns (%s): go on "
		    "with "
		    "those, or name another folder",
		    fs->dir, text_of(line, "name"));
	return place_parse(p, text_of(line, "place"), fs->dir, moved, e);
}

/* The last line that is whole counts; a crash may have left the beginning of another. */
static bool
read_manifest(struct files *fs, struct place *p, bool *found, bool *moved, struct err *e)
{
	char *line = NULL, *last = NULL;
	size_t size = 0;
	ssize_t len;
	off_t end = 0;
	json *value;
	bool ok;

	while ((len = getline(&line, &size, fs->manifest)) > 0 && line[len - 1] == '\n') {
		free(last);
		last = strdup(line);
		end = ftello(fs->manifest);
	}
	free(line);
	*found = last;
	ok = fseeko(fs->manifest, end, SEEK_SET) == 0 && ftruncate(fileno(fs->manifest), end) == 0;
	if (!ok || !last) {
		free(last);
		return ok || fail(fs->dir, e);
	}
	value = json_parse(last, strlen(last), e);
	ok = value && take_line(fs, value, p, moved, e);
	json_free(value);
	free(last);
	return ok;
}

bool
files_open(struct files *fs, struct place *p, bool *found, bool *moved, struct err *e)
{
	char path[PATH_ROOM];
	int fd;

	*found = *moved = false;
	fs->fd = -1;
	if (strlen(fs->dir) > PATH_ROOM - 64)
		return err_set(e, ERR_INPUT, NULL, "the folder's name is too long");
	if (mkdir(fs->dir, 0777) != 0 && errno != EEXIST)
		return fail(fs->dir, e);
	path_of(fs, path, "manifest.jsonl");
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	fs->manifest = fd >= 0 ? fdopen(fd, "r+") : NULL;
	if (!fs->manifest)
		return fail(path, e);
	if (flock(fd, LOCK_EX | LOCK_NB) != 0)
		return err_set(e, ERR_INPUT, NULL, "%s: another export writes into it", fs->dir);
	return read_manifest(fs, p, found, moved, e);
}

void
files_close(struct files *fs)
{
	if (fs->manifest)
		fclose(fs->manifest);
	if (fs->fd >= 0)
		close(fs->fd);
	fs->manifest = NULL;
	fs->fd = -1;
}

/* ---- the file under way ---------------------------------------------------------------------- */

bool
files_begin(struct files *fs, bool *begun, struct err *e)
{
	char path[PATH_ROOM];

	*begun = fs->fd < 0;
	if (!*begun)
		return true;
	path_of(fs, path, "unfinished");
	fs->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (fs->fd < 0)
		return fail(path, e);
	fs->results = fs->bytes = 0;
	fs->begun_us = clock_us();
	sha256_begin(&fs->sum);
	return true;
}

bool
files_put(struct files *fs, const char *bytes, size_t len, int64_t results, struct err *e)
{
	sha256_put(&fs->sum, bytes, len);
	fs->results += results;
	fs->bytes += (int64_t)len;
	while (len > 0) {
		ssize_t n = write(fs->fd, bytes, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail(fs->dir, e);
		bytes += n;
		len -= (size_t)n;
	}
	return true;
}

/* ---- a file's end ---------------------------------------------------------------------------- */

/* A name is on disk when its folder is. */
static bool
sync_folder(const struct files *fs)
{
	int fd = open(fs->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool ok = fd >= 0 && fsync(fd) == 0;

	if (fd >= 0)
		close(fd);
	return ok;
}

static bool
name_file(struct files *fs, const char *name)
{
	char from[PATH_ROOM], to[PATH_ROOM];
	bool ok = fsync(fs->fd) == 0;

	ok = close(fs->fd) == 0 && ok;
	fs->fd = -1;
	path_of(fs, from, "unfinished");
	path_of(fs, to, name);
	return ok && rename(from, to) == 0 && sync_folder(fs);
}

static void
put_line(
    struct buf *b, const struct files *fs, const char *name, const char *sum, const char *place)
{
	buf_printf(b,
	    "{\"name\":\"%s\",\"number\":%" PRId64 ",\"results\":%" PRId64 ",\"bytes\":%" PRId64
	    ",\"sha256\":\"%s\",\"columns\":",
	    name, fs->number, fs->results, fs->bytes, sum);
	json_put_text(b, fs->columns, strlen(fs->columns));
	buf_puts(b, ",\"place\":");
	json_put_text(b, place, strlen(place));
	buf_puts(b, "}\n");
}

static bool
write_line(struct files *fs, const char *name, const struct place *p)
{
	char *place = place_text(p), sum[SHA256_TEXT];
	struct buf b;
	bool ok;

	buf_init(&b, 0);
	sha256_end(&fs->sum, sum);
	put_line(&b, fs, name, sum, place);
	ok = !b.failed && fwrite(b.data, 1, b.len, fs->manifest) == b.len &&
	    fflush(fs->manifest) == 0 && fsync(fileno(fs->manifest)) == 0;
	buf_fini(&b);
	free(place);
	return ok;
}

bool
files_finish(struct files *fs, const struct place *p, struct err *e)
{
	char name[64];

	fs->number++;
	name_of(fs, name, sizeof(name), fs->number);
	return (name_file(fs, name) && write_line(fs, name, p)) || fail(fs->dir, e);
}
