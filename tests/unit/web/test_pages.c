/*
 * What every page says, of answers in which each cell is another (answers.h): pages.txt beside this file holds it, scene
 * by scene. A cell read for its neighbour, a unit, a link, a mark that is not escaped, a section that is shown in the
 * wrong state or a question with another bound: each is a line of the difference. What is meant is written anew by
 *
 *	TEST_PAGES=write tests/unit/web/test_pages
 */
#include "../test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "answers.h"
#include "web/join.h"
#include "web/own.h"
#include "web/page.h"
#include "web/template.h"

#define ANSWERS_MOST 12

struct scene {
	const char *name;
	page_render *render;
	const char *path[3], *query;
	const char *base_url, *signup, *about;
	bool public_data, beats, redis_is_away;
	const struct join_said *join;
	const struct own_visit *own;
	struct answer answers[ANSWERS_MOST];
};

static const struct stage_names two_stages = {.n = 2, .name = {"Ex/tract & <Load>", "Filter"}};
static const struct stage_names five_stages = {
    .n = 5, .name = {"Ex/tract & <Load>", "Filter", "Three", "Four", "Five"}};

/* ---- answers that several scenes have ------------------------------------------------------------ */

#define SERIES(of)                                                                                 \
	{                                                                                          \
		of, 4,                                                                             \
		    "start=3600; bucket_s=60; buckets=60; bucket=0|58|59|59; stage=1|1|1|2; "      \
		    "done=30|60|12|24"                                                             \
	}

#define MOVING                                                                                     \
	{"read_counts", 2,                                                                         \
	    "stage=1|2; name=Ex/tract & <Load>|Filter; ready=11|12; retry=13|1; due=2|0; "         \
	    "leased=15|16; done=7171|5252; failed=19|1; cancelled=21|22; held=3|4; "               \
	    "held_retry=5|0; "                                                                     \
	    "done_5m=27|28; done_1h=129|530; done_24h=1031|932; first_at=300000|200000; "          \
	    "first=9000"},                                                                         \
	    {"read_present", 2,                                                                    \
		"stage=1|2; present=41|1; working=33|1; bad=45|46; workers=7|1; since=180|0; "     \
		"kind=failed|timed_out; heard=yes"},                                               \
	    {"read_eta", 1,                                                                        \
		"state=moving; total=17900; done=12423; remaining=5477; eta_s=5003; low_s=3605; "  \
		"high_s=9302; shown_s=4980"},                                                      \
	{                                                                                          \
		"read_latest", 2, "stage=2|1; job=1234|5; started=75|4000; finished=5|60"          \
	}

#define NO_FACTS                                                                                   \
	{"read_counts", 2,                                                                         \
	    "stage=1|2; name=Ex/tract & <Load>|Filter; ready=0; retry=0; due=0; "                  \
	    "leased=0; done=0; failed=0; cancelled=0; held=0; held_retry=0; "                      \
	    "done_5m=0; done_1h=0; done_24h=0; first_at=null; first=0"},                           \
	    {"read_present", 2,                                                                    \
		"stage=1|2; present=0; working=0; bad=0; workers=0; since=null; kind=null"},       \
	    {"read_eta", 0, NULL},                                                                 \
	{                                                                                          \
		"read_latest", 0, NULL                                                             \
	}

#define BATCH "batch=7; first=1001; last=3500; created=90000; "
#define MOVES                                                                                      \
	"ended=null; paused_why=; note=a <note>; done=1250; total=5000; failed=3; leased=4; "      \
	"waiting=5; per_minute=12.5; eta_s=7203; why=null; needs=; rate=null; low_s=3700; "        \
	"high_s=10900; shown_s=7200; cancelled=0; inner=2; priority=-5"
#define LONG_WORD "wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwww"
#define EIGHT_WORDS "w1, w2, w3, w4, w5, w6, w7, w8"
#define WORDS EIGHT_WORDS ", w9, w10, w11"

/* ---- scenes -------------------------------------------------------------------------------------- */

static const struct session session = {
    .text = "11112222333344445555666677778888", .form = "aaaabbbbccccddddeeeeffff00001111"};

#define JOIN(status, ...)                                                                          \
	&(const struct join_said)                                                                  \
	{                                                                                          \
		status, __VA_ARGS__                                                                \
	}
#define SAID(status)                                                                               \
	JOIN(status, "O<ther>", "the <words>", NULL, "Typ<ed>\"", "https://here.example:8443")
#define OWN(...)                                                                                   \
	&(const struct own_visit)                                                                  \
	{                                                                                          \
		.by_https = true, .session = &session, __VA_ARGS__                                 \
	}
#define STRANGER(...)                                                                              \
	&(const struct own_visit)                                                                  \
	{                                                                                          \
		.by_https = true, __VA_ARGS__                                                      \
	}
#define CLEAR                                                                                      \
	&(const struct own_visit)                                                                  \
	{                                                                                          \
		.session = &session                                                                \
	}

#define A_WORKER                                                                                   \
	"created=7200; seen=30; gone_at=null; gone_why=null; done=4321; struck=77; held=2; "       \
	"hours=1.5; peers_rate=3000; peers=9; rests_s=0; bad_row=0; sent_back=0"

