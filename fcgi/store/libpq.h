/*
 * libpq -- the library's own header, for pg.c and pg_hosts.c: the one place that includes it.
 */
#ifndef STORE_LIBPQ_H
#define STORE_LIBPQ_H

#include <libpq-fe.h>

#endif
