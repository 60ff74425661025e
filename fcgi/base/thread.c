#include "base/thread.h"

#include <sys/resource.h>

#define NICE 10 /* a weight of 110 beside 1024 */

void
thread_be_modest(void)
{
	/* On Linux it is the thread's, not the process's: setpriority(2). It may be that already. */
	(void)setpriority(PRIO_PROCESS, 0, NICE);
}
