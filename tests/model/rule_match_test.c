/*
 * rule_match_test.c: random rules and events through the set of rules and through a matcher that is slow and plain.
 *
 * The plain matcher multiplies $or out and then tries every way of choosing one object of each array of the event.
 * An alternative is true in such a view when each of its fields has a fitting value there, or, where it may be
 * absent, has none in any view that chooses alike wherever a fitting value was found.
 */
#include "model/rule_match.h"

#include <check.h>
#include <cjson/cJSON.h>
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "util/suite.h"

#define FIELDS_MAX 24
#define ARRAYS_MAX 8
#define VIEWS_MAX 600

/* ---- chance -------------------------------------------------------------------------------------------------- */

static uint64_t random_state;
static uint64_t seed;

static unsigned below(unsigned limit)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (unsigned)((random_state >> 11) % limit);
}

struct text {
	char bytes[8000];
	size_t length;
};

static void put(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void put(struct text *text, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	int length = vsnprintf(text->bytes + text->length, sizeof text->bytes - text->length, format, arguments);
	va_end(arguments);
	ck_assert(length >= 0 && (size_t)length < sizeof text->bytes - text->length);
	text->length += (size_t)length;
}

static const char *word(void)
{
	static const char *const words[] = {"", "a", "ab", "abc", "Ab", "bc", "aBC", "b", "c", "abab", "10.0.0.1",
					    "10.0.1.9", "1", "cab"};
	return words[below(sizeof words / sizeof *words)];
}

static const char *number(void)
{
	static const char *const numbers[] = {"0", "1", "-1", "2", "2.5", "-2.5", "10e-1", "25e-1", "3", "100",
			"1e2"};
	return numbers[below(sizeof numbers / sizeof *numbers)];
}

static const char *wild(void)
{
	static const char *const wilds[] = {"*", "a*", "*b", "*b*", "a*c", "ab*ab", "*a*b*", "b", "10.*.1", "*a*a*b"};
	return wilds[below(sizeof wilds / sizeof *wilds)];
}

/* ---- random events ------------------------------------------------------------------------------------------- */

static void put_scalar(struct text *out)
{
	switch (below(8)) {
	case 0:
		put(out, "true");
		break;
	case 1:
		put(out, "null");
		break;
	case 2:
	case 3:
		put(out, "%s", number());
		break;
	default:
		put(out, "\"%s\"", word());
	}
}

static void put_event_value(struct text *out, int depth);

static void put_event_object(struct text *out, int depth)
{
	int first = 1;
	put(out, "{");
	for (int name = 'a'; name <= 'c'; name++) {
		if (below(3) == 0)
			continue;
		put(out, "%s\"%c\":", first ? "" : ",", name);
		put_event_value(out, depth - 1);
		first = 0;
	}
	put(out, "}");
}

static void put_event_value(struct text *out, int depth)
{
	unsigned kind = depth > 0 ? below(6) : 0;
	if (kind < 2) {
		put_scalar(out);
	} else if (kind < 5) {
		put_event_object(out, depth);
	} else {
		unsigned count = below(4);
		put(out, "[");
		for (unsigned i = 0; i < count; i++) {
			put(out, "%s", i ? "," : "");
			put_event_value(out, depth - 1);
		}
		put(out, "]");
	}
}

/* ---- random patterns ----------------------------------------------------------------------------------------- */

static void put_text_value(struct text *out, int list, int inner)
{
	if (inner && below(3) == 0) {
		put(out, "{\"equals-ignore-case\":");
		put_text_value(out, list, 0);
		put(out, "}");
	} else if (list && below(2)) {
		put(out, "[\"x%s\",\"%s\"]", word(), below(2) ? "aB" : "C");
	} else {
		const char *text = word();
		put(out, "\"%s\"", list && !*text ? "q" : text);
	}
}

static void put_text_operator(struct text *out, int list)
{
	static const char *const names[] = {"prefix", "suffix", "equals-ignore-case"};
	unsigned kind = below(4);
	if (kind == 3) {
		put(out, list && below(2) ? "{\"wildcard\":[\"%s\",\"zz*\"]}" : "{\"wildcard\":\"%s\"}", wild());
		return;
	}
	put(out, "{\"%s\":", names[kind]);
	put_text_value(out, list, kind < 2);
	put(out, "}");
}

static void put_range(struct text *out)
{
	static const char *const lower[] = {">", ">="};
	static const char *const upper[] = {"<", "<="};
	switch (below(4)) {
	case 0:
		put(out, "{\"numeric\":[\"=\",%s]}", number());
		break;
	case 1:
		put(out, "{\"numeric\":[\"%s\",%s]}", lower[below(2)], number());
		break;
	case 2:
		put(out, "{\"numeric\":[\"%s\",%s]}", upper[below(2)], number());
		break;
	default:
		put(out, "{\"numeric\":[\"%s\",%d,\"%s\",%d.5]}", lower[below(2)], (int)below(4) - 3, upper[below(2)],
		    (int)below(3) + 1);
	}
}

static void put_condition(struct text *out)
{
	switch (below(10)) {
	case 0:
	case 1:
	case 2:
		put_scalar(out);
		break;
	case 3:
	case 4:
		put_text_operator(out, 0);
		break;
	case 5:
		put_range(out);
		break;
	case 6:
		put(out, "{\"exists\":%s}", below(2) ? "true" : "false");
		break;
	case 7:
		put(out, "{\"cidr\":\"10.0.%u.0/%u\"}", below(2), 16 + 8 * below(2));
		break;
	case 8:
		put(out, "{\"anything-but\":");
		put_text_operator(out, 1);
		put(out, "}");
		break;
	default:
		if (below(2))
			put(out, "{\"anything-but\":[\"%s\",\"%s\"]}", word(), word());
		else
			put(out, "{\"anything-but\":[%s,%s]}", number(), number());
	}
}

static void put_pattern_object(struct text *out, int depth);

static void put_pattern_value(struct text *out, int depth)
{
	if (depth > 0 && below(2)) {
		put_pattern_object(out, depth - 1);
		return;
	}
	unsigned count = 1 + below(3);
	put(out, "[");
	for (unsigned i = 0; i < count; i++) {
		put(out, "%s", i ? "," : "");
		put_condition(out);
	}
	put(out, "]");
}

static void put_pattern_object(struct text *out, int depth)
{
	int first = 1;
	unsigned skip = below(4);
	put(out, "{");
	for (unsigned name = 0; name < 3; name++) {
		if (name == skip || (below(2) && !(first && name == 2)))
			continue;
		put(out, "%s\"%c\":", first ? "" : ",", (int)('a' + name));
		put_pattern_value(out, depth);
		first = 0;
	}
	if (first || below(6) == 0) {
		put(out, "%s\"$or\":[", first ? "" : ",");
		put_pattern_object(out, depth > 0 ? depth - 1 : 0);
		put(out, ",");
		put_pattern_object(out, depth > 0 ? depth - 1 : 0);
		put(out, "]");
	}
	put(out, "}");
}

/* ---- the plain matcher: values ------------------------------------------------------------------------------- */

static int plain_wildcard(const char *pattern, const char *text)
{
	if (*pattern == '*')
		return plain_wildcard(pattern + 1, text) || (*text && plain_wildcard(pattern, text + 1));
	if (!*pattern || !*text)
		return *pattern == *text;
	return *pattern == *text && plain_wildcard(pattern + 1, text + 1);
}

static int plain_cidr(const char *network, const char *text)
{
	unsigned n[5];
	unsigned a[4];
	char rest;
	ck_assert_int_eq(sscanf(network, "%u.%u.%u.%u/%u", &n[0], &n[1], &n[2], &n[3], &n[4]), 5);
	if (sscanf(text, "%u.%u.%u.%u%c", &a[0], &a[1], &a[2], &a[3], &rest) != 4)
		return 0;
	unsigned left = n[0] << 24 | n[1] << 16 | n[2] << 8 | n[3];
	unsigned right = a[0] << 24 | a[1] << 16 | a[2] << 8 | a[3];
	return left >> (32 - n[4]) == right >> (32 - n[4]);
}

static int plain_numeric(const cJSON *list, double value)
{
	for (int i = 0; i < cJSON_GetArraySize(list); i += 2) {
		const char *name = cJSON_GetStringValue(cJSON_GetArrayItem(list, i));
		double bound = cJSON_GetArrayItem(list, i + 1)->valuedouble;
		int holds = !strcmp(name, "=") ? value == bound : !strcmp(name, "<") ? value < bound
			: !strcmp(name, "<=") ? value <= bound : !strcmp(name, ">") ? value > bound : value >= bound;
		if (!holds)
			return 0;
	}
	return 1;
}

/* A text operator, whose wanted text may be a list or stand behind equals-ignore-case. */
static int plain_text(const char *name, const cJSON *wanted, const char *text, int fold)
{
	if (cJSON_IsObject(wanted))
		return plain_text(name, wanted->child, text, 1);
	if (cJSON_IsArray(wanted)) {
		for (const cJSON *item = wanted->child; item; item = item->next) {
			if (plain_text(name, item, text, fold))
				return 1;
		}
		return 0;
	}
	const char *want = cJSON_GetStringValue(wanted);
	size_t length = strlen(want);
	int (*compare)(const char *, const char *, size_t) = fold ? strncasecmp : strncmp;
	if (!strcmp(name, "equals-ignore-case"))
		return strcasecmp(want, text) == 0;
	if (!strcmp(name, "wildcard"))
		return plain_wildcard(want, text);
	if (!strcmp(name, "prefix"))
		return compare(want, text, length) == 0;
	return strlen(text) >= length && compare(want, text + strlen(text) - length, length) == 0;
}

static int plain_holds(const cJSON *condition, const cJSON *value)
{
	if (cJSON_IsArray(condition)) {
		for (const cJSON *item = condition->child; item; item = item->next) {
			if (plain_holds(item, value))
				return 1;
		}
		return 0;
	}
	if (!cJSON_IsObject(condition))
		return cJSON_Compare(condition, value, 1);
	const cJSON *wanted = condition->child;
	const char *name = wanted->string;
	if (!strcmp(name, "exists"))
		return cJSON_IsTrue(wanted);
	if (!strcmp(name, "anything-but"))
		return !plain_holds(wanted, value);
	if (!strcmp(name, "numeric"))
		return cJSON_IsNumber(value) && plain_numeric(wanted, value->valuedouble);
	if (!cJSON_IsString(value))
		return 0;
	if (!strcmp(name, "cidr"))
		return plain_cidr(wanted->valuestring, value->valuestring);
	return plain_text(name, wanted, value->valuestring, 0);
}

static int plain_may_be_absent(const cJSON *conditions)
{
	for (const cJSON *item = conditions->child; item; item = item->next) {
		if (cJSON_IsObject(item) && !strcmp(item->child->string, "exists") && cJSON_IsFalse(item->child))
			return 1;
	}
	return 0;
}

/* ---- the plain matcher: views -------------------------------------------------------------------------------- */

struct field {
	const char *names[16];
	int depth;
	const cJSON *conditions;
};

struct choice {
	struct field fields[FIELDS_MAX];
	int count;
};

/* Arrays of the event with objects or arrays in them, and which of these each view takes. */
static const cJSON *arrays[ARRAYS_MAX];
static int array_sizes[ARRAYS_MAX];
static int array_count;
static int views;

static void find_arrays(const cJSON *value)
{
	int wholes = 0;
	for (const cJSON *item = value->child; item; item = item->next)
		wholes += cJSON_IsObject(item) || cJSON_IsArray(item);
	if (cJSON_IsArray(value) && wholes) {
		if (array_count == ARRAYS_MAX || views * wholes > VIEWS_MAX) {
			views = VIEWS_MAX + 1;
			return;
		}
		views *= wholes;
		arrays[array_count] = value;
		array_sizes[array_count++] = wholes;
	}
	for (const cJSON *item = value->child; item && views <= VIEWS_MAX; item = item->next)
		find_arrays(item);
}

static int taken(int view, int array)
{
	for (int i = 0; i < array; i++)
		view /= array_sizes[i];
	return view % array_sizes[array];
}

/* What a field has in a view: 0 nothing, 1 values of which none fits, 2 one that fits.  *through: arrays passed. */
static int scan_values(const cJSON *conditions, const cJSON *value)
{
	int seen = 0;
	if (cJSON_IsObject(value))
		return 0;
	if (!cJSON_IsArray(value))
		return plain_holds(conditions, value) ? 2 : 1;
	for (const cJSON *item = value->child; item; item = item->next) {
		int found = scan_values(conditions, item);
		seen = found > seen ? found : seen;
	}
	return seen;
}

static int look(const struct field *field, int depth, const cJSON *value, int view, unsigned *through)
{
	if (depth == field->depth)
		return scan_values(field->conditions, value);
	if (cJSON_IsObject(value)) {
		const cJSON *member = cJSON_GetObjectItemCaseSensitive(value, field->names[depth]);
		return member ? look(field, depth + 1, member, view, through) : 0;
	}
	if (!cJSON_IsArray(value))
		return 0;
	for (int i = 0; i < array_count; i++) {
		int index = arrays[i] == value ? taken(view, i) : -1;
		if (index < 0)
			continue;
		*through |= 1u << i;
		for (const cJSON *item = value->child; item; item = item->next) {
			if ((cJSON_IsObject(item) || cJSON_IsArray(item)) && index-- == 0)
				return look(field, depth, item, view, through);
		}
	}
	return 0;
}

static int agree(int a, int b, unsigned on)
{
	for (int i = 0; i < array_count; i++) {
		if ((on >> i & 1) && taken(a, i) != taken(b, i))
			return 0;
	}
	return 1;
}

static int choice_in_view(const struct choice *choice, const cJSON *event, int view)
{
	unsigned fixed = 0;
	for (int i = 0; i < choice->count; i++) {
		unsigned through = 0;
		int found = look(&choice->fields[i], 0, event, view, &through);
		if (found == 2)
			fixed |= through;
		else if (found == 1 || !plain_may_be_absent(choice->fields[i].conditions))
			return 0;
	}
	for (int other = 0; other < views; other++) {
		if (!agree(view, other, fixed))
			continue;
		for (int i = 0; i < choice->count; i++) {
			unsigned through = 0;
			if (look(&choice->fields[i], 0, event, view, &through) == 0
			    && look(&choice->fields[i], 0, event, other, &through) != 0)
				return 0;
		}
	}
	return 1;
}

/* ---- the plain matcher: alternatives ------------------------------------------------------------------------- */

struct todo {
	const cJSON *member; /* and its siblings */
	int depth;
	const char *names[16];
	const struct todo *then;
};

static int plain_rest(const struct todo *todo, struct choice *choice, const cJSON *event);

/* Each alternative is followed to its end by recursion over what is still to be done. */
static int plain_or(const struct todo *todo, const struct todo *rest, struct choice *choice, const cJSON *event)
{
	for (const cJSON *branch = todo->member->child; branch; branch = branch->next) {
		struct todo inner = *todo;
		inner.member = branch->child;
		inner.then = rest;
		if (plain_rest(&inner, choice, event))
			return 1;
	}
	return 0;
}

static int plain_rest(const struct todo *todo, struct choice *choice, const cJSON *event)
{
	while (todo && !todo->member)
		todo = todo->then;
	if (!todo) {
		for (int view = 0; view < views; view++) {
			if (choice_in_view(choice, event, view))
				return 1;
		}
		return 0;
	}
	struct todo rest = *todo;
	rest.member = todo->member->next;
	if (!strcmp(todo->member->string, "$or"))
		return plain_or(todo, &rest, choice, event);
	struct todo inner = *todo;
	ck_assert_int_lt(inner.depth, 15);
	inner.names[inner.depth++] = todo->member->string;
	inner.member = todo->member->child;
	inner.then = &rest;
	if (cJSON_IsObject(todo->member))
		return plain_rest(&inner, choice, event);
	ck_assert_int_lt(choice->count, FIELDS_MAX);
	struct field *field = &choice->fields[choice->count++];
	memcpy(field->names, inner.names, sizeof inner.names);
	field->depth = inner.depth;
	field->conditions = todo->member;
	int found = plain_rest(&rest, choice, event);
	choice->count--;
	return found;
}

static int plain_match(const cJSON *pattern, const cJSON *event)
{
	struct choice choice = {.count = 0};
	struct todo todo = {.member = pattern->child};
	return plain_rest(&todo, &choice, event);
}

/* ---- the comparison ------------------------------------------------------------------------------------------ */

#define RULES 150

struct trial {
	struct text patterns[RULES];
	cJSON *trees[RULES];
	skafu_rules *rules;
	uint32_t count;
	unsigned long compared;
	unsigned long matched;
};

static void compare(struct trial *trial, const struct text *event)
{
	uint32_t numbers[RULES];
	cJSON *tree = cJSON_Parse(event->bytes);
	ck_assert_ptr_nonnull(tree);
	array_count = 0;
	views = 1;
	find_arrays(tree);
	int32_t found = skafu_rules_match_json(trial->rules, event->bytes, event->length, numbers, RULES, NULL);
	ck_assert_msg(found >= 0, "SKAFU_TEST_SEED=%llu: %d on %s", (unsigned long long)seed, found, event->bytes);
	int32_t at = 0;
	for (uint32_t i = 0; i < trial->count && views <= VIEWS_MAX; i++) {
		int ours = at < found && numbers[at] == i;
		at += ours;
		int plain = plain_match(trial->trees[i], tree);
		if (ours != plain)
			ck_abort_msg("SKAFU_TEST_SEED=%llu: %s on %s: %d, not %d", (unsigned long long)seed,
			      trial->patterns[i].bytes, event->bytes, ours, plain);
		trial->compared++;
		trial->matched += (unsigned)plain;
	}
	ck_assert(views > VIEWS_MAX || at == found);
	cJSON_Delete(tree);
}

/* What a pattern comes to when its $or are multiplied out. */
struct extent {
	double alternatives;
	double fields; /* in all of them */
};

static struct extent extent_of(const cJSON *pattern)
{
	struct extent all = {1, 0};
	for (const cJSON *member = pattern->child; member; member = member->next) {
		struct extent own = {1, 1};
		if (cJSON_IsObject(member))
			own = extent_of(member);
		if (!strcmp(member->string, "$or")) {
			own = (struct extent){0, 0};
			for (const cJSON *branch = member->child; branch; branch = branch->next) {
				struct extent part = extent_of(branch);
				own.alternatives += part.alternatives;
				own.fields += part.fields;
			}
		}
		all.fields = all.fields * own.alternatives + own.fields * all.alternatives;
		all.alternatives *= own.alternatives;
	}
	return all;
}

/* Some patterns come out larger than a rule may be: these, and only these, are refused. */
static void add_random(struct trial *trial)
{
	struct text *pattern = &trial->patterns[trial->count];
	uint32_t number = UINT32_MAX;
	pattern->length = 0;
	put_pattern_object(pattern, 1 + (int)below(2));
	cJSON *tree = cJSON_Parse(pattern->bytes);
	struct extent extent = extent_of(tree);
	int is_too_large = extent.alternatives > SKAFU__RULE_CHOICES_MAX ||
			   extent.alternatives + extent.fields > SKAFU__RULE_TERMS_MAX;
	int32_t code = skafu_rules_add(trial->rules, pattern->bytes, pattern->length, &number, NULL);
	ck_assert_msg(code == (is_too_large ? SKAFU_EPATTERN : 0), "%s: %d", pattern->bytes, code);
	if (is_too_large) {
		cJSON_Delete(tree);
		return;
	}
	ck_assert_uint_eq(number, trial->count);
	trial->trees[trial->count++] = tree;
}

static double seconds(void)
{
	struct timespec now;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

START_TEST(random_rules_match_as_the_plain_ones)
{
	static struct trial trial;
	static struct text event;
	const char *given = getenv("SKAFU_TEST_SEED");
	seed = given ? strtoull(given, NULL, 0) : (uint64_t)time(NULL) * 2654435761u;
	random_state = seed | 1;
	printf("rule_match_test: SKAFU_TEST_SEED=%llu\n", (unsigned long long)seed);
	double end = seconds() + 0.8;
	int round = 0;
	for (; round < 400 && (round < 6 || seconds() < end); round++) {
		uint32_t target = 1 + below(RULES);
		trial.count = 0;
		ck_assert_int_eq(skafu_rules_new(&trial.rules, NULL), 0);
		for (int events = 0; events < 30; events++) {
			/* some rules come between the events */
			while (trial.count < target && (trial.count < target * 2 / 3 || below(3) == 0))
				add_random(&trial);
			event.length = 0;
			put_event_object(&event, 1 + (int)below(4));
			compare(&trial, &event);
		}
		for (uint32_t i = 0; i < trial.count; i++)
			cJSON_Delete(trial.trees[i]);
		skafu_rules_free(trial.rules);
	}
	printf("rule_match_test: %lu pairs, %lu of them match\n", trial.compared, trial.matched);
	ck_assert_uint_gt(trial.matched, trial.compared / 100);
	ck_assert_uint_lt(trial.matched, trial.compared / 2);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("rule_match");
	TCase *language = tcase_create("language");
	tcase_add_test(language, random_rules_match_as_the_plain_ones);
	tcase_set_timeout(language, 60);
	suite_add_tcase(suite, language);
	return suite_run(suite);
}