static const struct scene scenes[] = {
    {"worker at work", page_worker, .path = {"ex/tract & <load>", "calm-otter-1"}, .beats = true,
	.base_url = "https://tracker.example",
	.answers = {{"read_worker", 1,
			"created=7200; seen=30; gone_at=null; gone_why=null; done=4321; struck=77; "
			"held=2; hours=1.5; peers_rate=3000; peers=9; rests_s=0; bad_row=0; "
			"sent_back=1"},
	    {"read_worker_leases", 2, "job=1001|7; attempt=3|1; since=3700|65"},
	    {"read_worker_recent", 2,
		"job=999|12345; attempt=2|4; started=7400|9.5; finished=3500|1"},
	    {"read_worker_strikes", 3,
		"job=5|6|7; kind=failed|timed_out|flagged; at=100|200|86400; reason=exit "
		"1: /home/a|silent|flagged by 5 workers, at last: /x"}}},
    {"worker that is much quicker than others", page_worker, .path = {"FILTER", "x"},
	.public_data = true,
	.answers = {{"read_worker", 1,
			"created=7200; seen=30; gone_at=null; gone_why=null; done=40000; struck=0; "
			"held=0; hours=2; peers_rate=2000; peers=2; rests_s=125; bad_row=4; "
			"sent_back=0"},
	    {"read_worker_leases", 0, NULL}, {"read_worker_recent", 0, NULL},
	    {"read_worker_strikes", 1, "kind=failed; reason=exit <1>"}}},
    {"worker that is alone, and stale", page_worker, .path = {"filter", "x"},
	.answers = {{"read_worker", 1,
			"created=7200; seen=1801; gone_at=null; gone_why=null; done=4; struck=2; "
			"held=1; hours=0; peers_rate=2; peers=1; rests_s=60; bad_row=0; "
			"sent_back=0"},
	    {"read_worker_recent", 0, NULL}, {"read_worker_strikes", 0, NULL}}},
    {"worker that has just come", page_worker, .path = {"filter", "x"}, .beats = true,
	.answers = {{"read_worker", 1,
			"created=60; seen=50; gone_at=null; gone_why=null; done=0; struck=3; "
			"held=0; hours=0.01; peers_rate=2; peers=5; rests_s=0; bad_row=0; "
			"sent_back=0"},
	    {"read_worker_leases", 0, NULL}, {"read_worker_recent", 0, NULL},
	    {"read_worker_strikes", 0, NULL}}},
    {"worker while Redis is away", page_worker, .path = {"filter", "x"}, .beats = true,
	.redis_is_away = true,
	.answers = {{"read_worker", 1,
			"created=7200; seen=65; gone_at=null; gone_why=null; done=12; struck=2; "
			"held=1; hours=0; peers_rate=2; peers=3; rests_s=0; bad_row=0; "
			"sent_back=0"},
	    {"read_worker_recent", 0, NULL}, {"read_worker_strikes", 0, NULL}}},
    {"worker of whom PostgreSQL heard later than Redis", page_worker, .path = {"filter", "x"},
	.beats = true,
	.answers = {{"read_worker", 1,
			"created=7200; seen=6; gone_at=null; gone_why=null; done=4; struck=2; "
			"held=1; hours=0; peers_rate=2; peers=1; rests_s=0; bad_row=0; "
			"sent_back=0"},
	    {"read_worker_recent", 0, NULL}, {"read_worker_strikes", 0, NULL}}},
    {"worker that is gone", page_worker, .path = {"filter", "x"},
	.base_url = "https://tracker.example",
	.answers = {{"read_worker", 1,
			"created=7200; seen=3601; gone_at=3600; gone_why=dropped; done=40; "
			"struck=2; held=0; hours=1; peers_rate=2; peers=5; rests_s=60; bad_row=4; "
			"sent_back=0"},
	    {"read_worker_leases", 0, NULL}, {"read_worker_recent", 0, NULL},
	    {"read_worker_strikes", 0, NULL}}},
    {"worker of no stage", page_worker, .path = {"nowhere", "x"},
	.answers = {{"read_stage", 0, NULL}}},
    {"worker that nobody is", page_worker, .path = {"filter", "x"},
	.answers = {{"read_worker", 0, NULL}}},
    {"worker without a name", page_worker, .path = {"filter"}},
    {"worker with more behind its name", page_worker, .path = {"filter", "x", "y"}},

    {"person", page_person, .path = {"A/da <L>"}, .beats = true,
	.base_url = "https://tracker.example",
	.answers = {{"read_person", 1,
			"id=71; nickname=A/da <L>; created=900000; jobs=12345; withdrawn=67; "
			"today=890; week=2345; "
			"by_hour24=1999; machines=52; rank=1; spark=1,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0"
			",0,0,0,0,0,0,0,0,0,0,0,5,0,9; read_period=30000; kept=1234"},
	    {"read_person_stages", 2, "stage=1|2; withdrawn=51|52"},
	    {"read_person_workers", 51,
		"stage=1|2; created=5000; seen=4000; done=61|62; struck=7|8; job=null|1234"},
	    {"read_person_refused", 2,
		"stage=2|1; job=1234|5; refused=77; reason=wrong <version>|flagged by 2 workers"}}},
    {"person with one machine", page_person, .path = {"Ada"}, .query = "after=1-2",
	.answers = {{"read_person", 1,
			"jobs=1; withdrawn=0; today=0; week=1; by_hour24=1; machines=1; rank=null; "
			"spark=0,1; read_period=1; kept=0"},
	    {"read_person_stages", 0, NULL},
	    {"read_person_workers", 1, "stage=2; seen=1801; job=7; done=1; struck=0"},
	    {"read_person_refused", 0, NULL}}},
    {"person who hides their machines", page_person, .path = {"Ada"},
	.answers = {{"read_person", 1,
			"jobs=0; withdrawn=0; today=0; week=0; by_hour24=0; machines=3; rank=0; "
			"spark=; read_period=10"},
	    {"read_person_workers", 0, NULL}, {"read_person_refused", 0, NULL}}},
    {"person behind the last machine", page_person, .path = {"anonymous"}, .query = "after=1-2",
	.answers = {{"read_person", 1,
			"nickname=anonymous; machines=3; rank=4; spark=1,2,3; read_period=0"},
	    {"read_person_workers", 0, NULL}, {"read_person_refused", 0, NULL}}},
    {"person that nobody is", page_person, .path = {"Ada"}, .answers = {{"read_person", 0, NULL}}},
    {"person with more behind their name", page_person, .path = {"Ada", "x"}},

    {"job on its way", page_job, .path = {"1234"}, .base_url = "https://tracker.example",
	.answers = {{"read_job", 2,
			"stage=1|2; state=done|leased; attempt=1|2; started=4000|100; "
			"finished=3000|null; due=null; kind=null; reason=null; input_size=1536; "
			"output_size=1|null; input=null; output=null"},
	    {"read_job_events", 2,
		"stage=1|2; kind=failed|timed_out; reason=exit 1: /home/a|silent <x>; "
		"worker=calm/1|null; at=3500|95"}}},
    {"job with public data", page_job, .path = {"5"}, .public_data = true,
	.answers =
	    {{"read_job", 2,
		 "stage=1|2; state=done|later; public_of_stage=null; person=null; attempt=null; "
		 "started=null; finished=null; due=null; kind=null; reason=null; "
		 "input_size=3|null; output_size=null; input=<in>|null; output=<out>|null"},
		{"batch", 0, NULL},
		{"read_job_events", 1, "stage=2; kind=failed; reason=exit <1>"}}},
    {"job that came back and failed", page_job, .path = {"5"},
	.answers =
	    {{"read_job", 5,
		 "stage=1|2|1|1|1; state=failed|retry|retry|waiting|cancelled; "
		 "public_of_stage=null; person=null; attempt=5|1|null; started=4000|300|null; "
		 "finished=60|null; due=null|-90|60|null; kind=flagged|failed|null; "
		 "reason=flagged by 5 workers|exit 1|null; input_size=null; "
		 "output_size=null; input=null; output=null"},
		{"read_job_events", 0, NULL}}},
    {"job that is done", page_job, .path = {"5"},
	.answers =
	    {{"read_job", 2,
		 "stage=1|2; state=done; attempt=1; started=100|10; finished=50|9; due=null; "
		 "kind=null; reason=null; input_size=null; output_size=null; input=null; "
		 "output=null"},
		{"read_job_events", 0, NULL}}},
    {"job that is not there", page_job, .path = {"5"}, .answers = {{"read_job", 0, NULL}}},
    {"job 0", page_job, .path = {"0"}},
    {"job with more behind its number", page_job, .path = {"5", "x"}},

    {"batch at work", page_batch, .path = {"M/arch <1>"}, .base_url = "https://tracker.example",
	.answers = {{"read_batch_rows", 1, BATCH "name=M/arch <1>; " MOVES},
	    {"read_batches", 2, "stage=1|2; leased=6|7; done=8|9; failed=10|11"},
	    SERIES("read_batch_series")}},
    {"batch that is held up", page_batch, .path = {"x"}, .query = "range=7d",
	.answers = {{"read_batch_rows", 1,
			BATCH "name=x; ended=null; paused_why=no <disk>; note=; done=1; total=10; "
			      "failed=0; leased=0; waiting=5; per_minute=0; eta_s=null; "
			      "why=paused; needs=" WORDS "; rate=1; low_s=null; high_s=null; "
			      "shown_s=null; cancelled=2; inner=1; priority=0"},
	    SERIES("read_batch_series")}},
    {"batch that nobody can do", page_batch, .path = {"x"},
	.answers = {{"read_batch_rows", 1,
	    BATCH "name=x; ended=null; paused_why=; note=; done=0; total=10; failed=0; leased=0; "
		  "waiting=5; per_minute=0; eta_s=null; why=needs; needs=gpu; rate=null; "
		  "low_s=null; high_s=null; shown_s=null; cancelled=0; inner=1; priority=100"}}},
    {"batch that waits its turn", page_batch, .path = {"x"},
	.answers =
	    {{"read_batch_rows", 1,
		 BATCH
		 "name=x; ended=null; paused_why=; note=; done=0; total=10; failed=0; leased=0; "
		 "waiting=5; per_minute=0; eta_s=null; why=turn; needs=; rate=null; "
		 "low_s=null; high_s=null; shown_s=null; cancelled=0; inner=2; priority=0"},
		{"read_batches", 0, NULL}}},
    {"batch that was cancelled", page_batch, .path = {"x"},
	.answers = {{"read_batch_rows", 1,
			BATCH "name=x; ended=50; paused_why=; note=; done=4; total=4; failed=3; "
			      "leased=0; waiting=0; per_minute=0; eta_s=null; why=cancelled; "
			      "needs=; rate=null; low_s=null; high_s=null; shown_s=null; "
			      "cancelled=2; inner=1; priority=0"},
	    SERIES("read_batch_series")}},
    {"batch that is over", page_batch, .path = {"x"},
	.answers = {{"read_batch_rows", 1,
			BATCH "name=x; ended=50; paused_why=; note=; done=4; total=4; failed=3; "
			      "leased=0; waiting=0; per_minute=0; eta_s=null; why=null; "
			      "needs=; rate=null; low_s=null; high_s=null; shown_s=null; "
			      "cancelled=0; inner=1; priority=0"},
	    SERIES("read_batch_series")}},
    {"batch that is not there", page_batch, .path = {"x"},
	.answers = {{"read_batch_rows", 0, NULL}}},
    {"batch with more behind its name", page_batch, .path = {"x", "y"}},

    {"batches at work", page_batches,
	.answers = {{"read_batch_rows", 8,
	    "batch=1|2|3|4|5|6|7|8; first=1|11; last=10|20; created=90; ended=null; "
	    "priority=3|-5|0; paused_why=|no disk|; done=99999|5|0|0|0|0|10|10; "
	    "total=100000|10|10|10|10|10|10|10; failed=1|2|3|4|5|6|7|8; per_minute=100|0.25|0; "
	    "eta_s=61|null|61|null; why=null|paused|rate|turn|idle|needs|null|cancelled; "
	    "needs=|||||a, b|; rate=null; low_s=1; high_s=100; shown_s=60; cancelled=0; inner=2"}}},
    {"batches that need eight words and nine", page_batches,
	.answers = {{"read_batch_rows", 2,
	    "name=x|y; batch=1|2; ended=null; priority=0; done=0; total=10; why=needs; eta_s=null; "
	    "needs=" EIGHT_WORDS "|" EIGHT_WORDS ", w9; paused_why=; cancelled=0"}}},
    {"batches that go on", page_batches, .query = "after=105-7",
	.answers = {{"read_batch_rows", 101,
	    "name=x; batch=1|2; ended=null; priority=-7; done=0; total=10; why=idle; eta_s=null; "
	    "needs=; paused_why=; cancelled=0"}}},
    {"batches that are a page", page_batches,
	.answers = {{"read_batch_rows", 100,
	    "name=x; batch=1|2; ended=null; priority=0; done=0; total=10; why=idle; eta_s=null; "
	    "needs=; paused_why=; cancelled=0"}}},
    {"batches that are over", page_batches, .query = "state=ended&after=5-7",
	.answers = {{"read_batch_rows", 101,
	    "name=x; batch=1|2; ended=60; priority=0; done=10; total=10; why=null; eta_s=null; "
	    "needs=; paused_why=; cancelled=0"}}},
    {"no batches at work", page_batches, .answers = {{"read_batch_rows", 0, NULL}}},
    {"no batches that are over", page_batches, .query = "state=ended",
	.answers = {{"read_batch_rows", 0, NULL}}},

    {"board", page_leaderboard, .base_url = "https://tracker.example",
	.answers = {{"read_period", 1, "read_period=5000"},
	    {"read_board", 4,
		"rank=1|2|3|4; jobs=3000|1500|400|1; last_at=60|3700|null; spark=1,2,3|0,0|5"}}},
    {"board of a week that goes on", page_leaderboard, .query = "period=week&after=77-8",
	.answers = {{"read_board", 51, "rank=4; jobs=7; spark=0"}}},
    {"board that nobody is on", page_leaderboard, .query = "period=today",
	.answers = {{"read_board", 0, NULL}}},
    {"people who were searched for", page_leaderboard, .query = "q=a%26b&from=x&after=0-5",
	.answers = {{"read_people", 51, "0::int8=0; jobs=7; last_at=9; spark=0"}}},
    {"people who are searched for from the middle of the board", page_leaderboard,
	.query = "q=a&after=77-8",
	.answers = {{"read_people", 1, "0::int8=0; jobs=7; last_at=9; spark=0"}}},
    {"people whom nobody is", page_leaderboard, .query = "q=%3Cb%3E",
	.answers = {{"read_people", 0, NULL}}},

    {"dashboard", page_dashboard, .beats = true, .base_url = "https://tracker.example",
	.answers = {MOVING, SERIES("read_series"),
	    {"read_batch_rows", 2,
		"name=March|A/pril <2>; first=1|101; last=100|900; ended=null; paused_why=; "
		"done=30|0; total=200|1600; failed=5|6; per_minute=2.5|0; eta_s=600|null; "
		"why=null|turn; needs=; rate=null; shown_s=600; cancelled=0; inner=2; "
		"priority=0|9"},
	    {"read_workers", 5,
		"stage=1|1|1|2|2; name=calm-otter-1|w2|w3|w4|null; seen=9|9|2000|20; "
		"done=81|82|83|84; job=1234|null|7|8; jobs=3|0|1|2; "
		"created=5000|5001|5002|5003|5004"}}},
    {"dashboard of five stages", page_dashboard, .query = "range=24h",
	.answers =
	    {{"read_counts", 5,
		 "stage=1|2|3|4|5; paused=no|no|yes|no|no; ready=0|3|5|2|7; "
		 "retry=2|0|1|3|0; due=0|0|0|0|7; leased=0; done=10|9|8|7|100000; "
		 "failed=0|0|1|0|1; cancelled=0; held=0|3|0|2|0; held_retry=0; "
		 "gated=no; done_5m=1; done_1h=10; done_24h=100; first_at=3000; first=200000"},
		{"read_present", 5,
		    "stage=5|4|3|2|1; present=3|1|0|2|1; working=0; bad=0|1|1|0|0; "
		    "workers=0|1|1|0|0; "
		    "since=null; kind=null|released|failed|null; heard=yes"},
		{"read_eta", 1,
		    "state=moving; total=500000; done=1; remaining=499999; eta_s=10; low_s=5; "
		    "high_s=null; shown_s=10"},
		{"read_latest", 1, "stage=1; started=1300; finished=700"},
		{"read_series", 1,
		    "start=86400; bucket_s=900; buckets=96; bucket=95; stage=5; done=3"},
		{"read_batch_rows", 1,
		    "name=x; ended=null; why=null; needs=; rate=null; eta_s=null; cancelled=0; "
		    "inner=1; "
		    "done=1; total=10; paused_why="},
		{"read_workers", 0, NULL}}},
    {"dashboard where attempts fail", page_dashboard, .query = "stage=b",
	.answers = {{"read_counts", 2,
			"stage=1|2; ready=1|0; retry=0; due=0; leased=1; done=5; failed=1|0; "
			"cancelled=0; held=0; held_retry=0; done_5m=4|0; done_1h=4|0; done_24h=4; "
			"first_at=3000; first=20"},
	    {"read_present", 2,
		"stage=1|2; present=1; working=1; bad=3|1; workers=1; since=100|null; "
		"kind=failed|abandoned; heard=yes"},
	    {"read_eta", 1,
		"state=calculating; total=40; done=10; remaining=30; eta_s=null; low_s=null; "
		"high_s=null; shown_s=null"},
	    {"read_series", 1, "start=3545; bucket_s=60; buckets=60; bucket=59; stage=1; done=2"},
	    {"read_latest", 1, "stage=1; started=700; finished=601"}, {"read_batch_rows", 0, NULL},
	    {"read_workers", 0, NULL}}},
    {"dashboard of nobody's stage", page_dashboard, .query = "stage=b&after=5-6&owner=A%26da",
	.answers = {MOVING, SERIES("read_series"), {"read_batch_rows", 0, NULL},
	    {"read_workers", 0, NULL}}},
    {"dashboard of nobody who is stale", page_dashboard, .query = "state=stale",
	.answers = {NO_FACTS, {"read_batch_rows", 0, NULL}, {"read_workers", 0, NULL}}},
    {"dashboard of some that wait", page_dashboard,
	.query = "state=waiting&owner=A%26da&all=true&stage=a&after=5-6",
	.answers = {MOVING, SERIES("read_series"), {"read_batch_rows", 0, NULL},
	    {"read_workers", 2, "stage=1; name=w1|null; job=null; created=100|200; id=1|2"}}},
    {"dashboard with more workers than fit", page_dashboard,
	.answers = {MOVING, SERIES("read_series"), {"read_batch_rows", 0, NULL},
	    {"read_workers", 60, "stage=1; name=w; person=p; job=null"}}},
    {"dashboard with long names, of which all are asked for", page_dashboard, .query = "all=true",
	.answers = {MOVING, SERIES("read_series"),
	    {"read_batch_rows", 2, "name=x; ended=null; why=idle; needs=; rate=null; inner=2"},
	    {"read_workers", 120,
		"stage=1; job=null; name=" LONG_WORD LONG_WORD "; person=" LONG_WORD}}},
    {"dashboard without jobs", page_dashboard,
	.answers = {NO_FACTS, {"read_batch_rows", 0, NULL}, {"read_workers", 0, NULL}}},
    {"dashboard that is finished", page_dashboard,
	.answers = {{"read_counts", 2,
			"stage=1|2; ready=0; retry=0; due=0; leased=0; done=9|8; failed=1|1; "
			"cancelled=2|3; held=0; held_retry=0; done_5m=0; done_1h=0; done_24h=8; "
			"first_at=90000; first=15"},
	    {"read_present", 2,
		"stage=1|2; present=0; working=0; bad=0; workers=0; since=null; kind=null; "
		"heard=no"},
	    {"read_eta", 1,
		"state=finished; total=17; done=17; remaining=0; eta_s=null; low_s=null; "
		"high_s=null; shown_s=null"},
	    {"read_latest", 1, "stage=2; started=90; finished=80"}, {"read_batch_rows", 0, NULL},
	    {"read_workers", 0, NULL}}},

    {"numbers", page_stats,
	.answers = {MOVING, SERIES("read_series"),
	    {"read_batch_rows", 2,
		"name=March|x; first=1|101; last=100|900; created=5000|400; ended=null; "
		"paused_why=; done=30|0; total=200|1600; failed=5|6; leased=7|8; waiting=9|10; "
		"per_minute=2.5|0; eta_s=601|0; low_s=300|null; high_s=1200|null; why=null|needs; "
		"needs=|gpu, big; rate=null|60; shown_s=600; cancelled=11|12; inner=2; "
		"priority=0|9"}}},
    {"numbers of the fifth stage, and a note of a hostile name", page_stats,
	.answers =
	    {{"read_counts", 2,
		 "stage=1|2; ready=2|3; retry=0; due=0; leased=0; done=0; failed=0; cancelled=0; "
		 "held=0; held_retry=0; done_5m=0; done_1h=0; done_24h=0; first_at=null; first=9"},
		{"read_present", 2,
		    "stage=1|2; present=0; working=0; bad=0; workers=0; since=null; kind=null"},
		{"read_eta", 0, NULL}, {"read_latest", 0, NULL},
		{"read_series", 1,
		    "start=3600; bucket_s=60; buckets=60; bucket=58; stage=5; done=7"},
		{"read_batch_rows", 1,
		    "name=x; done=10; total=10; ended=null; why=null; needs=; rate=null; "
		    "eta_s=null; "
		    "paused_why=; inner=1"}}},
    {"numbers without jobs", page_stats,
	.answers = {NO_FACTS, {"read_series", 0, NULL}, {"read_batch_rows", 0, NULL}}},

    {"badge", page_badge, .answers = {MOVING}},
    {"badge without jobs", page_badge, .answers = {NO_FACTS}},
    {"badge of a person", page_badge, .path = {"A<d>a.svg"},
	.answers = {{"read_person", 1, "nickname=A<d>a; jobs=1234; rank=7"}}},
    {"badge of one without a rank", page_badge,
	.path = {"\u05e9\u05dc\u05d5\u05dd\u05e9\u05dc\u05d5\u05dd\u05e9\u05dc\u05d5\u05dd\u05e9"
		 "\u05dc\u05d5\u05dd\u05e9\u05dc\u05d5\u05dd.svg"},
	.answers = {{"read_person", 1,
	    "nickname=\u05e9\u05dc\u05d5\u05dd\u05e9\u05dc\u05d5\u05dd\u05e9\u05dc\u05d5\u05dd"
	    "\u05e9\u05dc\u05d5\u05dd\u05e9\u05dc\u05d5\u05dd; jobs=1; rank=null"}}},
    {"badge of a long name", page_badge, .path = {"long.svg"},
	.answers = {{"read_person", 1,
	    "nickname=abcdefghijklmnopqrstuvwxyzABCDEFG; jobs=1; rank=2"}}},
    {"badge of one letter", page_badge, .path = {"x.svg"},
	.answers = {{"read_person", 1, "jobs=1; rank=2"}}},
    {"badge of nobody", page_badge, .path = {"x.svg"}, .answers = {{"read_person", 0, NULL}}},
    {"badge without a name", page_badge, .path = {".svg"}},
    {"badge with more behind it", page_badge, .path = {"x.svg", "y"}},

    {"join", page_join, .about = "See https://a.example/?x=1&y=2. <b>", .answers = {MOVING}},
    {"join with odd links", page_join,
	.about =
	    "(https://b.example/x), http://c.example:8080/! https:// and xhttp://d.example/ or "
	    "https://e.example/a_(b); \"https://f.example\" http://g.example",
	.answers = {NO_FACTS}},
    {"join by invitation", page_join, .signup = "closed",
	.answers = {{"read_counts", 2,
			"stage=1|2; paused=yes|no; ready=100|0; retry=5|3; due=0; leased=0; "
			"done=1; failed=0; cancelled=0; held=0; held_retry=0; first=200"},
	    {"read_present", 2, "stage=1|2; present=0|1; working=0|1; heard=no"}}},
    {"join where nothing waits", page_join, .answers = {NO_FACTS}},
    {"join: made", NULL,
	.join = JOIN("made", "O'Brien \"\\x\" <$HOME>", "", "dct_0123", "obrien",
	    "https://here.example:8443"),
	.answers = {MOVING}},
    {"join: made, with an address", NULL, .base_url = "https://tracker.example",
	.join = JOIN("made", "Ada", "", "dct_0123", "ada", "https://here.example:8443"),
	.answers = {{"read_counts", 2,
			"stage=1|2; ready=8|5; retry=0; due=0; leased=0; done=1; failed=0; "
			"cancelled=0; held=0; held_retry=0; first=200"},
	    {"read_present", 2, "stage=1|2; present=1|0; working=0; heard=no"}}},
    {"join: limited", NULL, .join = SAID("limited"), .answers = {NO_FACTS}},
    {"join: no invitation", NULL, .join = SAID("no_invite"), .answers = {NO_FACTS}},
    {"join: taken", NULL, .join = SAID("taken"), .answers = {NO_FACTS}},
    {"join: worked", NULL, .join = SAID("worked"), .answers = {NO_FACTS}},
    {"join: no token", NULL, .join = SAID("no_token"), .answers = {NO_FACTS}},
    {"join: several", NULL, .join = SAID("several"), .answers = {NO_FACTS}},
    {"join: banned", NULL, .join = SAID("banned"), .answers = {NO_FACTS}},
    {"join: alike", NULL, .join = SAID("alike"), .answers = {NO_FACTS}},
    {"join: refused", NULL, .join = SAID("refused"), .answers = {NO_FACTS}},

    {"own", NULL, .own = OWN(), .beats = true, .base_url = "https://tracker.example",
	.answers = {{"find_session", 1, "person=71; nickname=A/da <L>; key=12"},
	    {"own_machines", 51,
		"id=101|102|103; stage=1|2; created=5000; seen=4000|30; slots=12|1; holds=3|0; "
		"done=4321|5; struck=7|8; rests_s=125|0; bad_row=4|0; label=warc <1>"},
	    {"own_left", 2,
		"id=201|202; stage=2|1; gone_at=500; why=bye|timed_out; done=31|32; struck=33|34"},
	    {"own_failures", 3,
		"worker=102|201|999; job=1234|5|6; kind=failed|released; reason=exit 1: /home/a "
		"<b>; at=77"},
	    {"list_keys", 2, "id=11|12; label=lap<top>|; created=9000|80; used=70|null"}}},
    {"own, hidden, with one key", NULL, .own = OWN(), .query = "done=hide&after=5-6",
	.answers = {{"find_session", 1, "nickname=Ada; machines_hidden=yes; key=12"},
	    {"own_machines", 1, "id=101; stage=2; rests_s=0; bad_row=0"},
	    {"own_left", 1, "stage=2; why=banned"}, {"own_failures", 0, NULL},
	    {"list_keys", 1, "id=12"}}},
    {"own, without machines", NULL, .own = OWN(.said.sorry = "Not <so>."), .query = "done=show",
	.answers = {{"find_session", 1, "nickname=Ada"}, {"own_machines", 0, NULL},
	    {"own_left", 0, NULL}, {"own_failures", 0, NULL}, {"list_keys", 1, "id=13"}}},
    {"own: a new key", NULL, .own = OWN(.said.key = "dct_0123"),
	.answers = {{"find_session", 1, "nickname=Ada"}}},
    {"own: a session that is over", NULL, .own = OWN(), .query = "done=out",
	.answers = {{"find_session", 0, NULL}}},
    {"own: erased", NULL, .own = STRANGER(.said.erased = "erased-5")},
    {"own: in the clear", NULL, .own = CLEAR, .base_url = "https://tracker.example"},
    {"own: in the clear, at no known address", NULL, .own = CLEAR},
    {"own: the rest is over", NULL, .own = STRANGER(.session = NULL), .query = "done=rest"},
    {"own: renamed", NULL, .own = STRANGER(.session = NULL), .query = "done=rename"},
    {"own: a key is ended", NULL, .own = STRANGER(.session = NULL), .query = "done=revoke"},
    {"own: shown", NULL, .own = STRANGER(.session = NULL), .query = "done=show"},
    {"own: a word that is none of ours", NULL, .own = STRANGER(.session = NULL), .query = "done=x"},
};

