#include "admin/admin.h"

#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/cells.h"
#include "base/standard.h"
#include "base/text.h"
#include "config.h"

const char *argp_program_version = "distcompute-admin " PACKAGE_VERSION;

enum key {
	KEY_JSON = 1000,
	KEY_ALL,
	KEY_DRY_RUN,
	KEY_KEEP_CREDIT,
	KEY_STAGE,
	KEY_REASON,
	KEY_AS,
	KEY_COMMANDS,
	KEY_PERSON,
	KEY_WORKER,
	KEY_ADDRESS,
	KEY_LABEL,
	KEY_SINCE,
	KEY_UNTIL,
	KEY_RESUME,
	KEY_BACK,
	KEY_OLDER,
	KEY_BATCH,
	KEY_YES,
	KEY_WORDS,
	KEY_MARKDOWN,
	KEY_MANUAL,
	KEY_SAMPLE,
	KEY_PRINT
};

static const struct argp_option no_options[] = {{0}};
static const struct argp_option json_option[] = {{"json", KEY_JSON, NULL, 0, "Print JSON", 0}, {0}};
#define JSON_LINES                                                                                 \
	{                                                                                          \
		"json", KEY_JSON, NULL, 0, "Print a JSON object a line", 0                         \
	}
static const struct argp_option batch_options[] = {
    {"all", KEY_ALL, NULL, 0, "List those that are over too", 0},
    {"reason", KEY_REASON, "TEXT", 0, "With pause and cancel: why, for people", 0}, JSON_LINES,
    {0}};
static const struct argp_option failed_options[] = {
    {"batch", KEY_BATCH, "NAME", 0, "Only of this batch", 0},
    {"stage", KEY_STAGE, "STAGE", 0, "Only of this stage: its letter or name", 0}, JSON_LINES, {0}};
static const struct argp_option requeue_options[] = {
    {"batch", KEY_BATCH, "NAME", 0, "Those of this batch, instead of job numbers", 0},
    {"stage", KEY_STAGE, "STAGE", 0, "The stage in which they failed: its letter or name", 0},
    {"all", KEY_ALL, NULL, 0, "All that failed, instead of job numbers", 0},
    {"reason", KEY_REASON, "TEXT", 0, "Those whose reason has this in it, instead of job numbers",
	0},
    {"label", KEY_LABEL, "TEXT", 0, "Those whose last worker said that it runs this", 0},
    {"person", KEY_PERSON, "NICKNAME", 0, "Those whose last worker was this person's", 0},
    JSON_LINES, {0}};
static const struct argp_option leases_options[] = {
    {"older", KEY_OLDER, "TIME", 0, "Only those in hand for so long: 90s, 15m, 2h, 1d", 0},
    {"stage", KEY_STAGE, "STAGE", 0, "Only of this stage: its letter or name", 0}, JSON_LINES, {0}};
static const struct argp_option workers_options[] = {
    {"stage", KEY_STAGE, "STAGE", 0, "Only of this stage: its letter or name", 0},
    {"person", KEY_PERSON, "NICKNAME", 0, "Only of this person", 0},
    {"label", KEY_LABEL, "TEXT", 0, "Only workers that said they run this", 0},
    {"address", KEY_ADDRESS, "CIDR", 0, "Only workers that registered from this address or network",
	0},
    JSON_LINES, {0}};
static const struct argp_option give_back_options[] = {
    {"stage", KEY_STAGE, "STAGE", 0, "The stage in which it is in hand: its letter or name", 0},
    {"reason", KEY_REASON, "TEXT", 0, "Why; kept with the job", 0}, JSON_LINES, {0}};
static const struct argp_option hurry_options[] = {
    {"stage", KEY_STAGE, "STAGE", 0, "Only those that wait in this stage: its letter or name", 0},
    JSON_LINES, {0}};
static const struct argp_option send_back_options[] = {
    {"batch", KEY_BATCH, "NAME", 0, "All that the stage made of this batch, instead of a job", 0},
    {"stage", KEY_STAGE, "STAGE", 0, "The stage whose result is refused: its letter or name", 0},
    {"reason", KEY_REASON, "TEXT", 0, "Why; kept with the refused result", 0}, JSON_LINES, {0}};
