#include "watch.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The machine that this is for runs some hundreds of processes; more are not looked at. */
enum { PROCESSES_MAX = 8192 };

struct process {
	int pid, parent;
	double cpu_s;
	uint64_t rss_kib;
};

static struct process processes[PROCESSES_MAX];
static size_t process_count;

bool
watch_add(struct watch *w, char *text)
{
	char *equals = strchr(text, '=');

	if (!equals || w->count == WATCH_MAX || atoi(equals + 1) <= 0)
		return false;
	*equals = '\0';
	w->of[w->count].name = text;
	w->of[w->count].pid = atoi(equals + 1);
	w->count++;
	return true;
}

static bool
read_process(int pid, struct process *p)
{
	char path[64], line[1024], *after_name;
	unsigned long user, kernel;
	long child_user, child_kernel, pages;
	double tick = (double)sysconf(_SC_CLK_TCK);
	FILE *f;
	size_t len;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	if (!(f = fopen(path, "r")))
		return false;
	len = fread(line, 1, sizeof(line) - 1, f);
	fclose(f);
	line[len] = '\0';
	/* The name may hold spaces and brackets: the fields begin behind the last bracket. */
	if (!(after_name = strrchr(line, ')')))
		return false;
	if (sscanf(after_name + 1,
		" %*c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %ld %ld"
		" %*d %*d %*d %*d %*u %*u %ld",
		&p->parent, &user, &kernel, &child_user, &child_kernel, &pages) != 6)
		return false;
	p->pid = pid;
	p->cpu_s =
	    ((double)user + (double)kernel + (double)child_user + (double)child_kernel) / tick;
	p->rss_kib = (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE) / 1024;
	return true;
}

static void
read_processes(void)
{
	DIR *d = opendir("/proc");
	struct dirent *entry;

	process_count = 0;
	if (!d)
		return;
	while ((entry = readdir(d)) && process_count < PROCESSES_MAX)
		if (atoi(entry->d_name) > 0 &&
		    read_process(atoi(entry->d_name), &processes[process_count]))
			process_count++;
	closedir(d);
}

/* Context switches of every thread of a process. */
static uint64_t
read_switches(int pid)
{
	char path[300], line[256];
	uint64_t sum = 0;
	unsigned long long n;
	struct dirent *entry;
	DIR *d;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	if (!(d = opendir(path)))
		return 0;
	while ((entry = readdir(d))) {
		if (atoi(entry->d_name) <= 0)
			continue;
		snprintf(path, sizeof(path), "/proc/%d/task/%s/status", pid, entry->d_name);
		if (!(f = fopen(path, "r")))
			continue;
		while (fgets(line, sizeof(line), f))
			if (sscanf(line, "voluntary_ctxt_switches: %llu", &n) == 1 ||
			    sscanf(line, "nonvoluntary_ctxt_switches: %llu", &n) == 1)
				sum += n;
		fclose(f);
	}
	closedir(d);
	return sum;
}

static const struct process *
find_process(int pid)
{
	for (size_t i = 0; i < process_count; i++)
		if (processes[i].pid == pid)
			return &processes[i];
	return NULL;
}

static bool
descends(const struct process *p, int ancestor)
{
	/* 64 generations: /proc is read while it moves, so a loop of parents is conceivable. */
	for (int i = 0; p && i < 64; i++, p = find_process(p->parent))
		if (p->pid == ancestor)
			return true;
	return false;
}

void
watch_read(const struct watch *w, struct watch_sample *samples)
{
	memset(samples, 0, sizeof(*samples) * WATCH_MAX);
	if (w->count == 0)
		return;
	read_processes();
	for (size_t i = 0; i < process_count; i++)
		for (size_t k = 0; k < w->count; k++) {
			if (!descends(&processes[i], w->of[k].pid))
				continue;
			samples[k].cpu_s += processes[i].cpu_s;
			samples[k].rss_kib += processes[i].rss_kib;
			samples[k].switches += read_switches(processes[i].pid);
		}
}