/* ---- what it comes to ---------------------------------------------------------------------------- */

static struct buf all; /* of every scene that was played */
static char *want;     /* pages.txt */

static const char *
golden(void)
{
	static char path[512];
	const char *top = getenv("top_srcdir");

	snprintf(path, sizeof(path), "%s/tests/unit/web/pages.txt", top ? top : ".");
	return path;
}

static bool
is_writing(void)
{
	const char *how = getenv("TEST_PAGES");

	return how && strcmp(how, "write") == 0;
}

static bool
play(const struct scene *s, struct page *p, struct err *e)
{
	if (s->join)
		return join_render(p, s->join, e);
	return s->own ? own_render(p, s->own, e) : s->render(p, e);
}

/* The lines of the head that say what the page is about. */
static void
put_head(struct buf *out, const char *text)
{
	static const char *const of[] = {"<title>", "<meta name=\"description\"",
	    "<meta property=\"og:t", "<meta property=\"og:d", "<meta property=\"og:u",
	    "<link rel=\"canonical\"", "<aside"};

	for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line != 0)
		for (size_t i = 0; i < COUNT(of); i++)
			if (strncmp(line, of[i], strlen(of[i])) == 0)
				buf_printf(out, "%.*s\n", (int)strcspn(line, "\n"), line);
	for (const char *at = strstr(text, " aria-current=\"page\">"); at;
	     at = strstr(at + 1, " aria-current=\"page\">"))
		buf_printf(out, "at %.*s\n", (int)strcspn(at + 21, "<"), at + 21);
}

