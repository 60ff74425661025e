#include "call.h"

#include "peek.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

const char *const call_names[CALL_KINDS] = {"new", "newJob", "completeJob", "updateProgress",
    "validateWorker", "jobCount", "sync", "page", "bye"};

static const struct {
	const char *name;
	enum call call;
} step_names[] = {
    {"new", CALL_NEW},
    {"newJob", CALL_NEW_JOB},
    {"completeJob", CALL_COMPLETE},
    {"progress", CALL_PROGRESS},
    {"validate", CALL_VALIDATE},
    {"count", CALL_COUNT},
    {"sync", CALL_SYNC},
    {"page", CALL_PAGE},
    {"bye", CALL_BYE},
    {"pause", STEP_PAUSE},
    {"barrier", STEP_BARRIER},
};

/* The mixes that have a name. */
static const struct {
	const char *name, *steps;
} mixes[] = {
    {"cycle", "newJob,completeJob"},
    {"cycle+progress", "newJob,progress,completeJob"},
    {"noop", "progress"},
};

static bool
parse_step(struct step *s, char *text)
{
	char *argument = strchr(text, ':'), *second;

	if (argument)
		*argument++ = '\0';
	for (size_t i = 0; i < sizeof(step_names) / sizeof(*step_names); i++) {
		if (strcmp(step_names[i].name, text) != 0)
			continue;
		*s = (struct step){.call = step_names[i].call, .want = 1};
		if (s->call == CALL_PAGE) {
			s->path = argument;
			return argument;
		}
		if (argument) {
			s->want = atoi(argument);
			if ((second = strchr(argument, ':')))
				s->wait_s = atoi(second + 1);
		}
		return true;
	}
	return false;
}

bool
plan_parse(struct plan *plan, char *mix)
{
	char *rest = NULL;

	for (size_t i = 0; i < sizeof(mixes) / sizeof(*mixes); i++)
		if (strcmp(mixes[i].name, mix) == 0 && !(mix = strdup(mixes[i].steps)))
			return false;
	for (char *t = strtok_r(mix, ",", &rest); t; t = strtok_r(NULL, ",", &rest))
		if (plan->count == STEPS_MAX || !parse_step(&plan->steps[plan->count++], t))
			return false;
	return plan->count > 0;
}

static void __attribute__((format(printf, 2, 3))) put(struct text *out, const char *format, ...)
{
	for (;;) {
		size_t room = out->size - out->len;
		va_list list;
		int len;

		va_start(list, format);
		len = vsnprintf(out->bytes + out->len, room, format, list);
		va_end(list);
		if (len < 0)
			abort();
		if ((size_t)len < room) {
			out->len += (size_t)len;
			return;
		}
		out->size = out->size * 2 + (size_t)len + 512;
		if (!(out->bytes = realloc(out->bytes, out->size)))
			abort();
	}
}

/* A result: tells which job, who and the how manieth, then padding up to data_bytes. */
static void
put_result(
    const struct plan *plan, const struct worker *w, int64_t job, uint64_t serial, struct text *out)
{
	size_t before = out->len;

	put(out, "result of %" PRId64 " by %u.%" PRIu64, job, w->id, serial);
	if (out->len - before < plan->data_bytes)
		put(out, " %0*d", (int)(plan->data_bytes - (out->len - before)) - 1, 0);
}

static void
put_get(const struct plan *plan, struct text *out, const char *path)
{
	put(out, "GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: bench\r\nAccept: */*\r\n%s\r\n", path,
	    plan->host, plan->header);
}

static void
put_post(const struct plan *plan, struct text *out, const char *path, const struct text *body)
{
	put(out,
	    "POST %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: bench\r\nAccept: */*\r\n"
	    "Content-Type: application/json\r\nContent-Length: %zu\r\n%s\r\n%s",
	    path, plan->host, body->len, plan->header, body->bytes);
}

static void
put_sync(
    const struct plan *plan, const struct step *step, const struct worker *w, struct text *body)
{
	put(body, "{\"token\": \"%s\", \"done\": [", w->token);
	for (size_t i = 0; i < w->lease_count; i++) {
		put(body, "%s{\"job\": %" PRId64 ", \"lease\": \"%s\", \"data\": \"",
		    i == 0 ? "" : ", ", w->leases[i].job, w->leases[i].id);
		put_result(plan, w, w->leases[i].job, w->serial + i, body);
		put(body, "\"}");
	}
	put(body, "], \"want\": %d, \"wait\": %d}", step->want, step->wait_s);
}

static void
write_new(const struct plan *plan, struct text *out)
{
	char path[256];

	snprintf(path, sizeof(path), "/api/new?nickname=%s&stage=%c&slots=256", plan->nickname,
	    plan->stage);
	put_get(plan, out, path);
}

void
call_write(const struct plan *plan, const struct step *step, struct worker *w, struct text *out)
{
	static const char *const paths[CALL_KINDS] = {
	    [CALL_NEW_JOB] = "/api/newJob",
	    [CALL_COMPLETE] = "/api/completeJob",
	    [CALL_PROGRESS] = "/api/updateProgress",
	    [CALL_VALIDATE] = "/api/validateWorker",
	    [CALL_SYNC] = "/api/sync",
	    [CALL_BYE] = "/api/bye",
	};
	static struct text body;
	char count[32];

	out->len = body.len = 0;
	switch (step->call) {
	case CALL_NEW:
		write_new(plan, out);
		return;
	case CALL_COUNT:
		snprintf(count, sizeof(count), "/api/jobCount?stage=%c", plan->stage);
		put_get(plan, out, count);
		return;
	case CALL_PAGE:
		put_get(plan, out, step->path);
		return;
	case CALL_SYNC:
		put_sync(plan, step, w, &body);
		break;
	case CALL_COMPLETE:
		put(&body, "{\"token\": \"%s\", \"data\": \"", w->token);
		put_result(plan, w, w->job, w->serial, &body);
		put(&body, "\"}");
		break;
	case CALL_PROGRESS:
		put(&body, "{\"token\": \"%s\", \"progress\": \"12 / 100 (12%%)\"}", w->token);
		break;
	default:
		put(&body, "{\"token\": \"%s\"}", w->token);
		break;
	}
	put_post(plan, out, paths[step->call], &body);
}

