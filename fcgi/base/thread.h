/*
 * thread -- what a thread says of itself to the kernel.
 */
#ifndef BASE_THREAD_H
#define BASE_THREAD_H

/*
 * The calling thread does long work that nobody is in a hurry for: where processors are short it gets a tenth of
 * what another thread of the process gets. For ever: the way back wants privileges.
 */
void thread_be_modest(void);

#endif
