#include "web/gather.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"

#define READ_AT_ONCE (32 * 1024)
/* Before others have their turn; those that are known to be long are only among themselves. */
#define READS_IN_A_TURN 4
#define READS_IN_A_LONG_TURN 32
#define CONTENT_MOST 0xffff /* of one record */

struct gather *
gather_new(const struct fcgx_limits *limits)
{
	struct gather *g = calloc(1, sizeof(*g));

	if (!g)
		abort();
	records_begin(&g->records);
	buf_init(&g->params, 0);
	buf_init(&g->body, 0);
	g->limits = limits;
	g->since_us = clock_us();
	return g;
}

void
gather_free(struct gather *g)
{
	if (!g)
		return;
	buf_fini(&g->params);
	buf_fini(&g->body);
	free(g);
}

static size_t
take_length(const unsigned char **p)
{
	size_t len = *(*p)++;

	if (len < 0x80)
		return len;
	len = (len & 0x7f) << 24 | (size_t)(*p)[0] << 16 | (size_t)(*p)[1] << 8 | (*p)[2];
	*p += 3;
	return len;
}

/* Which address is asked; the parameters are whole, and were looked at. */
static size_t
find_uri(const struct gather *g, const char **uri)
{
	static const char name[] = "REQUEST_URI";
	const unsigned char *p = (const unsigned char *)g->params.data, *end = p + g->params.len;

	while (p < end) {
		size_t name_len = take_length(&p), len = take_length(&p);

		*uri = (const char *)p + name_len;
		if (name_len == strlen(name) && memcmp(p, name, name_len) == 0)
			return len;
		p += name_len + len;
	}
	*uri = "";
	return 0;
}

static void
keep(struct gather *g, const struct records_piece *piece)
{
	const char *uri;
	size_t room, len;

	if (piece->kind == PIECE_BODY && g->records.body == piece->len) {
		len = find_uri(g, &uri);
		g->body_most = g->limits->body_of(g->limits, uri, len);
	}
	room = g->body_most - g->body.len;
	if (piece->kind == PIECE_PARAMS)
		buf_put(&g->params, piece->s, piece->len);
	else if (piece->kind == PIECE_BODY)
		buf_put(&g->body, piece->s, piece->len < room ? piece->len : room);
}

static void
take(struct gather *g, const char *bytes, size_t len)
{
	while (len > 0 && g->records.state == RECORDS_MORE) {
		struct records_piece piece;
		size_t n = records_take(&g->records, bytes, len, &piece);

		keep(g, &piece);
		bytes += n;
		len -= n;
	}
	/* One request at a time: what follows it unasked would be lost. */
	if (len > 0 || g->params.failed || g->body.failed)
		g->records.state = RECORDS_BROKEN;
}

enum records_state
gather_read(struct gather *g, int fd, bool is_long)
{
	int reads = is_long ? READS_IN_A_LONG_TURN : READS_IN_A_TURN;
	char bytes[READ_AT_ONCE];

	for (int i = 0; i < reads && g->records.state == RECORDS_MORE; i++) {
		ssize_t n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);

		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
			break;
		if (n <= 0)
			g->records.state = RECORDS_BROKEN;
		else
			take(g, bytes, (size_t)n);
	}
	return g->records.state;
}

static void
put_record(struct buf *out, const struct gather *g, int type, const char *content, size_t len)
{
	buf_putc(out, RECORDS_VERSION);
	buf_putc(out, (char)type);
	buf_put_be16(out, (uint16_t)g->records.id);
	buf_put_be16(out, (uint16_t)len);
	buf_put_be16(out, 0);
	buf_put(out, content, len);
}

bool
gather_write_head(const struct gather *g, int fd)
{
	const char begin[RECORDS_BEGIN_LEN] = {0, RECORDS_RESPONDER, g->records.keep};
	struct buf out;
	bool good;

	buf_init(&out, 0);
	put_record(&out, g, RECORDS_BEGIN, begin, sizeof(begin));
	for (size_t at = 0; at < g->params.len; at += CONTENT_MOST) {
		size_t left = g->params.len - at;

		put_record(&out, g, RECORDS_PARAMS, g->params.data + at,
		    left < CONTENT_MOST ? left : CONTENT_MOST);
	}
	put_record(&out, g, RECORDS_PARAMS, "", 0);
	put_record(&out, g, RECORDS_STDIN, "", 0);
	good = !out.failed && send(fd, out.data, out.len, MSG_DONTWAIT) == (ssize_t)out.len;
	buf_fini(&out);
	return good;
}