static const struct argp_option person_options[] = {
    {"yes", KEY_YES, NULL, 0,
	"With merge and erase: do it; without, it is only told what would be done", 0},
    {"words", KEY_WORDS, NULL, 0,
	"With erase: a short name also where it is no more than a word of what others wrote", 0},
    {"json", KEY_JSON, NULL, 0, "Print JSON", 0},
    {"label", KEY_LABEL, "TEXT", 0, "With key add: what it is for", 0},
    {"all", KEY_ALL, NULL, 0, "With key revoke: all keys, and the name", 0}, {0}};
static const struct argp_option invite_options[] = {
    {"label", KEY_LABEL, "TEXT", 0, "For whom it is", 0}, JSON_LINES, {0}};
static const struct argp_option purge_options[] = {
    {"older", KEY_OLDER, "TIME", 0, "Delete what is older than this: 90d, 12h", 0},
    {"yes", KEY_YES, NULL, 0, "Delete; without it, only count", 0}, JSON_LINES, {0}};
static const struct argp_option undo_options[] = {
    {"person", KEY_PERSON, "NICKNAME", 0, "Results by this person", 0},
    {"worker", KEY_WORKER, "NAME", 0, "Results by this worker", 0},
    {"address", KEY_ADDRESS, "CIDR", 0,
	"Results by workers that registered from this address or network", 0},
    {"batch", KEY_BATCH, "NAME", 0, "Results of this batch", 0},
    {"label", KEY_LABEL, "TEXT", 0, "Results by workers that said they run this", 0},
    {"stage", KEY_STAGE, "STAGE", 0, "Results of this stage: its letter or name", 0},
    {"since", KEY_SINCE, "TIME", 0,
	"Results from this time on, such as '2026-11-01 12:00' (UTC, unless a zone is said)", 0},
    {"until", KEY_UNTIL, "TIME", 0, "Results from before this time", 0},
    {"reason", KEY_REASON, "TEXT", 0, "Why; kept with every result", 0},
    {"keep-credit", KEY_KEEP_CREDIT, NULL, 0, "The people did nothing wrong: their credit stays",
	0},
    {"dry-run", KEY_DRY_RUN, NULL, 0, "Only count, by stage and person", 0},
    {"resume", KEY_RESUME, "NUMBER", 0, "Go on with an undo that was broken off", 0},
    {"back", KEY_BACK, "NUMBER", 0, "Take an undo back, as far as nobody has begun anew", 0},
    JSON_LINES, {0}};
static const struct argp_option trial_options[] = {
    {"back", KEY_BACK, "NUMBER", 0, "Take a trial back that is not over", 0}, JSON_LINES, {0}};
static const struct argp_option ban_options[] = {
    {"person", KEY_PERSON, "NICKNAME", 0, "Ban this person", 0},
    {"address", KEY_ADDRESS, "CIDR", 0, "Ban an address or a network, such as 192.0.2.0/24", 0},
    {"label", KEY_LABEL, "TEXT", 0, "Ban all who say that they run this", 0},
    {"worker", KEY_WORKER, "NAME", 0, "Ban the worker of this name, in the stage that --stage says",
	0},
    {"stage", KEY_STAGE, "STAGE", 0, "With --worker: the stage of the worker", 0},
    {"reason", KEY_REASON, "TEXT", 0, "Why; who is banned is told so", 0},
    {"until", KEY_UNTIL, "TIME", 0, "When the ban ends (default: when it is lifted)", 0},
    JSON_LINES, {0}};
static const struct argp_option settings_options[] = {
    {"print", KEY_PRINT, NULL, 0, "The settings in force, secrets masked (the default)", 0},
    {"sample", KEY_SAMPLE, NULL, 0, "A commented tracker.ini with the defaults", 0},
    {"markdown", KEY_MARKDOWN, NULL, 0, "The table of all settings in Markdown", 0},
    {"manual", KEY_MANUAL, NULL, 0, "The manual's page of all settings, tracker.ini(5)", 0}, {0}};

