#include "store/sqlstate.h"

#include <stddef.h>
#include <string.h>

/* The first line that the code begins with counts: single codes stand before their class. */
static const struct {
	const char *begin;
	enum sqlstate_blame blame;
} table[] = {
    {"03", BLAME_SCHEMA},     /* statement not complete */
    {"08", BLAME_SESSION},    /* connection lost or refused */
    {"0A", BLAME_CLASH},      /* a plan from before an upgrade: it is made anew */
    {"0", BLAME_CALL},        /* triggered action, locator, grantor, role specification */
    {"24", BLAME_SCHEMA},     /* cursor state */
    {"25006", BLAME_SESSION}, /* read-only: a standby, or the default was so when it connected */
    {"25P", BLAME_SESSION}, /* in a failed transaction, idle in one for too long, too long in one */
    {"25", BLAME_SCHEMA},   /* other states of a transaction: our text's, not our values' */
    {"26", BLAME_CLASH},    /* somebody deallocated the statement: it is made anew */
    {"27", BLAME_CALL},     /* triggered data change */
    {"28", BLAME_SESSION},  /* no such user, or not from here */
    {"2B", BLAME_SCHEMA},   /* dependent privileges */
    {"2D", BLAME_SCHEMA},   /* a commit where none may be */
    {"2", BLAME_CALL},      /* data: values, lengths, constraints, an exception of SQL */
    {"34", BLAME_SCHEMA},   /* no such cursor */
    {"3D", BLAME_SESSION},  /* no such database */
    {"3F", BLAME_SCHEMA},   /* no such schema */
    {"3", BLAME_CALL},      /* external routines, savepoints */
    {"40002", BLAME_CALL},  /* a constraint that is looked at late */
    {"40003", BLAME_SESSION}, /* whether it happened is not known */
    {"40", BLAME_CLASH},      /* serialization, deadlock, rollback */
    {"42", BLAME_SCHEMA},     /* no such table, function or column; no right to it */
    {"44", BLAME_CALL},       /* check option */
    {"53200", BLAME_EITHER},  /* memory, or room for locks: one value may be too large for it */
    {"53400", BLAME_EITHER},  /* a limit of temporary files: a huge value is sorted in one */
    {"53", BLAME_SERVER},     /* disk, connections */
    {"54", BLAME_CALL},       /* too large, too deep, too many */
    {"55P03", BLAME_EITHER},  /* a lock in time: of a table, or of one worker's row */
    {"55", BLAME_SERVER},     /* object in use */
    {"57P", BLAME_SESSION},  /* shut down, crashed, starting, database dropped, idle for too long */
    {"57014", BLAME_EITHER}, /* a statement's time is over: it may be long for one huge value */
    {"57", BLAME_SERVER},    /* an operator said so */
    {"58", BLAME_EITHER},    /* a disk's error, a file missing: who needs that block meets it */
    {"72", BLAME_CLASH},     /* snapshot too old */
    {"F0", BLAME_SERVER},    /* its configuration */
    {"HV", BLAME_SERVER},    /* foreign data */
    {"P0", BLAME_CALL},      /* raised by a function */
    {"TR", BLAME_CALL},      /* raised by a function of ours */
    {"XX",
	BLAME_EITHER}, /* internal error, corrupted data or index: who needs that page meets it */
};

enum sqlstate_blame
sqlstate_blame(const char *state)
{
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++)
		if (strncmp(state, table[i].begin, strlen(table[i].begin)) == 0)
			return table[i].blame;
	return BLAME_SERVER;
}

bool
sqlstate_may_be_own(const char *state)
{
	enum sqlstate_blame blame = sqlstate_blame(state);

	return blame == BLAME_CALL || blame == BLAME_EITHER;
}
