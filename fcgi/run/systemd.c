#include "run/systemd.h"

#include <systemd/sd-daemon.h>

int
systemd_socket(void)
{
	return sd_listen_fds(0) > 0 ? SD_LISTEN_FDS_START : -1;
}

void
systemd_say(const char *state)
{
	sd_notify(0, state);
}