static const struct command {
	const char *name, *args, *doc;
	int least, most; /* words after the name */
	bool offline;    /* needs no up-to-date database */
	bool slow;       /* may read or write whole tables */
	const struct argp_option *options;
	admin_run run;
} commands[] = {
    {"status", "", "Show the stages: what waits, what is in hand, done and failed, and who works.",
	0, 0, false, false, json_option, admin_status},
    {"job", "NUMBER", "Show a job's life: where it is in each stage, who had it, what went wrong.",
	1, 1, false, false, json_option, admin_job},
    {"person",
	"NAME | rename NAME NEW-NAME | merge NAME INTO-NAME | hide NAME | show NAME | erase NAME | "
	"key add NAME | key list NAME | key revoke NAME NUMBER | key revoke NAME --all",
	"Show a person: results, machines, what was refused. Or give them another name, make them "
	"one with somebody, take them off the boards, or erase them: name, keys, addresses and "
	"words "
	"go, results stay as erased-N's. Or make a key, which is shown once and makes the name "
	"theirs; "
	"list keys; end one, or all of them, and the name is nobody's again.",
	1, 4, false, true, person_options, admin_person},
    {"look-alikes", "", "List names that look the same.", 0, 0, false, false, json_option,
	admin_look_alikes},
    {"invite", "",
	"Make an invitation for somebody to take a name on the page /join while sign-up is "
	"closed. It is shown once, and good once, for two weeks.",
	0, 0, false, false, invite_options, admin_invite},
    {"leases", "", "List the jobs in hand, the longest first.", 0, 0, false, false, leases_options,
	admin_leases},
    {"workers", "", "List the workers that are here.", 0, 0, false, false, workers_options,
	admin_workers},
    {"failed", "", "List the jobs that failed for good, with the reasons.", 0, 0, false, false,
	failed_options, admin_failed},
    {"batch",
	"[set NAME priority=N note=TEXT needs=WORDS rate=N | pause NAME | resume NAME | cancel "
	"NAME | rename NAME "
	"NEW-NAME]",
	"List the batches: whose turn it is, how far they are, how quick. Or change one: a higher "
	"priority (-100 to 100) goes first; of a paused one nothing is handed out; of a cancelled "
	"one "
	"nothing is handed out any more, for good; one that needs words goes to workers that say "
	"that they have them all; a rate is how many jobs of it the first stage hands out a "
	"minute.",
	0, ASK_ARGS_MAX, false, true, batch_options, admin_batch},
    {"requeue", "[JOB...]",
	"Put failed jobs back in line: those named, those of a --reason, --label or --person, or "
	"--all.",
	0, ASK_ARGS_MAX, false, true, requeue_options, admin_requeue},
    {"send-back", "[JOB]",
	"Refuse a stage's result of a job: it and all later ones are set aside, their "
	"credit is withdrawn, and the stage does the job anew. Of a --batch it is an undo.",
	0, 1, false, true, send_back_options, admin_send_back},
    {"give-back", "JOB",
	"Take a job out of a worker's hand: it goes to others at once, nobody is blamed.", 1, 1,
	false, false, give_back_options, admin_give_back},
    {"hurry", "JOB...",
	"Jobs that wait go before every batch, whichever stage they wait in, but not past a pause "
	"or what they need.",
	1, ASK_ARGS_MAX, false, true, hurry_options, admin_hurry},
    {"undo", "",
	"Set aside results by who made them and when, and all that was made of them in "
	"later stages; the jobs are done anew. All conditions that are given must hold.",
	0, 0, false, true, undo_options, admin_undo},
    {"ban", "",
	"Show a person, an address, a release or a worker the door: their workers are gone, "
	"their jobs go to others, and who registers again hears why.",
	0, 0, false, false, ban_options, admin_ban},
    {"unban", "NUMBER", "Lift a ban.", 1, 1, false, false, json_option, admin_unban},
    {"bans", "", "List the bans that hold.", 0, 0, false, false, json_option, admin_bans},
    {"labels", "", "List what workers say that they run, the worst first.", 0, 0, false, false,
	json_option, admin_labels},
    {"origins", "", "List where workers come from, the worst first.", 0, 0, false, false,
	json_option, admin_origins},
    {"audit", "", "List who did what, the latest last.", 0, 0, false, false, json_option,
	admin_audit},
    {"worker", "drop STAGE NAME | end-rest STAGE NAME",
	"Send a worker away, and its jobs go to others at once; or end the rest that its bad ends "
	"in a row have brought it.",
	3, 3, false, false, json_option, admin_worker},
    {"trial", "STAGE WORKER JOB",
	"Give a worker a job that is done once more, to see what it makes of it. It looks like any "
	"other, comes before them, and counts nothing.",
	0, 3, false, false, trial_options, admin_trial},
    {"trials", "", "List the trials: whether the worker brought the same result, another, or none.",
	0, 0, false, false, json_option, admin_trials},
    {"banner", "TEXT",
	"Put a line on every page, instead of the setting of that name; '' takes it away.", 1, 1,
	false, false, json_option, admin_banner},
    {"pause", "STAGE", "Hand out no more jobs of a stage; results are still taken.", 1, 1, false,
	false, json_option, admin_pause},
    {"resume", "STAGE", "Hand out jobs of a stage again.", 1, 1, false, false, json_option,
	admin_resume},
    {"stages", "[append NAME | rename STAGE NAME | rate STAGE N]",
	"List the stages, append one, in which every finished job is ready then, give one "
	"another "
	"name, or have it hand out N jobs a minute at most (0: as many as are asked for). Trackers "
	"at work hear of it at once; their settings only propose stages for a new "
	"database.",
	0, 3, false, true, json_option, admin_stages},
    {"migrate", "",
	"Bring the database up to this version. Where it is already, that is quick and harmless.",
	0, 0, true, true, no_options, admin_migrate},
    {"purge", "",
	"Delete what was refused or failed long ago and has been done since, and workers that "
	"never "
	"had a result. The setting purge_after does it by itself.",
	0, 0, false, true, purge_options, admin_purge},
    {"check", "", "Count everything and compare with the laws of conservation. Reads whole tables.",
	0, 0, false, true, json_option, admin_check},
    {"new-identity", "",
	"For a restored copy whose original lives on: another identity, so that the two share "
	"nothing "
	"in Redis. Give it before the copy's trackers are started.",
	0, 0, false, true, json_option, admin_new_identity},
    {"settings", "", "Print the settings.", 0, 0, true, false, settings_options, admin_settings},
};

