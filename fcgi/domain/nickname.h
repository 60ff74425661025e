/*
 * nickname -- what a name of a person may be made of, and which names look the same.
 *
 * A new name is brought into one form: NFC, white space at its ends cut and inside folded into single
 * blanks. It has no character that cannot be seen (control, format, unassigned, fillers), but for those without
 * which honest names read wrongly: joiners in emoji and in Indic and Arabic words, the choice of an emoji's or
 * an ideograph's look. Nor has it a mark that another one hides (a dot above an i, an accent twice), or one on a letter
 * of another script. It has one character at least that can be seen.
 *
 * What names look like is told by two skeletons: of the name in lower case (NFKC_Casefold, so Ada is ADA and
 * the full-width one), and of the name as it is written (so PauI with a capital i is Paul). Two names
 * look the same when one of the skeletons is the same. They are of what of a name can be seen, and of one version of
 * ICU and of our rules, whose mark is kept beside them: another version may see other things alike.
 *
 * Threads	any, at once.
 * Ownership	what is answered lives in the caller's arena.
 * Units	lengths are bytes of UTF-8; NICKNAME_CHARS characters, after the change.
 * Errors	ERR_FIELD; `said` is a sentence for the client.
 * Source	ICU (the only file that includes it); UAX #15 (NFC), UTS #39 (skeletons), RFC 5892
 *		A.1 and A.2 (where joiners may stand).
 */
#ifndef DOMAIN_NICKNAME_H
#define DOMAIN_NICKNAME_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/random.h"

#define NICKNAME_CHARS 128
#define NICKNAME_MARK 48 /* bytes of a version's mark, with NUL */

/* Valid UTF-8 without NUL, but with one behind it. *out is s itself where nothing is to be changed. */
bool nickname_tidy(
    struct arena *a, const char *s, size_t len, const char **out, size_t *out_len, struct err *e);

/* What a name could be before there was nickname_tidy: 1 to 128 characters, none that controls. Ends in NUL. */
bool nickname_was_allowed(const char *s, size_t len);

struct nickname_look {
	struct uuid folded, written; /* hashes of skeletons, which may be long */
};

/* Any valid UTF-8. */
struct nickname_look nickname_look(struct arena *a, const char *s, size_t len);
/* The versions that made the skeletons, ICU's, Unicode's and that of our own rules: "72.1 15.0 2". */
const char *nickname_mark(char out[NICKNAME_MARK]);

/*
 * Whether it belongs to nobody: it looks like "anonymous", like "erased-" and something, or like one of the
 * list, names with commas between them.
 */
bool nickname_is_reserved(struct arena *a, const char *s, size_t len, const char *list);

#endif