static void
journal_result(const struct plan *plan, const struct worker *w, int64_t job, uint64_t serial)
{
	static struct text line;

	if (!plan->journal)
		return;
	line.len = 0;
	put_result(plan, w, job, serial, &line);
	fprintf(plan->journal, "%c\t%" PRId64 "\t%s\n", plan->stage, job, line.bytes);
}

static enum verdict
judge_new(struct worker *w, const char *body, const char *end)
{
	char name[256];

	if (!peek_text(peek_member(body, end, "token"), end, w->token, sizeof(w->token)) ||
	    !peek_text(peek_member(body, end, "display_name"), end, name, sizeof(name)))
		return VERDICT_WRONG;
	w->job = -1;
	w->lease_count = 0;
	return VERDICT_RIGHT;
}

static enum verdict
judge_new_job(struct worker *w, const char *body, const char *end)
{
	const char *data = peek_member(body, end, "data");

	if (!peek_int(peek_member(body, end, "number"), end, &w->job) || !data || *data != '"')
		return VERDICT_WRONG;
	return VERDICT_RIGHT;
}

/* Every result of ours must be accepted (or be known already), every job must have its lease. */
static enum verdict
judge_sync(const struct plan *plan, const struct step *step, struct worker *w, const char *body,
    const char *end, uint64_t *done)
{
	const char *item = peek_first(peek_member(body, end, "results"), end);
	enum verdict verdict = VERDICT_RIGHT;
	size_t answered = 0;

	for (; item; item = peek_next(item, end), answered++) {
		int64_t job;

		if (answered == w->lease_count ||
		    !peek_int(peek_member(item, end, "job"), end, &job) ||
		    job != w->leases[answered].job ||
		    !(peek_is(peek_member(item, end, "status"), end, "accepted") ||
			peek_is(peek_member(item, end, "status"), end, "repeat"))) {
			verdict = VERDICT_WRONG;
			continue;
		}
		journal_result(plan, w, job, w->serial + answered);
		++*done;
	}
	if (answered != w->lease_count)
		verdict = VERDICT_WRONG;
	w->serial += w->lease_count;
	w->lease_count = 0;
	item = peek_first(peek_member(body, end, "jobs"), end);
	for (; item; item = peek_next(item, end)) {
		struct lease *l;

		if (w->lease_count == w->lease_size) {
			w->lease_size = w->lease_size * 2 + 16;
			w->leases = realloc(w->leases, w->lease_size * sizeof(*w->leases));
			if (!w->leases)
				abort();
		}
		l = &w->leases[w->lease_count];
		if (!peek_int(peek_member(item, end, "job"), end, &l->job) ||
		    !peek_text(peek_member(item, end, "lease"), end, l->id, sizeof(l->id)) ||
		    !peek_member(item, end, "data"))
			return VERDICT_WRONG;
		w->lease_count++;
	}
	if (verdict == VERDICT_RIGHT && w->lease_count == 0 && step->want > 0 && answered == 0)
		return VERDICT_EMPTY;
	return verdict;
}

static bool
is_number(const char *body, size_t len)
{
	return len > 0 && strspn(body, "0123456789") == len;
}

static enum verdict
judge_status(const struct step *step, struct worker *w, int status)
{
	if (status == 503 || status == 429)
		return VERDICT_BUSY;
	if (status == 403 && step->call == CALL_NEW_JOB)
		return VERDICT_EMPTY;
	if (status == 404 && step->call != CALL_PAGE && step->call != CALL_COUNT) {
		w->token[0] = '\0';
		return VERDICT_GONE;
	}
	return VERDICT_WRONG;
}

enum verdict
call_judge(const struct plan *plan, const struct step *step, struct worker *w, int status,
    const char *body, size_t len, uint64_t *done)
{
	const char *end = body + len;

	if (status != 200)
		return judge_status(step, w, status);
	if (plan->blind)
		return len > 0 ? VERDICT_RIGHT : VERDICT_WRONG;
	switch (step->call) {
	case CALL_NEW:
		return judge_new(w, body, end);
	case CALL_NEW_JOB:
		return judge_new_job(w, body, end);
	case CALL_COMPLETE:
		if (strcmp(body, "200 OK") != 0)
			return VERDICT_WRONG;
		journal_result(plan, w, w->job, w->serial++);
		w->job = -1;
		++*done;
		return VERDICT_RIGHT;
	case CALL_VALIDATE:
		return strcmp(body, "True") == 0 ? VERDICT_RIGHT : VERDICT_WRONG;
	case CALL_COUNT:
		return is_number(body, len) ? VERDICT_RIGHT : VERDICT_WRONG;
	case CALL_SYNC:
		return judge_sync(plan, step, w, body, end, done);
	case CALL_PAGE:
		return len > 0 ? VERDICT_RIGHT : VERDICT_WRONG;
	default:
		return strcmp(body, "200 OK") == 0 ? VERDICT_RIGHT : VERDICT_WRONG;
	}
}

void
worker_fini(struct worker *w)
{
	free(w->leases);
	w->leases = NULL;
}