#define N_COMMANDS (sizeof(commands) / sizeof(commands[0]))

/* ---- a command's own words ------------------------------------------------------------------- */

static error_t
take_word(struct ask *ask, char *arg, struct argp_state *state)
{
	if (ask->n_args == ASK_ARGS_MAX)
		argp_error(state, "more than %d words", ASK_ARGS_MAX);
	else
		ask->arg[ask->n_args++] = arg;
	return 0;
}

/* Of two the first would be lost without a word. */
static void
take_once(const char **text, const char *arg, const char *option, struct argp_state *state)
{
	if (*text && strcmp(*text, arg) != 0)
		argp_error(state, "--%s is said twice, with '%s' and with '%s': one at a time",
		    option, *text, arg);
	*text = arg;
}

/* What an option's key fills: a text, one of settings' forms, or a yes. */
static bool
take_option(struct ask *ask, int key, const char *arg, struct argp_state *state)
{
	const struct {
		int key;
		const char *name, **text;
	} texts[] = {{KEY_STAGE, "stage", &ask->stage}, {KEY_REASON, "reason", &ask->reason},
	    {KEY_PERSON, "person", &ask->person}, {KEY_WORKER, "worker", &ask->worker},
	    {KEY_ADDRESS, "address", &ask->address}, {KEY_LABEL, "label", &ask->label},
	    {KEY_SINCE, "since", &ask->since}, {KEY_UNTIL, "until", &ask->until},
	    {KEY_RESUME, "resume", &ask->resume}, {KEY_BACK, "back", &ask->back},
	    {KEY_OLDER, "older", &ask->older}, {KEY_BATCH, "batch", &ask->batch}};
	const struct {
		int key;
		const char *form;
	} forms[] = {{KEY_MARKDOWN, "markdown"}, {KEY_MANUAL, "manual"}, {KEY_SAMPLE, "sample"},
	    {KEY_PRINT, "print"}};
	const struct {
		int key;
		bool *yes;
	} flags[] = {{KEY_JSON, &ask->json}, {KEY_ALL, &ask->all}, {KEY_DRY_RUN, &ask->dry_run},
	    {KEY_KEEP_CREDIT, &ask->keep_credit}, {KEY_YES, &ask->yes}, {KEY_WORDS, &ask->words}};

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		if (texts[i].key == key)
			return take_once(texts[i].text, arg, texts[i].name, state), true;
	for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++)
		if (forms[i].key == key) {
			if (ask->form && strcmp(ask->form, forms[i].form) != 0)
				argp_error(state, "--%s and --%s: one at a time", ask->form,
				    forms[i].form);
			return ask->form = forms[i].form, true;
		}
	for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++)
		if (flags[i].key == key)
			return *flags[i].yes = true;
	return false;
}

