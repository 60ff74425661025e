/*
 * template -- Google ctemplate, as C sees it.
 *
 * Automatic escaping is on in every template. Names of variables and sections are the constants that
 * ctemplate-make_tpl_varnames_h makes at build time, so that a misspelt one does not compile.
 *
 * Threads	templates_load before threads start; then any: each dictionary belongs to one.
 * Ownership	template_new/template_free; a section's dictionary belongs to its parent. Text is copied.
 * Errors	no C++ exception leaves; templates_load and template_render answer false.
 * Source	template.cc, the only C++.
 */
#ifndef WEB_TEMPLATE_H
#define WEB_TEMPLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* To C++ the calls that only fill promise not to throw: memory that cannot be had ends the process. */
#ifdef __cplusplus
#define TEMPLATE_FILLS noexcept
extern "C" {
#else
#define TEMPLATE_FILLS
#endif

#include "base/buf.h"
#include "base/err.h"

struct template_dict;

/* Loads every *.tpl of the folder and freezes them. {{X:x-part}} percent-encodes a part of a URL. */
bool templates_load(const char *dir, struct err *e);
/* Eight hex digits that change with any byte of dir/static: for addresses of immutable files. */
const char *templates_version(void);

struct template_dict *template_new(const char *name) TEMPLATE_FILLS;
void template_free(struct template_dict *d) TEMPLATE_FILLS; /* accepts NULL */
void template_text(
    struct template_dict *d, const char *key, const char *text, size_t len) TEMPLATE_FILLS;
void template_str(struct template_dict *d, const char *key, const char *text) TEMPLATE_FILLS;
void template_int(struct template_dict *d, const char *key, int64_t n) TEMPLATE_FILLS;
void template_show(struct template_dict *d, const char *section) TEMPLATE_FILLS;
/* One more round of a section; borrowed. */
struct template_dict *template_section(struct template_dict *d, const char *section) TEMPLATE_FILLS;
/* An included template's dictionary ({{>HEAD}}) TEMPLATE_FILLS; borrowed. */
struct template_dict *template_include(
    struct template_dict *d, const char *key, const char *file) TEMPLATE_FILLS;

bool template_render(const char *file, const struct template_dict *d, struct buf *out,
    struct err *e) __attribute__((warn_unused_result));

#ifdef __cplusplus
}
#endif
#endif
