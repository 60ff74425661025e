/*
 * template -- the only C++: libctemplate behind a C face.
 *
 * templates_load builds a cache of its own and puts it in place only when every file has parsed, so
 * that a reload with a broken template leaves the old set standing.
 */
#include "web/template.h"

#include <ctemplate/per_expand_data.h>
#include <ctemplate/template.h>
#include <ctemplate/template_cache.h>
#include <ctemplate/template_dictionary.h>
#include <ctemplate/template_emitter.h>
#include <ctemplate/template_modifiers.h>
#include <dirent.h>

#include <cstdio>
#include <cstring>
#include <exception>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

using ctemplate::STRIP_BLANK_LINES;
using ctemplate::TemplateCache;
using ctemplate::TemplateDictionary;
using ctemplate::TemplateString;

namespace
{

std::unique_ptr<TemplateCache> cache;
char version[17] = "0";

/* {{NAME:x-part}}: one part of a URL's path or query; what is left is safe in any context. */
class PartModifier : public ctemplate::TemplateModifier
{
	void
	Modify(const char *in, size_t len, const ctemplate::PerExpandData *,
	    ctemplate::ExpandEmitter *out, const std::string &) const override
	{
		static const char hex[] = "0123456789ABCDEF";

		for (size_t i = 0; i < len; i++) {
			unsigned char c = static_cast<unsigned char>(in[i]);
			if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
			    (c >= 'a' && c <= 'z') || (c != 0 && strchr("-._~", c) != nullptr)) {
				out->Emit(static_cast<char>(c));
				continue;
			}
			out->Emit('%');
			out->Emit(hex[c >> 4]);
			out->Emit(hex[c & 15]);
		}
	}
};

/* Writes into a struct buf, whose failure is sticky. */
class BufEmitter : public ctemplate::ExpandEmitter
{
      public:
	explicit BufEmitter(struct buf *b) : buf_(b)
	{
	}
	void
	Emit(char c) override
	{
		buf_putc(buf_, c);
	}
	void
	Emit(const std::string &s) override
	{
		buf_put(buf_, s.data(), s.size());
	}
	void
	Emit(const char *s) override
	{
		buf_put(buf_, s, strlen(s));
	}
	void
	Emit(const char *s, size_t len) override
	{
		buf_put(buf_, s, len);
	}

      private:
	struct buf *buf_;
};

TemplateDictionary *
dict(struct template_dict *d)
{
	return reinterpret_cast<TemplateDictionary *>(d);
}

struct template_dict *
face(TemplateDictionary *d)
{
	return reinterpret_cast<struct template_dict *>(d);
}

bool
ends_with(const std::string &s, const char *end)
{
	size_t len = strlen(end);

	return s.size() > len && s.compare(s.size() - len, len, end) == 0;
}

bool
list_dir(const std::string &dir, std::vector<std::string> *names)
{
	DIR *d = opendir(dir.c_str());

	if (d == nullptr)
		return false;
	while (const struct dirent *entry = readdir(d))
		if (entry->d_name[0] != '.')
			names->push_back(entry->d_name);
	closedir(d);
	return true;
}

/* Static files are served as immutable, so their address carries a sum of their bytes (FNV-1a). */
void
sum_static(const std::string &dir)
{
	std::vector<std::string> names;
	uint64_t sum = 0;

	list_dir(dir, &names);
	for (const std::string &name : names) {
		std::ifstream file(dir + "/" + name, std::ios::binary);
		uint64_t one = 14695981039346656037ULL;

		for (std::istreambuf_iterator<char> at(file), end; at != end; ++at)
			one = (one ^ static_cast<unsigned char>(*at)) * 1099511628211ULL;
		sum ^= one; /* whatever order readdir likes */
	}
	snprintf(version, sizeof(version), "%08x", static_cast<unsigned>(sum ^ (sum >> 32)));
}

} // namespace

extern "C" bool
templates_load(const char *dir, struct err *e)
{
	static const PartModifier part;
	static bool once;

	try {
		std::vector<std::string> names;
		std::unique_ptr<TemplateCache> fresh(new TemplateCache);

		if (!once)
			once = ctemplate::AddXssSafeModifier("x-part", &part);
		if (!list_dir(dir, &names))
			return err_set(e, ERR_INPUT, nullptr, "templates_dir: cannot read %s", dir);
		fresh->SetTemplateRootDirectory(dir);
		size_t loaded = 0;
		for (const std::string &name : names) {
			if (!ends_with(name, ".tpl"))
				continue;
			if (!fresh->LoadTemplate(name, STRIP_BLANK_LINES))
				return err_set(e, ERR_INPUT, nullptr, "%s/%s does not parse", dir,
				    name.c_str());
			loaded++;
		}
		if (loaded == 0)
			return err_set(e, ERR_INPUT, nullptr, "templates_dir: no *.tpl in %s", dir);
		fresh->Freeze();
		sum_static(std::string(dir) + "/static");
		cache = std::move(fresh);
		return true;
	} catch (const std::exception &x) {
		return err_set(e, ERR_BUG, nullptr, "templates_load: %s", x.what());
	}
}

extern "C" const char *
templates_version(void)
{
	return version;
}

/* Memory that cannot be had ends the process, as everywhere: hence noexcept. */
extern "C" struct template_dict *
template_new(const char *name) noexcept
{
	return face(new TemplateDictionary(name));
}

extern "C" void
template_free(struct template_dict *d) noexcept
{
	delete dict(d);
}

extern "C" void
template_text(struct template_dict *d, const char *key, const char *text, size_t len) noexcept
{
	dict(d)->SetValue(key, TemplateString(text, len));
}

extern "C" void
template_str(struct template_dict *d, const char *key, const char *text) noexcept
{
	dict(d)->SetValue(key, text);
}

extern "C" void
template_int(struct template_dict *d, const char *key, int64_t n) noexcept
{
	char text[24];
	int len = snprintf(text, sizeof(text), "%lld", static_cast<long long>(n));

	dict(d)->SetValue(key, TemplateString(text, static_cast<size_t>(len)));
}

extern "C" void
template_show(struct template_dict *d, const char *section) noexcept
{
	dict(d)->ShowSection(section);
}

extern "C" struct template_dict *
template_section(struct template_dict *d, const char *section) noexcept
{
	return face(dict(d)->AddSectionDictionary(section));
}

extern "C" struct template_dict *
template_include(struct template_dict *d, const char *key, const char *file) noexcept
{
	TemplateDictionary *child = dict(d)->AddIncludeDictionary(key);

	child->SetFilename(file);
	return face(child);
}

extern "C" bool
template_render(const char *file, const struct template_dict *d, struct buf *out, struct err *e)
{
	try {
		BufEmitter emitter(out);

		if (!cache)
			return err_set(e, ERR_BUG, nullptr, "no templates are loaded");
		if (!cache->ExpandWithData(file, STRIP_BLANK_LINES,
			reinterpret_cast<const TemplateDictionary *>(d), nullptr, &emitter))
			return err_set(e, ERR_BUG, nullptr, "%s does not expand", file);
		if (out->failed)
			return err_set(e, ERR_BUG, nullptr, "%s: page over its limit", file);
		return true;
	} catch (const std::exception &x) {
		return err_set(e, ERR_BUG, nullptr, "%s: %s", file, x.what());
	}
}