/* Names, reasons, addresses: all of it goes to PostgreSQL, which takes nothing else. */
static void
check_word(const char *arg, struct argp_state *state)
{
	if (arg && !text_is_utf8(arg, strlen(arg)))
		argp_error(state, "a word of the command is not UTF-8");
}

static error_t
parse_ask(int key, char *arg, struct argp_state *state)
{
	struct ask *ask = state->input;

	check_word(arg, state);
	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &ask->tool->input;
		return 0;
	case ARGP_KEY_ARG:
		return take_word(ask, arg, state);
	default:
		return take_option(ask, key, arg, state) ? 0 : ARGP_ERR_UNKNOWN;
	}
}

/* argv[0] is "distcompute-admin COMMAND", so that messages name it. */
static void
parse_command(const struct command *c, struct ask *ask, int argc, char **argv)
{
	static const struct argp_child children[] = {{&settings_argp_hidden, 0, NULL, 0}, {0}};
	static char name[64], told[512]; /* argp keeps them for later messages */
	const struct argp argp = {
	    c->options, parse_ask, *c->args ? c->args : NULL, told, children, NULL, NULL};

	snprintf(name, sizeof(name), "%s %s", ask->tool->name, c->name);
	snprintf(told, sizeof(told),
	    "%s\vSettings (--config=FILE and others) are told by `%s --help'.", c->doc,
	    ask->tool->name);
	argv[0] = name;
	argp_parse(&argp, argc, argv, 0, NULL, ask);
	if (ask->n_args < c->least || ask->n_args > c->most) {
		fprintf(stderr, "Usage: %s %s\nTry `%s --help' for more information.\n", name,
		    c->args, name);
		exit(argp_err_exit_status);
	}
}

/* ---- the first words: options before the command, and the command ---------------------------- */

struct first {
	struct ask *ask;
	const struct command *command;
	int at; /* argv's index of the command */
};