/* Of many rows of a table the first two and the last. */
static void
put_rows(struct buf *out, const char *from, const char *to)
{
	const char *row[256];
	int n = 0;

	for (const char *at = from; (at = strstr(at, "<tr>")) && at < to; at++)
		row[n++] = at;
	assert_true(n < (int)COUNT(row));
	if (n < 14) {
		buf_put(out, from, (size_t)(to - from));
		return;
	}
	buf_put(out, from, (size_t)(row[2] - from));
	buf_printf(out, "%d more rows\n", n - 3);
	buf_put(out, row[n - 1], (size_t)(to - row[n - 1]));
}

static void
put_main(struct buf *out, const char *from, const char *to)
{
	const char *end;

	for (; (end = strstr(from, "</tbody>")) && end < to; from = end)
		put_rows(out, from, end += strlen("</tbody>"));
	buf_put(out, from, (size_t)(to - from));
}

/* Pictures, and numbers, a member a line. */
static void
put_other(struct buf *out, const char *text)
{
	for (const char *at = text; *at; at++) {
		buf_putc(out, *at);
		if (*text == '{' && *at == ',' && strchr("\"{", at[1]))
			buf_putc(out, '\n');
	}
}

static void
put_page(struct buf *out, const char *text)
{
	const char *from = strstr(text, "<main"), *to = strstr(text, "</main>");

	if (!from || !to) {
		put_other(out, text);
		return;
	}
	put_head(out, text);
	put_main(out, strchr(from, '\n') + 1, to);
	from = strstr(to, "<time");
	buf_printf(out, "made %.*s\n", (int)strcspn(from, "\n"), from);
}

