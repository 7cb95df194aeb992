/*
 * scan.c: forms of lines.
 */
#include "scan.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"
#define ALNUM UPPER "abcdefghijklmnopqrstuvwxyz" DIGITS

/* ---- secrets ---- */

static const struct {
	const char *kind;
	const char *prefix;
	const char *letters;
	size_t least; /* letters after the prefix */
} keys[] = {
	{"an AWS access key", "AKIA", UPPER DIGITS, 16},
	{"an AWS access key", "ASIA", UPPER DIGITS, 16},
	{"a GitHub token", "ghp_", ALNUM, 36},
	{"a GitHub token", "gho_", ALNUM, 36},
	{"a GitHub token", "ghs_", ALNUM, 36},
	{"a GitHub token", "github_pat_", ALNUM "_", 22},
	{"a GitLab token", "glpat-", ALNUM "-_", 20},
	{"an Anthropic key", "sk-ant-", ALNUM "-_", 20},
	{"a Stripe key", "sk_live_", ALNUM, 16},
	{"a Slack token", "xoxb-", ALNUM "-", 20},
	{"a Slack token", "xoxp-", ALNUM "-", 20},
	{"a Google key", "AIza", ALNUM "-_", 35},
	{"an npm token", "npm_", ALNUM, 36},
};

static int has_key(const char *line, const char *prefix, const char *letters, size_t least)
{
	const char *at = line;

	while ((at = strstr(at, prefix)) != NULL) {
		const char *rest = at + strlen(prefix);
		size_t length = strspn(rest, letters);

		/* Keys in manuals end in EXAMPLE, so that nobody takes them for real ones. */
		if (length >= least && (at == line || strchr(ALNUM "_", at[-1]) == NULL) &&
		    memmem(rest, length, "EXAMPLE", 7) == NULL)
			return 1;
		at = rest;
	}
	return 0;
}

const char *scan_secret(const char *line)
{
	const char *begin = strstr(line, "-----BEGIN ");

	if (begin != NULL && strstr(begin, "PRIVATE KEY-----") != NULL)
		return "a private key";
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
		if (has_key(line, keys[i].prefix, keys[i].letters, keys[i].least))
			return keys[i].kind;
	}
	return NULL;
}

static int is_placeholder(const char *value, size_t length)
{
	static const char *const words[] = {"example", "change", "your",     "placeholder",
					    "xxxx",    "dummy",  "redacted", "****"};
	char copy[64];

	if (length >= sizeof copy)
		length = sizeof copy - 1;
	memcpy(copy, value, length);
	copy[length] = '\0';
	if (strpbrk(copy, "${<( ") != NULL)
		return 1;
	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		if (strcasestr(copy, words[i]) != NULL)
			return 1;
	}
	return 0;
}

int scan_password(const char *line)
{
	static const char *const names[] = {"password", "passwd", "secret", "api_key", "apikey", "token"};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		const char *at = strcasestr(line, names[i]);
		const char *end;

		if (at == NULL)
			continue;
		at += strlen(names[i]);
		at += strspn(at, "\"' \t"); /* the end of a quoted name */
		if (*at != '=' && *at != ':')
			continue;
		at += 1 + strspn(at + 1, " \t=");
		if (*at != '"' && *at != '\'')
			continue;
		end = strchr(at + 1, *at);
		if (end != NULL && end - at - 1 >= 8 && !is_placeholder(at + 1, (size_t)(end - at - 1)))
			return 1;
	}
	return 0;
}

/* ---- work ---- */

int scan_conflict(const char *line)
{
	return strncmp(line, "<<<<<<< ", 8) == 0 || strncmp(line, ">>>>>>> ", 8) == 0;
}

int scan_marks(const char *line)
{
	/* In two parts, so that this file has none. */
	static const char *const words[] = {"TO"
					    "DO",
					    "FIX"
					    "ME",
					    "XX"
					    "X",
					    "HA"
					    "CK"};
	int count = 0;

	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		const char *at = line;

		while ((at = strstr(at, words[i])) != NULL) {
			const char *end = at + strlen(words[i]);

			count += (at == line || strchr(ALNUM "_", at[-1]) == NULL) &&
				 (*end == '\0' || strchr(ALNUM "_", *end) == NULL);
			at = end;
		}
	}
	return count;
}

int scan_piped_download(const char *line)
{
	const char *pipe = strchr(line, '|');

	if (pipe == NULL || (strstr(line, "curl ") == NULL && strstr(line, "wget ") == NULL))
		return 0;
	for (; pipe != NULL; pipe = strchr(pipe + 1, '|')) {
		const char *word = pipe + 1 + strspn(pipe + 1, " ");

		if (strncmp(word, "sudo ", 5) == 0)
			word += 5;
		if ((strncmp(word, "sh", 2) == 0 && strchr(ALNUM, word[2] != '\0' ? word[2] : ' ') == NULL) ||
		    strncmp(word, "bash", 4) == 0)
			return 1;
	}
	return 0;
}

/* ---- versions ---- */

int scan_loose_requirement(const char *line)
{
	line += strspn(line, " \t");
	return strchr(ALNUM, *line != '\0' ? *line : ' ') != NULL && strstr(line, "==") == NULL &&
	       strstr(line, " @ ") == NULL;
}

int scan_loose_dependency(const char *line)
{
	const char *colon = strchr(line, ':');
	const char *value;

	line += strspn(line, " \t");
	if (line[0] != '"' || colon == NULL)
		return 0;
	value = colon + 1 + strspn(colon + 1, " \t");
	if (*value++ != '"')
		return 0;
	return (*value == '^' || *value == '~' || *value == '>')
		       ? strchr(DIGITS "=", value[1]) != NULL && value[1] != '\0'
		       : strncmp(value, "*\"", 2) == 0 || strncmp(value, "latest\"", 7) == 0;
}

int scan_loose_image(const char *line)
{
	const char *slash;
	size_t length;

	line += strspn(line, " \t");
	if (strncasecmp(line, "FROM ", 5) != 0)
		return 0;
	line += 5 + strspn(line + 5, " ");
	length = strcspn(line, " \t\r");
	if (length == 0 || *line == '-' || memchr(line, '$', length) != NULL || memchr(line, '@', length) != NULL ||
	    (length == 7 && strncmp(line, "scratch", 7) == 0))
		return 0;
	/* A host may have a port: the tag comes after the last slash. */
	slash = memrchr(line, '/', length);
	if (slash != NULL) {
		length -= (size_t)(slash + 1 - line);
		line = slash + 1;
	}
	return memchr(line, ':', length) == NULL || memmem(line, length, ":latest", 7) != NULL;
}

int scan_loose_action(const char *line)
{
	static const char *const branches[] = {"@main", "@master", "@develop", "@HEAD"};
	const char *uses = strstr(line, "uses:");
	const char *at = uses != NULL ? strchr(uses, '@') : NULL;

	for (size_t i = 0; at != NULL && i < sizeof branches / sizeof *branches; i++) {
		size_t length = strlen(branches[i]);

		if (strncmp(at, branches[i], length) == 0 &&
		    strchr(ALNUM "-_./", at[length] != '\0' ? at[length] : ' ') == NULL)
			return 1;
	}
	return 0;
}
