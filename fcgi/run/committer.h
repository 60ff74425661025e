/*
 * committer -- one desk: takes all ops that wait, sends ONE call, answers each after the commit.
 *
 * No timer: alone, an op goes at once; under load a bundle is what arrived during the last round
 * trip. While PostgreSQL works on a bundle, the answers of the one before go out.
 *
 * Threads	one thread and one connection a committer.
 * Errors	a lost connection, or a PostgreSQL that refuses for a reason that is no op's own (sqlstate.h):
 *		the bundle is sent again when it is back (every kind may be), until an op's give_up_us. A clash:
 *		sent again at once. Else the bundle goes again the long way (bundle.careful); what is refused three
 *		times in company is split in halves; who is refused three times alone, while a write of our own
 *		passes, is answered with the error. While results cannot be stored no claim is sent.
 * Ownership	committer_start/_join; ops are the queue's until taken, then the committer's until answered.
 */
#ifndef RUN_COMMITTER_H
#define RUN_COMMITTER_H

#include "domain/tracker.h"

struct committer;

struct committer *committer_start(struct tracker *t, enum desk desk);
/* Ends when its queue is closed and empty. */
void committer_join(struct committer *c);

#endif