static void
run(const struct scene *s, struct buf *out)
{
	struct settings settings = {.project = "P<r>oject",
	    .base_url = s->base_url ? s->base_url : "",
	    .banner = "",
	    .about = s->about ? s->about : "",
	    .signup = s->signup ? s->signup : "open",
	    .reserved = "",
	    .idle_timeout_s = 7200,
	    .eta_interval_s = 900,
	    .eta_samples = 12,
	    .public_data = s->public_data};
	struct arena arena;
	struct err e = ERR_INIT;
	struct buf page_out;
	struct page page = {.settings = &settings,
	    .stages = strstr(s->name, "five") ? &five_stages : &two_stages,
	    .redis_prefix = "t:",
	    .redis = s->beats ? (struct redis *)&all : NULL,
	    .arena = &arena,
	    .path = {s->path[0], s->path[1], s->path[2]},
	    .query = s->query ? s->query : "",
	    .content_type = "text/html; charset=utf-8",
	    .out = &page_out};

	arena_init(&arena);
	buf_init(&page_out, 0);
	answers_begin(s->answers);
	if (s->redis_is_away)
		answers_without_redis();
	if (play(s, &page, &e))
		buf_printf(out, "%s\n", page.content_type);
	else
		buf_printf(out, "error %d: %s\n", (int)e.kind, e.said ? e.said : e.why);
	for (const char *line = answers_asked(); *line; line += strcspn(line, "\n") + 1)
		buf_printf(out, "? %.*s\n", (int)strcspn(line, "\n"), line);
	if (e.kind == ERR_NONE)
		put_page(out, page_out.data);
	answers_end();
	buf_fini(&page_out);
	arena_fini(&arena);
}

