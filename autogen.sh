#!/bin/sh
# Makes ./configure from configure.ac and Makefile.am. Needs autoconf and automake.
set -eu
cd "$(dirname "$0")"
exec autoreconf --install --warnings=all "$@"
