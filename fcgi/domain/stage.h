/*
 * stage -- a stage's number and its letter: 1 is a, 5 is e.
 *
 * Numbers are what code and tables work with, letters what people and workers say.
 */
#ifndef DOMAIN_STAGE_H
#define DOMAIN_STAGE_H

#define STAGES_MAX 5

/* 'a' to 'e'; '-' for what is no stage. */
static inline char
stage_letter(int stage)
{
	return (char)(stage >= 1 && stage <= STAGES_MAX ? 'a' + stage - 1 : '-');
}

/* 'A' to 'E', as people write it; '-' for what is no stage. */
static inline char
stage_capital(int stage)
{
	return (char)(stage >= 1 && stage <= STAGES_MAX ? 'A' + stage - 1 : '-');
}

/* 0 for what is no stage's letter. */
static inline int
stage_number(char letter)
{
	return letter >= 'a' && letter < 'a' + STAGES_MAX ? letter - 'a' + 1 : 0;
}

#endif