/* What pages.txt has for it. */
static const char *
wanted(const struct scene *s, size_t *len)
{
	char head[256];
	const char *at, *end;

	snprintf(head, sizeof(head), "=== %s\n", s->name);
	at = want ? strstr(want, head) : NULL;
	if (!at)
		fail_msg("pages.txt has no scene \"%s\"", s->name);
	at += strlen(head);
	end = strstr(at, "\n=== ");
	*len = end ? (size_t)(end + 1 - at) : strlen(at);
	return at;
}

/* Line by line, so that all that differs is told. */
static int
tell_difference(const char *got, const char *expected, size_t len)
{
	const char *end = expected + len;
	int n = 0;

	while (*got || expected < end) {
		size_t one = strcspn(got, "\n"), other = strcspn(expected, "\n");

		if (other > (size_t)(end - expected))
			other = (size_t)(end - expected);
		if (one != other || memcmp(got, expected, one) != 0) {
			print_error("- %.*s\n+ %.*s\n", (int)other, expected, (int)one, got);
			n++;
		}
		got += one + (got[one] != 0);
		expected += other + (expected + other < end);
	}
	return n;
}

static void
a_page_says_what_is_written_of_it(void **state)
{
	const struct scene *s = *state;
	struct buf out;
	size_t len;

	buf_init(&out, 0);
	run(s, &out);
	buf_printf(&all, "=== %s\n%s", s->name, out.data);
	if (!is_writing()) {
		const char *expected = wanted(s, &len);

		if (out.len != len || memcmp(out.data, expected, len) != 0)
			fail_msg("%d lines differ", tell_difference(out.data, expected, len));
	}
	buf_fini(&out);
}

