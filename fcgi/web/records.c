#include "web/records.h"

#include <string.h>

void
records_begin(struct records *r)
{
	*r = (struct records){.state = RECORDS_MORE};
}

static void
broken(struct records *r)
{
	r->state = RECORDS_BROKEN;
}

/* ---- parameters -------------------------------------------------------------------------------- */

static void
end_length(struct records *r)
{
	if (!r->has_name_len) {
		r->name_len = r->length;
		r->has_name_len = true;
		return;
	}
	r->has_name_len = false;
	r->pair_left = (uint64_t)r->name_len + r->length;
	if (r->pair_left > RECORDS_PARAMS_MOST)
		broken(r);
}

static void
take_length_byte(struct records *r, unsigned char byte)
{
	if (r->length_left == 0 && (byte & 0x80) != 0) {
		r->length = byte & 0x7f;
		r->length_left = 3;
		return;
	}
	r->length = r->length_left == 0 ? byte : r->length << 8 | byte;
	if (r->length_left > 0)
		r->length_left--;
	if (r->length_left == 0)
		end_length(r);
}

static void
take_params(struct records *r, const char *bytes, size_t len)
{
	r->params += len;
	if (r->params > RECORDS_PARAMS_MOST)
		broken(r);
	while (len > 0 && r->state == RECORDS_MORE) {
		size_t skip = r->pair_left < len ? (size_t)r->pair_left : len;

		r->pair_left -= skip;
		bytes += skip;
		len -= skip;
		if (len == 0)
			break;
		take_length_byte(r, (unsigned char)*bytes++);
		len--;
	}
}

/* ---- records ------------------------------------------------------------------------------------- */

static void
end_stream(struct records *r)
{
	if (r->at == AT_STDIN)
		r->state = RECORDS_WHOLE;
	else if (r->pair_left > 0 || r->length_left > 0 || r->has_name_len)
		broken(r);
	else
		r->at = AT_STDIN;
}

static void
take_head(struct records *r)
{
	static const int expected[] = {RECORDS_BEGIN, RECORDS_PARAMS, RECORDS_STDIN};
	unsigned id = (unsigned)r->head[2] << 8 | r->head[3];

	r->content_left = (size_t)r->head[4] << 8 | r->head[5];
	r->padding_left = r->head[6];
	if (r->head[0] != RECORDS_VERSION || r->head[1] != expected[r->at] || id == 0)
		broken(r);
	else if (r->at == AT_BEGIN && r->content_left != RECORDS_BEGIN_LEN)
		broken(r);
	else if (r->at != AT_BEGIN && id != r->id)
		broken(r);
	r->id = id;
	if (r->padding_left > 0 && (r->at == AT_BEGIN || r->content_left == 0))
		r->odd = true;
}

/* The content of BEGIN_REQUEST: role, flags and what is reserved, maybe in pieces. */
static void
take_begin(struct records *r, const char *bytes, size_t len)
{
	static const unsigned char role[] = {0, RECORDS_RESPONDER};

	for (size_t i = 0; i < len; i++, r->begin_len++) {
		unsigned char byte = (unsigned char)bytes[i];

		if (r->begin_len < sizeof(role) && byte != role[r->begin_len])
			broken(r);
		if (r->begin_len == sizeof(role))
			r->keep = (byte & RECORDS_KEEP) != 0;
	}
	if (r->begin_len == RECORDS_BEGIN_LEN && r->state == RECORDS_MORE)
		r->at = AT_PARAMS;
}

static void
take_content(struct records *r, struct records_piece *piece)
{
	switch (r->at) {
	case AT_BEGIN:
		take_begin(r, piece->s, piece->len);
		break;
	case AT_PARAMS:
		take_params(r, piece->s, piece->len);
		piece->kind = PIECE_PARAMS;
		break;
	case AT_STDIN:
		r->body += piece->len;
		piece->kind = PIECE_BODY;
	}
}

static size_t
least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* The record's padding is to be read before a stream ends with it, or the next one begins. */
static void
end_record(struct records *r)
{
	bool was_empty = r->head[4] == 0 && r->head[5] == 0;

	r->head_len = 0;
	if (was_empty)
		end_stream(r);
}

size_t
records_take(struct records *r, const char *bytes, size_t len, struct records_piece *piece)
{
	size_t n;

	*piece = (struct records_piece){.kind = PIECE_NONE};
	if (r->head_len < RECORDS_HEAD) {
		n = least(RECORDS_HEAD - r->head_len, len);
		memcpy(r->head + r->head_len, bytes, n);
		r->head_len += n;
		if (r->head_len == RECORDS_HEAD)
			take_head(r);
	} else if (r->content_left > 0) {
		n = least(r->content_left, len);
		r->content_left -= n;
		piece->s = bytes;
		piece->len = n;
		take_content(r, piece);
	} else {
		n = least(r->padding_left, len);
		r->padding_left -= n;
	}
	if (r->state == RECORDS_MORE && r->head_len == RECORDS_HEAD && r->content_left == 0 &&
	    r->padding_left == 0)
		end_record(r);
	return n;
}