static const struct command *
command_find(const char *name)
{
	for (size_t i = 0; i < N_COMMANDS; i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

/* For completion in a shell, and for the manual. */
static void
print_commands(void)
{
	for (size_t i = 0; i < N_COMMANDS; i++)
		printf("%s\n", commands[i].name);
}

static error_t
parse_first(int key, char *arg, struct argp_state *state)
{
	struct first *first = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &first->ask->tool->input;
		return 0;
	case ARGP_KEY_ARG:
		first->command = command_find(arg);
		if (!first->command)
			argp_error(state, "no command '%s'", arg);
		first->at = state->next - 1;
		state->next = state->argc;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "which command?");
		return 0;
	case KEY_COMMANDS:
		print_commands();
		exit(0);
	case KEY_AS:
		check_word(arg, state);
		take_once(&first->ask->as, arg, "as", state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const char doc[] =
    "Ask a distributed compute tracker what it does, and tell it what to do.\n"
    "\n"
    "Commands (each has its own --help):\n"
    "  status                  counts by stage, and who works\n"
    "  job NUMBER              a job's life: who had it, what went wrong\n"
    "  person NAME             results, machines, what was refused\n"
    "  person rename|merge|hide|show|erase NAME\n"
    "                          give another name, make two one, take off boards or\n"
    "                          put on again, or erase a person\n"
    "  person key add NAME     make a key of a name (also: key list, key revoke)\n"
    "  look-alikes             names that look the same\n"
    "  invite                  let somebody take a name while sign-up is closed\n"
    "  workers, leases         who is here, and what is in hand for long\n"
    "  failed                  jobs that failed for good, with reasons\n"
    "  batch                   batches: how far, how quick, how long still\n"
    "  batch set|pause|resume|cancel|rename NAME\n"
    "                          change a batch: its turn, whether it is handed out\n"
    "  requeue                 put failed jobs back in line\n"
    "  send-back JOB           refuse a result; the stage does the job anew\n"
    "  give-back JOB           take a job out of a worker's hand\n"
    "  hurry JOB...            jobs that wait go before every batch\n"
    "  undo                    refuse results by who made them, or when; or undo that\n"
    "  ban, unban NUMBER, bans who is not welcome\n"
    "  labels, origins         what runs out there, and where\n"
    "  audit                   who did what\n"
    "  worker drop|end-rest STAGE NAME\n"
    "                          send a worker away, or let one work that must rest\n"
    "  trial, trials           what a worker makes of a job whose result is known\n"
    "  banner TEXT             a line on every page\n"
    "  pause STAGE, resume STAGE\n"
    "                          hold a stage back, and let it go on\n"
    "  stages [append|rename|rate]\n"
    "                          list the stages, append, rename or slow one\n"
    "  migrate                 bring the database up to this version\n"
    "  new-identity            for a restored copy, when the original lives on\n"
    "  check                   compare all counts with the laws of conservation\n"
    "  purge                   delete what was refused or failed long ago\n"
    "  settings                print the settings"
    "\vExamples:\n"
    "  distcompute-admin --config /etc/distcompute-tracker/tracker.ini status\n"
    "  distcompute-admin failed --stage b --json\n"
    "  distcompute-admin requeue --stage b 17 18\n"
    "  distcompute-admin requeue --stage b --reason 'disk full'\n"
    "  distcompute-admin requeue --all\n"
    "  distcompute-admin leases --older 1h\n"
    "  distcompute-admin send-back 17 --stage a --reason 'made by a broken release'\n"
    "  distcompute-admin undo --person Mallory --dry-run\n"
    "  distcompute-admin undo --person Mallory --reason 'results were made up'\n"
    "  distcompute-admin undo --back 17\n"
    "  distcompute-admin worker drop b quiet-river-12\n"
    "\n"
    "It ends with 0 when done, 1 when not (why is on standard error), 64 when it was asked "
    "wrongly.\n"
    "A backup of the tracker is a dump of its database: pg_dump -n tracker.";

static const struct command *
parse(struct ask *ask, int argc, char **argv)
{
	static const struct argp_child children[] = {
	    {&settings_argp_few, 0, SETTINGS_FEW_HEADER, 1}, {0}};
	static const struct argp_option options[] = {
	    {"commands", KEY_COMMANDS, NULL, OPTION_HIDDEN, NULL, 0},
	    {"as", KEY_AS, "NAME", 0,
		"Who acts, for the audit (default: SUDO_USER or the user, and the host)", 0},
	    {0}};
	static const struct argp argp = {
	    options, parse_first, "COMMAND [ARG...]", doc, children, NULL, NULL};
	struct first first = {ask, NULL, 0};

	argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &first);
	parse_command(first.command, ask, argc - first.at, argv + first.at);
	return first.command;
}

/* PostgreSQL is the judge; here, where the option is known, it is told which one it was. */
static bool
blame(const char *option, const char *text, const char *form, struct err *e)
{
	if (e->kind != ERR_SQL || strncmp(e->sqlstate, "22", 2) != 0)
		return false;
	err_clear(e);
	return err_set(e, ERR_FIELD, NULL, "%s: '%s' is no %s", option, text, form);
}

static bool
check_time(struct ask *ask, const char *option, const char *text, struct err *e)
{
	struct pg_param param = text_or_null(text);

	return pg_call(ask->tool->pg, "select $1::timestamptz", &param, 1, NULL, e) ||
	    blame(option, text, "time such as '2026-11-01 12:00 UTC'", e);
}

static bool
check_network(struct ask *ask, const char *option, const char *text, struct err *e)
{
	struct pg_param param = text_or_null(text);

	return pg_call(ask->tool->pg, "select $1::cidr", &param, 1, NULL, e) ||
	    blame(option, text, "address or network such as 192.0.2.0/24", e);
}

static bool
check_texts(struct ask *ask, struct err *e)
{
	return (!ask->since || check_time(ask, "--since", ask->since, e)) &&
	    (!ask->until || check_time(ask, "--until", ask->until, e)) &&
	    (!ask->address || check_network(ask, "--address", ask->address, e));
}

bool
check_line(const char *what, const char *said, size_t most, struct err *e)
{
	char clean[4 * BANNER_MOST + 1];
	size_t len = strlen(said);

	if (text_is_utf8(said, len) && text_chars(said, len) <= most) {
		memcpy(clean, said, len);
		if (text_clean(clean, len, false) == len && memcmp(clean, said, len) == 0)
			return true;
	}
	return err_set(e, ERR_FIELD, NULL,
	    "%s is one line of at most %zu characters, and each can be seen", what, most);
}

bool
check_conditions(const struct ask *ask, struct err *e)
{
	const struct {
		const char *option, *text;
	} said[] = {{"--person", ask->person}, {"--worker", ask->worker}, {"--label", ask->label},
	    {"--batch", ask->batch}};

	for (size_t i = 0; i < sizeof(said) / sizeof(*said); i++)
		if (said[i].text && said[i].text[strspn(said[i].text, " ")] == '\0')
			return err_set(e, ERR_FIELD, NULL, "%s '%s' is nothing to go by",
			    said[i].option, said[i].text);
	return true;
}

static bool
check_name(const char *as, struct err *e)
{
	if (as[strspn(as, " ")] == '\0')
		return err_set(e, ERR_FIELD, NULL, "who acts? --as '%s' is nobody's name", as);
	return check_line("who acts", as, LINE_MOST, e);
}

static bool
obey(const struct command *c, struct ask *ask, struct err *e)
{
	if ((ask->reason && !check_line("a reason", ask->reason, LINE_MOST, e)) ||
	    (ask->label && !check_line("a label", ask->label, LINE_MOST, e)) ||
	    (ask->as && !check_name(ask->as, e)))
		return false;
	if (!tool_open(ask->tool, e))
		return false;
	if (!c->offline &&
	    !(tool_connect(ask->tool, e) && tool_sign(ask->tool, ask->as, e) &&
		check_texts(ask, e)))
		return false;
	if (c->slow)
		pg_set_patience(ask->tool->pg, TOOL_LONG_MS);
	return c->run(ask, e);
}

/* ERR_FIELD: asked wrongly. No error at all: the command has said what is wrong. */
static int
failure(const struct tool *t, const struct err *e)
{
	if (e->kind != ERR_NONE)
		tool_fail(t, e);
	return e->kind == ERR_FIELD ? argp_err_exit_status : 1;
}

int
main(int argc, char **argv)
{
	static struct tool tool = {.name = "distcompute-admin"};
	static struct ask ask = {.tool = &tool};
	struct err e = ERR_INIT;
	int status = 0;

	standard_open();
	ask.called = argc > 0 && *argv[0] ? argv[0] : tool.name;
	if (!obey(parse(&ask, argc, argv), &ask, &e))
		status = failure(&tool, &e);
	return tool_end(&tool, status);
}
