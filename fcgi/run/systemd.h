/*
 * systemd -- the little that we and systemd say to each other; without it, nothing.
 *
 * Threads	the master's.
 * Source	libsystemd (the only file that includes it).
 */
#ifndef RUN_SYSTEMD_H
#define RUN_SYSTEMD_H

/* The listening socket of a .socket unit; -1 when none was handed over. */
int systemd_socket(void);
/* "READY=1", "RELOADING=1", "STOPPING=1": for Type=notify. */
void systemd_say(const char *state);

#endif