/* ---- main ---------------------------------------------------------------------------------------- */

static int
read_all(void **state)
{
	FILE *file = fopen(golden(), "r");
	struct err e = ERR_INIT;
	char folder[512], part[4096];
	const char *top = getenv("top_srcdir");
	struct buf text;
	size_t n;

	(void)state;
	snprintf(folder, sizeof(folder), "%s/templates", top ? top : ".");
	if (!templates_load(folder, &e))
		fail_msg("%s", e.why);
	buf_init(&all, 0);
	buf_init(&text, 0);
	while (file && (n = fread(part, 1, sizeof(part), file)) > 0)
		buf_put(&text, part, n);
	if (file)
		fclose(file);
	want = text.data;
	return 0;
}

static int
write_all(void **state)
{
	FILE *file;

	(void)state;
	if (is_writing()) {
		file = fopen(golden(), "w");
		assert_non_null(file);
		fputs(buf_text(&all), file);
		assert_int_equal(fclose(file), 0);
	}
	buf_fini(&all);
	free(want);
	return 0;
}

int
main(void)
{
	struct CMUnitTest tests[COUNT(scenes)];

	for (size_t i = 0; i < COUNT(scenes); i++)
		tests[i] = (struct CMUnitTest){.name = scenes[i].name,
		    .test_func = a_page_says_what_is_written_of_it,
		    .initial_state = (void *)(uintptr_t)&scenes[i]};
	return cmocka_run_group_tests_name("pages", tests, read_all, write_all);
}
