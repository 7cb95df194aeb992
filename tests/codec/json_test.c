/*
 * json_test.c: the strict validator against the public suite of JSON parser cases, a slow validator written here,
 * cJSON, and what hostile texts can do to time, memory, stack and the bytes behind the end.
 */
#include "codec/json.h"

#include <check.h>
#include <cjson/cJSON.h>
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "util/random.h"
#include "util/suite.h"

#define DEPTH SKAFU__JSON_DEPTH_MAX
#define TEXT_MAX 1024
#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* ---- a text at the end of memory ----------------------------------------------------------------------------- */

static uint8_t *cliff; /* the first byte that must not be touched */

static void make_cliff(void)
{
	if (cliff)
		return;
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t bytes = (TEXT_MAX + page - 1) / page * page;
	uint8_t *memory = mmap(NULL, bytes + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(memory, MAP_FAILED);
	ck_assert_int_eq(mprotect(memory + bytes, page, PROT_NONE), 0);
	cliff = memory + bytes;
}

static const uint8_t *at_cliff(const void *text, size_t length)
{
	if (length > TEXT_MAX)
		ck_abort_msg("%zu bytes are too many", length);
	if (length)
		memcpy(cliff - length, text, length);
	return cliff - length;
}

/* ---- memory that is counted, and given out or not ------------------------------------------------------------ */

static struct skafu__sys machine;
static size_t allocations;
static size_t allocations_allowed;

static void *count_allocate(void *user, size_t bytes)
{
	(void)user;
	return allocations++ < allocations_allowed ? malloc(bytes) : NULL;
}

static void *count_reallocate(void *user, void *block, size_t bytes)
{
	(void)user;
	return allocations++ < allocations_allowed ? realloc(block, bytes) : NULL;
}

static void count_release(void *user, void *block)
{
	(void)user;
	free(block);
}

static void set_up(void)
{
	make_cliff();
	ck_assert_int_eq(skafu__sys_init(&machine, NULL), 0);
	machine.allocate = count_allocate;
	machine.reallocate = count_reallocate;
	machine.release = count_release;
	allocations = 0;
	allocations_allowed = SIZE_MAX;
}

static int32_t check_bytes(const void *text, size_t length)
{
	return skafu__json_check(&machine, text, length, DEPTH, NULL);
}

/* Without the quick yes. */
static int32_t check_slowly(const void *text, size_t length)
{
	return skafu__json_check_by(&machine, text, length, DEPTH, SKAFU__JSON_RULES_OF_THE_STORE, NULL);
}

/* ---- a slow validator ---------------------------------------------------------------------------------------- */

/* The text as characters, then the grammar of RFC 8259 word for word, then every name against every other. */
struct slow {
	int32_t character[TEXT_MAX + 1]; /* ends in -1 */
	size_t at;
};

static int slow_decode(struct slow *slow, const uint8_t *text, size_t length)
{
	static const uint8_t sizes[16] = {1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 2, 2, 3, 4};
	static const uint8_t bits[5] = {0, 0x7F, 0x1F, 0x0F, 0x0F};
	static const int32_t smallest[5] = {0, 0, 0x80, 0x800, 0x10000};
	size_t count = 0;
	for (size_t i = 0; i < length;) {
		size_t size = sizes[text[i] >> 4];
		if (size == 0 || size > length - i)
			return 0;
		int32_t value = text[i] & bits[size];
		for (size_t k = 1; k < size; k++) {
			if (text[i + k] >> 6 != 2)
				return 0;
			value = value * 64 + (text[i + k] & 63);
		}
		if (value < smallest[size] || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF))
			return 0;
		slow->character[count++] = value;
		i += size;
	}
	slow->character[count] = -1;
	slow->at = 0;
	return 1;
}

static int slow_is(const struct slow *slow, const char *set)
{
	int32_t character = slow->character[slow->at];
	return character > 0 && character < 128 && strchr(set, character) != NULL;
}

static int slow_take(struct slow *slow, const char *set)
{
	if (!slow_is(slow, set))
		return 0;
	slow->at++;
	return 1;
}

static void slow_space(struct slow *slow)
{
	while (slow_take(slow, " \t\r\n"))
		continue;
}

static int slow_hex(struct slow *slow, int32_t *unit)
{
	static const char digits[] = "0123456789abcdefABCDEF";
	*unit = 0;
	for (int i = 0; i < 4; i++) {
		int32_t character = slow->character[slow->at];
		if (!slow_take(slow, digits))
			return 0;
		int32_t value = (int32_t)(strchr(digits, character) - digits);
		*unit = *unit * 16 + (value > 15 ? value - 6 : value);
	}
	return 1;
}

static int slow_escape(struct slow *slow, int32_t *character)
{
	static const char letters[] = "\"\\/bfnrt";
	static const char meanings[] = "\"\\/\b\f\n\r\t";
	if (slow_is(slow, letters)) {
		*character = meanings[strchr(letters, slow->character[slow->at++]) - letters];
		return 1;
	}
	int32_t low;
	if (!slow_take(slow, "u") || !slow_hex(slow, character))
		return 0;
	if (*character < 0xD800 || *character > 0xDFFF)
		return 1;
	if (*character > 0xDBFF || !slow_take(slow, "\\") || !slow_take(slow, "u") || !slow_hex(slow, &low))
		return 0;
	if (low < 0xDC00 || low > 0xDFFF)
		return 0;
	*character = 0x10000 + (*character - 0xD800) * 0x400 + (low - 0xDC00);
	return 1;
}

/* Unescaped into out, which ends in -1. */
static int slow_string(struct slow *slow, int32_t *out)
{
	if (!slow_take(slow, "\""))
		return 0;
	while (!slow_take(slow, "\"")) {
		if (slow_take(slow, "\\")) {
			if (!slow_escape(slow, out))
				return 0;
		} else {
			if (slow->character[slow->at] < 0x20)
				return 0;
			*out = slow->character[slow->at++];
		}
		out++;
	}
	*out = -1;
	return 1;
}

static int slow_digits(struct slow *slow)
{
	int any = 0;
	while (slow_take(slow, "0123456789"))
		any = 1;
	return any;
}

static int slow_number(struct slow *slow)
{
	slow_take(slow, "-");
	if (!slow_take(slow, "0") && !slow_digits(slow))
		return 0;
	if (slow_take(slow, ".") && !slow_digits(slow))
		return 0;
	if (!slow_take(slow, "eE"))
		return 1;
	slow_take(slow, "+-");
	return slow_digits(slow);
}

static int slow_word(struct slow *slow, const char *word)
{
	for (; *word; word++) {
		if (slow->character[slow->at++] != *word)
			return 0;
	}
	return 1;
}

static int slow_value(struct slow *slow, int depth);

static int slow_array(struct slow *slow, int depth)
{
	slow_space(slow);
	if (slow_take(slow, "]"))
		return 1;
	do {
		if (!slow_value(slow, depth))
			return 0;
	} while (slow_take(slow, ","));
	return slow_take(slow, "]");
}

static int slow_same(const int32_t *a, const int32_t *b)
{
	while (*a == *b && *a >= 0) {
		a++;
		b++;
	}
	return *a == *b;
}

/* A name that is new in its object, and its value. */
static int slow_member(struct slow *slow, int depth, int32_t **names, size_t count)
{
	int32_t *name = malloc((TEXT_MAX + 1) * sizeof *name);
	names[count] = name;
	slow_space(slow);
	if (!slow_string(slow, name))
		return 0;
	for (size_t i = 0; name[i] >= 0; i++) {
		if (name[i] == 0)
			return 0;
	}
	for (size_t i = 0; i < count; i++) {
		if (slow_same(names[i], name))
			return 0;
	}
	slow_space(slow);
	return slow_take(slow, ":") && slow_value(slow, depth);
}

static int slow_object(struct slow *slow, int depth)
{
	int32_t **names = calloc(TEXT_MAX, sizeof *names);
	size_t count = 0;
	int good = 1;
	slow_space(slow);
	if (!slow_take(slow, "}")) {
		do {
			good = slow_member(slow, depth, names, count++);
		} while (good && slow_take(slow, ","));
		good = good && slow_take(slow, "}");
	}
	while (count > 0)
		free(names[--count]);
	free(names);
	return good;
}

static int slow_value(struct slow *slow, int depth)
{
	int32_t ignored[TEXT_MAX + 1];
	int good;
	slow_space(slow);
	if (slow_is(slow, "\""))
		good = slow_string(slow, ignored);
	else if (slow_is(slow, "tfn"))
		good = slow_word(slow, slow_is(slow, "t") ? "true" : slow_is(slow, "f") ? "false" : "null");
	else if (slow_take(slow, "["))
		good = depth > 0 && slow_array(slow, depth - 1);
	else if (slow_take(slow, "{"))
		good = depth > 0 && slow_object(slow, depth - 1);
	else
		good = slow_number(slow);
	slow_space(slow);
	return good;
}

static int slow_accepts(const uint8_t *text, size_t length)
{
	static struct slow slow;
	return slow_decode(&slow, text, length) && slow_value(&slow, DEPTH) && slow.character[slow.at] == -1;
}

/* ---- cJSON --------------------------------------------------------------------------------------------------- */

static int cjson_accepts(const uint8_t *text, size_t length)
{
	const char *rest = NULL;
	char *copy = malloc(length + 1);
	memcpy(copy, text, length);
	copy[length] = 0; /* it looks one byte too far at some ends */
	cJSON *tree = cJSON_ParseWithLengthOpts(copy, length, &rest, 0);
	int good = tree != NULL;
	for (; good && rest < copy + length; rest++)
		good = memchr(" \t\r\n", *rest, 4) != NULL;
	cJSON_Delete(tree);
	free(copy);
	return good;
}

/* Why cJSON refuses some of what we accept: it copies a number into 64 bytes and stumbles over the rest. */
static int cjson_is_excused(const uint8_t *text, size_t length)
{
	size_t run = 0;
	for (size_t i = 0; i < length && run < 63; i++)
		run = text[i] && strchr("0123456789+-.eE", text[i]) ? run + 1 : 0;
	return run >= 63;
}

/* ---- the suite ----------------------------------------------------------------------------------------------- */

/* The grammar leaves these open, or allows them while RFC 8259 warns that readers differ; this is our rule. */
struct ruling {
	const char *name;
	int accepted;
	const char *why;
};

static const char number_kept[] = "a number is kept as text, so neither size nor precision is lost";
static const char surrogate_alone[] = "half of a surrogate pair is no character and cannot become UTF-8";
static const char utf8_only[] = "RFC 8259, section 8.1: the text is UTF-8, and readers differ in what they repair";

static const struct ruling rulings[] = {
	{"i_number_double_huge_neg_exp.json", 1, number_kept},
	{"i_number_huge_exp.json", 1, number_kept},
	{"i_number_neg_int_huge_exp.json", 1, number_kept},
	{"i_number_pos_double_huge_exp.json", 1, number_kept},
	{"i_number_real_neg_overflow.json", 1, number_kept},
	{"i_number_real_pos_overflow.json", 1, number_kept},
	{"i_number_real_underflow.json", 1, number_kept},
	{"i_number_too_big_neg_int.json", 1, number_kept},
	{"i_number_too_big_pos_int.json", 1, number_kept},
	{"i_number_very_big_negative_int.json", 1, number_kept},
	{"i_object_key_lone_2nd_surrogate.json", 0, surrogate_alone},
	{"i_string_1st_surrogate_but_2nd_missing.json", 0, surrogate_alone},
	{"i_string_1st_valid_surrogate_2nd_invalid.json", 0, surrogate_alone},
	{"i_string_UTF-16LE_with_BOM.json", 0, utf8_only},
	{"i_string_UTF-8_invalid_sequence.json", 0, utf8_only},
	{"i_string_UTF8_surrogate_U+D800.json", 0, utf8_only},
	{"i_string_incomplete_surrogate_and_escape_valid.json", 0, surrogate_alone},
	{"i_string_incomplete_surrogate_pair.json", 0, surrogate_alone},
	{"i_string_incomplete_surrogates_escape_valid.json", 0, surrogate_alone},
	{"i_string_invalid_lonely_surrogate.json", 0, surrogate_alone},
	{"i_string_invalid_surrogate.json", 0, surrogate_alone},
	{"i_string_invalid_utf-8.json", 0, utf8_only},
	{"i_string_inverted_surrogates_U+1D11E.json", 0, surrogate_alone},
	{"i_string_iso_latin_1.json", 0, utf8_only},
	{"i_string_lone_second_surrogate.json", 0, surrogate_alone},
	{"i_string_lone_utf8_continuation_byte.json", 0, utf8_only},
	{"i_string_not_in_unicode_range.json", 0, utf8_only},
	{"i_string_overlong_sequence_2_bytes.json", 0, utf8_only},
	{"i_string_overlong_sequence_6_bytes.json", 0, utf8_only},
	{"i_string_overlong_sequence_6_bytes_null.json", 0, utf8_only},
	{"i_string_truncated-utf-8.json", 0, utf8_only},
	{"i_string_utf16BE_no_BOM.json", 0, utf8_only},
	{"i_string_utf16LE_no_BOM.json", 0, utf8_only},
	{"i_structure_500_nested_arrays.json", 0, "nesting ends at 64, for readers that recurse on small stacks"},
	{"i_structure_UTF-8_BOM_empty_object.json", 0, "RFC 8259, section 8.1: no byte order mark is added"},
	/* valid JSON, refused by the store's rule that the fault names */
	{"y_object_duplicated_key.json", 0, "a name appears twice in one object"},
	{"y_object_duplicated_key_and_value.json", 0, "a name appears twice in one object"},
	{"y_object_escaped_null_in_key.json", 0, "a name holds the character NUL"},
};

static const struct ruling *find_ruling(const char *name)
{
	for (size_t i = 0; i < COUNT(rulings); i++) {
		if (strcmp(rulings[i].name, name) == 0)
			return &rulings[i];
	}
	return NULL;
}

static char *read_suite(void)
{
	const char *data = getenv("SKAFU_TEST_DATA");
	char command[1024];
	char path[768];
	snprintf(path, sizeof path, "%s/jsontestsuite.json.xz", data ? data : "../shared/data");
	if (access(path, R_OK) != 0)
		return NULL;
	snprintf(command, sizeof command, "xz -dc '%s'", path);
	FILE *pipe = popen(command, "r");
	ck_assert_ptr_nonnull(pipe);
	size_t room = 4 << 20;
	char *text = malloc(room);
	size_t length = fread(text, 1, room - 1, pipe);
	text[length] = 0;
	ck_assert_int_eq(pclose(pipe), 0);
	return text;
}

struct suite_counts {
	unsigned cases[3];  /* invalid, undecided, valid */
	unsigned syntax[3]; /* of them, accepted by the syntax alone */
	unsigned store[3];  /* accepted by the store */
};

/* The syntax takes every valid document and no invalid one; the store's rules take away those that are named, and
 * never add one. */
static void suite_case(const char *name, const uint8_t *text, size_t length, struct suite_counts *counts)
{
	struct skafu__json_fault fault = {0};
	int sort = *name == 'n' ? 0 : *name == 'i' ? 1 : 2;
	int accepted = skafu__json_check(&machine, text, length, DEPTH, &fault) == 0;
	ck_assert_int_eq(check_slowly(text, length) == 0, accepted);
	int is_syntax = skafu__json_check_by(&machine, text, length, DEPTH, 0, NULL) == 0;
	const struct ruling *ruling = find_ruling(name);
	ck_assert_msg(ruling || sort != 1, "%s has no rule", name);
	ck_assert_msg(accepted == (ruling ? ruling->accepted : sort == 2), "%s: accepted %d", name, accepted);
	ck_assert_msg(is_syntax == (sort == 1 ? accepted : sort == 2), "%s: syntax %d", name, is_syntax);
	if (ruling && sort == 2)
		ck_assert_str_eq(fault.reason, ruling->why);
	counts->cases[sort]++;
	counts->syntax[sort] += (unsigned)is_syntax;
	counts->store[sort] += (unsigned)accepted;
	if (length <= TEXT_MAX)
		ck_assert_msg(slow_accepts(text, length) == accepted, "%s", name);
	if (accepted && !cjson_accepts(text, length))
		ck_assert_msg(cjson_is_excused(text, length), "cJSON refuses %s", name);
}

START_TEST(suite_is_judged_case_by_case)
{
	char *text = read_suite();
	if (!text) {
		printf("SKIPPED: jsontestsuite.json.xz is not there, set SKAFU_TEST_DATA\n");
		return;
	}
	struct suite_counts counts = {0};
	cJSON *suite = cJSON_Parse(text);
	const cJSON *item;
	cJSON_ArrayForEach(item, suite) {
		const char *base64 = cJSON_GetObjectItem(item, "base64")->valuestring;
		size_t room = strlen(base64) + 1;
		size_t length = 0;
		uint8_t *bytes = malloc(room);
		ck_assert_int_eq(sodium_base642bin(bytes, room, base64, room - 1, NULL, &length, NULL,
						   sodium_base64_VARIANT_ORIGINAL), 0);
		bytes = realloc(bytes, length ? length : 1); /* so that a sanitizer sees the end */
		suite_case(cJSON_GetObjectItem(item, "name")->valuestring, bytes, length, &counts);
		free(bytes);
	}
	cJSON_Delete(suite);
	free(text);
	printf("JSONTestSuite: the syntax accepts %u of %u valid documents and refuses %u of %u others; the store's "
	       "rules refuse %u of the valid; of %u undecided %u are accepted\n", counts.syntax[2], counts.cases[2],
	       counts.cases[0] - counts.syntax[0], counts.cases[0], counts.syntax[2] - counts.store[2],
	       counts.cases[1], counts.store[1]);
	ck_assert_uint_eq(counts.cases[0], 188);
	ck_assert_uint_eq(counts.cases[1], 35);
	ck_assert_uint_eq(counts.cases[2], 95);
	ck_assert_uint_eq(counts.syntax[0], 0);
	ck_assert_uint_eq(counts.syntax[2], 95);
	ck_assert_uint_eq(counts.store[2], 92);
}
END_TEST

/* ---- faults -------------------------------------------------------------------------------------------------- */

struct faulty {
	const char *text;
	size_t length;
	size_t offset;
	const char *reason;
};

#define FAULTY(text, offset, reason) {text, sizeof text - 1, offset, reason}

static const struct faulty faults[] = {
	FAULTY("", 0, "the text ends where a value must begin"),
	FAULTY("[1,", 3, "the text ends where a value must begin"),
	FAULTY("\xEF\xBB\xBF[]", 0, "the text begins with a byte order mark"),
	FAULTY("[1,]", 3, "this is not the start of a value"),
	FAULTY("[\0]", 1, "this is not the start of a value"),
	FAULTY("tru", 0, "a word is neither true, false nor null"),
	FAULTY("[nul1]", 1, "a word is neither true, false nor null"),
	FAULTY("-", 1, "a minus sign is not followed by a digit"),
	FAULTY("1.", 2, "a number has no digit after its point"),
	FAULTY("1e+", 3, "a number has no digit in its exponent"),
	FAULTY("-01", 2, "the text goes on after its value"),
	FAULTY("[1 2]", 3, "a comma or ] is missing after a value"),
	FAULTY("{\"a\":1]", 6, "a comma or } is missing after a value"),
	FAULTY("[1", 2, "the text ends inside an array"),
	FAULTY("{\"a\":1", 6, "the text ends inside an object"),
	FAULTY("{", 1, "the text ends inside an object"),
	FAULTY("{\"a\" 1}", 5, "a colon is missing after a name"),
	FAULTY("{a:1}", 1, "a name in double quotes is missing in an object"),
	FAULTY("{\"a\":1,}", 7, "a name in double quotes is missing in an object"),
	FAULTY("\"abc", 4, "the text ends inside a string"),
	FAULTY("\"abc\\", 5, "the text ends inside a string"),
	FAULTY("\"a\tb\"", 2, "a control character stands unescaped in a string"),
	FAULTY("\"a\x1F\"", 2, "a control character stands unescaped in a string"),
	FAULTY("\"a\0b\"", 2, "a control character stands unescaped in a string"),
	FAULTY("\"a\\v\"", 2, "a backslash is followed by a character that makes no escape"),
	FAULTY("\"\\u12G4\"", 1, "an escape \\u has fewer than four hexadecimal digits"),
	FAULTY("\"\\uD800\\u0041\"", 1, "an escape is one half of a surrogate pair without the other"),
	FAULTY("\"\\uDC00\"", 1, "an escape is one half of a surrogate pair without the other"),
	FAULTY("\"ab\xC0\xAF\"", 3, "a string is not valid UTF-8"),
	FAULTY("{\"a\\u0000b\":1}", 3, "a name holds the character NUL"),
	FAULTY("{\"a\":1,\"b\":2,\"a\":3}", 14, "a name appears twice in one object"),
	FAULTY("{\"a\":1,\"\\u0061\":2}", 8, "a name appears twice in one object"),
	FAULTY("{\"\\u0061\":1,\"a\":2}", 13, "a name appears twice in one object"),
	FAULTY("{\"\":1,\"\":2}", 7, "a name appears twice in one object"),
	FAULTY("{\"\\ud83d\\ude00\":1,\"\xF0\x9F\x98\x80\":2}", 19, "a name appears twice in one object"),
	FAULTY("{\"a\":{\"b\":[{\"c\":1,\"c\":2}]}}", 19, "a name appears twice in one object"),
	FAULTY("{\"x\":{\"a\":1},\"x\":1}", 14, "a name appears twice in one object"),
};

START_TEST(faults_are_named_and_located)
{
	const struct faulty *faulty = &faults[_i];
	struct skafu__json_fault fault = {0};
	const uint8_t *text = at_cliff(faulty->text, faulty->length);
	ck_assert_int_eq(skafu__json_check(&machine, text, faulty->length, DEPTH, &fault), SKAFU_EJSON);
	ck_assert_str_eq(fault.reason, faulty->reason);
	ck_assert_uint_eq(fault.offset, faulty->offset);
	ck_assert_int_eq(skafu__json_check(&machine, text, faulty->length, DEPTH, NULL), SKAFU_EJSON);
	/* A fault of a name is none of the syntax; every other one stays what and where it is. */
	int is_rule = strstr(faulty->reason, "twice") || strstr(faulty->reason, "NUL");
	fault = (struct skafu__json_fault){0};
	int32_t rc = skafu__json_check_by(&machine, text, faulty->length, DEPTH, 0, &fault);
	ck_assert_int_eq(rc, is_rule ? 0 : SKAFU_EJSON);
	if (!is_rule) {
		ck_assert_str_eq(fault.reason, faulty->reason);
		ck_assert_uint_eq(fault.offset, faulty->offset);
	}
}
END_TEST

static const char *const fine[] = {
	"0", "-0", "-0.0e-0", " [ ] ", "{ }", "\t\r\n null\n", "\"\x7F\"", "\"\\u0000\"",
	"\"\\/\\b\\f\\n\\r\\t\\\"\\\\\"",
	"{\"a\":1,\"A\":2,\"\":3,\"aa\":4}", "{\"a\":{\"a\":{\"a\":1}}}", "[{\"a\":1},{\"a\":1}]",
	"{\"\xC3\xA9\":1,\"e\xCC\x81\":2}", "{\"a\\u0001\":1,\"a\\u0002\":2}",
	"\"\xF4\x8F\xBF\xBF\xEF\xBF\xBF\xED\x9F\xBF\"",
	"\"\\uD834\\uDD1E\"", "1E+400", "[true,false,null]",
};

START_TEST(valid_texts_pass_and_leave_the_fault_alone)
{
	struct skafu__json_fault fault = {77, "untouched"};
	size_t length = strlen(fine[_i]);
	ck_assert_int_eq(skafu__json_check(&machine, at_cliff(fine[_i], length), length, DEPTH, &fault), 0);
	ck_assert_int_eq(check_slowly(at_cliff(fine[_i], length), length), 0);
	ck_assert_uint_eq(fault.offset, 77);
	ck_assert_str_eq(fault.reason, "untouched");
	ck_assert_uint_eq(allocations, 0);
}
END_TEST

static size_t nested(char *out, size_t depth, const char *open, const char *close)
{
	size_t length = 0;
	for (size_t i = 0; i < depth; i++)
		length += (size_t)sprintf(out + length, "%s", open);
	length += (size_t)sprintf(out + length, "1");
	for (size_t i = 0; i < depth; i++)
		length += (size_t)sprintf(out + length, "%s", close);
	return length;
}

START_TEST(depth_is_counted_by_us)
{
	static const struct {
		size_t depth;
		uint32_t limit;
		int32_t code;
	} cases[] = {{0, 0, 0}, {1, 0, SKAFU_EJSON}, {1, 1, 0}, {5, 5, 0}, {6, 5, SKAFU_EJSON},
		     {64, 64, 0}, {65, 64, SKAFU_EJSON}, {64, UINT32_MAX, 0}, {65, UINT32_MAX, SKAFU_EJSON}};
	char text[1024];
	for (size_t i = 0; i < COUNT(cases); i++) {
		size_t length = nested(text, cases[i].depth, "[", "]");
		ck_assert_int_eq(skafu__json_check(&machine, text, length, cases[i].limit, NULL), cases[i].code);
		length = nested(text, cases[i].depth, "{\"a\":", "}");
		ck_assert_int_eq(skafu__json_check(&machine, text, length, cases[i].limit, NULL), cases[i].code);
	}
	ck_assert_int_eq(check_bytes("[[1],[2,[3]],{\"a\":[]},[]]", 25), 0);
}
END_TEST

/* ---- scanning ------------------------------------------------------------------------------------------------ */

START_TEST(span_stops_where_it_must_at_any_place)
{
	uint8_t text[80];
	for (unsigned byte = 0; byte < 256; byte++) {
		int plain = byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\';
		for (size_t length = 0; length < 50; length++) {
			size_t place = (length * 7 + byte) % (length + 1);
			memset(text, (int)(0x20 + byte % 2 * 0x5F), sizeof text);
			text[place] = (uint8_t)byte;
			size_t expected = plain || place == length ? length : place;
			const uint8_t *end = at_cliff(text, length);
			ck_assert_uint_eq(skafu__json_plain_span(end, length), expected);
			ck_assert_uint_eq(skafu__json_plain_span_portable(end, length), expected);
		}
	}
}
END_TEST

START_TEST(blanks_are_those_of_json)
{
	ck_assert_uint_eq(skafu__json_skip_blanks(" \t\r\n{", 0, 5), 4);
	ck_assert_uint_eq(skafu__json_skip_blanks(" \t\r\n{", 2, 5), 4);
	ck_assert_uint_eq(skafu__json_skip_blanks("  {", 0, 2), 2);
	ck_assert_uint_eq(skafu__json_skip_blanks("\v", 0, 1), 0);
	ck_assert_uint_eq(skafu__json_skip_blanks("\0 ", 0, 2), 0);
	ck_assert_uint_eq(skafu__json_skip_blanks(" ", 7, 1), 7);
	ck_assert_uint_eq(skafu__json_skip_blanks(NULL, 0, 0), 0);
}
END_TEST

/* Every lead with every second byte, and the tails at the borders of what a tail is. */
START_TEST(utf8_step_knows_all_sequences_and_no_others)
{
	static const uint8_t tails[] = {0x7F, 0x80, 0xBF, 0xC0};
	static struct slow slow;
	for (unsigned i = 0; i < 128 * 256 * 16; i++) {
		const uint8_t text[4] = {(uint8_t)(0x80 + i / 4096), (uint8_t)(i / 16), tails[i / 4 % 4],
					 tails[i % 4]};
		size_t expected = 2;
		while (expected <= 4 && !slow_decode(&slow, text, expected))
			expected++;
		expected %= 5;
		for (size_t size = 0; size <= 4; size++) {
			const uint8_t *at = at_cliff(text, size);
			size_t step = skafu__json_utf8_step(at, size);
			size_t span = skafu__json_utf8_span(at, size);
			if (step != (size < expected ? 0 : expected))
				ck_abort_msg("%02x %02x %02x %02x", text[0], text[1], text[2], text[3]);
			if (span < step || (span < size && skafu__json_utf8_step(text + span, size - span) != 0))
				ck_abort_msg("%02x %02x %02x %02x", text[0], text[1], text[2], text[3]);
		}
	}
}
END_TEST

/* ---- hostile sizes ------------------------------------------------------------------------------------------- */

static size_t many_names(char *out, size_t count, const char *format)
{
	size_t length = (size_t)sprintf(out, "{");
	for (size_t i = 0; i < count; i++) {
		out[length++] = '"';
		length += (size_t)sprintf(out + length, format, i);
		length += (size_t)sprintf(out + length, "\":0,");
	}
	out[length - 1] = '}';
	return length;
}

START_TEST(long_array_needs_no_memory)
{
	size_t length = 8000001;
	char *text = malloc(length);
	for (size_t i = 0; i < length; i++)
		text[i] = i % 2 ? '1' : ',';
	text[0] = '[';
	text[length - 1] = ']';
	ck_assert_int_eq(check_bytes(text, length), 0);
	memset(text, '[', length);
	ck_assert_int_eq(check_bytes(text, length), SKAFU_EJSON);
	ck_assert_uint_eq(allocations, 0);
	free(text);
}
END_TEST

/* The repetition is found wherever it stands, and the first one is reported. */
START_TEST(repeated_name_is_found_in_objects_of_any_size)
{
	static const size_t sizes[] = {2, 31, 32, 33, 34, 63, 64, 65, 66, 129, 1000, 100000};
	size_t count = sizes[_i];
	char *text = malloc(count * 24 + 64);
	size_t length = many_names(text, count, "%06zu");
	ck_assert_int_eq(check_bytes(text, length), 0);
	ck_assert_int_eq(skafu__json_check_weak(&machine, text, length, 0, NULL), 0);
	for (size_t i = 1; i <= (count > 1000 ? 1 : 5); i++) {
		size_t later = count - 1 - (count - 2) * (i - 1) / 5;
		size_t earlier = later * i / 6;
		struct skafu__json_fault fault = {0};
		length = many_names(text, count, "%06zu");
		memcpy(text + 2 + later * 11, text + 2 + earlier * 11, 6);
		ck_assert_int_eq(skafu__json_check(&machine, text, length, DEPTH, &fault), SKAFU_EJSON);
		ck_assert_uint_eq(fault.offset, 2 + later * 11);
		ck_assert_int_eq(skafu__json_check_weak(&machine, text, length, 0, &fault), SKAFU_EJSON);
		ck_assert_uint_eq(fault.offset, 2 + later * 11);
		length = many_names(text, count, "%06zu");
		length = length - 1 + (size_t)sprintf(text + length - 1, ",\"\\u0030%05zu\":0}", earlier);
		ck_assert_int_eq(check_bytes(text, length), SKAFU_EJSON);
	}
	free(text);
}
END_TEST

/* All pairs, on both sides of the size where sorting begins, and one pair among many. */
START_TEST(first_repetition_is_reported)
{
	char text[4096];
	struct skafu__json_fault fault = {0};
	for (size_t later = 1; later < 40; later++) {
		for (size_t earlier = 0; earlier < later; earlier++) {
			size_t length = many_names(text, later % 2 ? 40 : later + 1, "%06zu");
			memcpy(text + 2 + later * 11, text + 2 + earlier * 11, 6);
			int32_t code = skafu__json_check_weak(&machine, text, length, 0, &fault);
			if (code != SKAFU_EJSON || fault.offset != 2 + later * 11)
				ck_abort_msg("%zu repeats %zu", later, earlier);
		}
	}
	size_t length = many_names(text, 200, "%06zu");
	for (size_t i = 0; i < 100; i++)
		memcpy(text + 2 + (100 + i) * 11, text + 2 + (i * 37 % 100) * 11, 6);
	ck_assert_int_eq(skafu__json_check(&machine, text, length, DEPTH, &fault), SKAFU_EJSON);
	ck_assert_uint_eq(fault.offset, 2 + 100 * 11);
}
END_TEST

START_TEST(names_of_open_objects_do_not_mix)
{
	char text[16384];
	size_t length = 0;
	for (int depth = 0; depth < DEPTH - 2; depth++)
		length += (size_t)sprintf(text + length, "{\"a\":0,\"b\":{\"a\":1},\"c\":[{\"b\":1}],\"d\":");
	length += (size_t)sprintf(text + length, "0");
	for (int depth = 0; depth < DEPTH - 2; depth++)
		length += (size_t)sprintf(text + length, ",\"e\":0}");
	ck_assert_int_eq(check_bytes(text, length), 0);
	ck_assert_int_eq(check_slowly(text, length), 0);
	ck_assert_uint_gt(allocations, 0);
	text[length - 5] = 'a'; /* the outermost object, after all others were closed */
	ck_assert_int_eq(check_bytes(text, length), SKAFU_EJSON);
}
END_TEST

static double seconds_for(const char *text, size_t length)
{
	double best = 1e9;
	for (int round = 0; round < 3; round++) {
		struct timespec from;
		struct timespec to;
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
		ck_assert_int_eq(skafu__json_check_weak(&machine, text, length, 0, NULL), 0);
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
		double seconds = (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9;
		best = seconds < best ? seconds : best;
	}
	return best;
}

/* Eight times the names: a good deal less than the 64 times of comparing each with each. */
START_TEST(colliding_names_do_not_take_quadratic_time)
{
	static const char *const formats[] = {"%zu", "\\u0030%zu", "a_long_common_start_of_a_name_%06zu"};
	char *text = malloc(40000 * 60);
	double small = seconds_for(text, many_names(text, 5000, formats[_i]));
	double large = seconds_for(text, many_names(text, 40000, formats[_i]));
	ck_assert_msg(large < small * 30, "%f s, then %f s", small, large);
	free(text);
}
END_TEST

/* A name of each length, once as it is and once with its byte `escaped` written as an escape. */
START_TEST(a_name_is_the_same_when_it_is_escaped)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMN";
	char text[400];
	for (int length = 1; length <= 40; length++) {
		for (int escaped = 0; escaped < length; escaped++) {
			int bytes = snprintf(text, sizeof text, "{\"%.*s\":1,\"%.*s\\u%04x%.*s\":2}", length, letters,
					     escaped, letters, (unsigned)letters[escaped], length - escaped - 1,
					     letters + escaped + 1);
			ck_assert_int_eq(check_bytes(text, (size_t)bytes), SKAFU_EJSON);
			text[2] = '!';
			ck_assert_int_eq(check_bytes(text, (size_t)bytes), 0);
		}
	}
}
END_TEST

/* They are told apart although they begin and end alike; and the same in the last bytes of a text. */
START_TEST(names_that_differ_only_in_their_middle)
{
	static const char two[] = "{\"beginning%dthe end.\":1,\"beginning%dthe end.\":2}";
	char text[200];
	for (int i = 0; i < 20; i++) {
		int bytes = snprintf(text, sizeof text, two, i, 19 - i);
		ck_assert_int_eq(check_bytes(text, (size_t)bytes), 0);
		bytes = snprintf(text, sizeof text, two, i, i);
		ck_assert_int_eq(check_bytes(text, (size_t)bytes), SKAFU_EJSON);
		bytes = snprintf(text, sizeof text, "{\"%d\":1,\"%d\":2}", i, i);
		ck_assert_int_eq(check_bytes(text, (size_t)bytes), SKAFU_EJSON);
	}
}
END_TEST

static void *check_in_thread(void *result)
{
	static char text[1 << 20];
	int32_t *code = result;
	*code = check_bytes(text, many_names(text, 50000, "%zu"));
	if (*code == 0)
		*code = check_bytes(text, nested(text, DEPTH, "{\"a\":[", "]}")) == SKAFU_EJSON ? 0 : 1;
	if (*code == 0)
		*code = check_bytes(text, nested(text, DEPTH, "[", "]"));
	memset(text, '[', sizeof text);
	if (*code == 0)
		*code = check_bytes(text, sizeof text) == SKAFU_EJSON ? 0 : 2;
	return NULL;
}

START_TEST(small_stack_is_enough)
{
	pthread_attr_t attributes;
	pthread_t thread;
	int32_t code = -1;
	ck_assert_int_eq(pthread_attr_init(&attributes), 0);
	ck_assert_int_eq(pthread_attr_setstacksize(&attributes, 65536), 0);
	ck_assert_int_eq(pthread_create(&thread, &attributes, check_in_thread, &code), 0);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	pthread_attr_destroy(&attributes);
	ck_assert_int_eq(code, 0);
}
END_TEST

START_TEST(missing_memory_is_reported)
{
	char text[16384];
	size_t length = many_names(text, 1000, "%zu");
	ck_assert_int_eq(check_bytes(text, length), 0);
	size_t needed = allocations;
	ck_assert_uint_ge(needed, 2);
	for (size_t allowed = 0; allowed <= needed; allowed++) {
		struct skafu__json_fault fault = {77, "untouched"};
		allocations = 0;
		allocations_allowed = allowed;
		int32_t code = skafu__json_check(&machine, text, length, DEPTH, &fault);
		ck_assert_int_eq(code, allowed < needed ? SKAFU_ENOMEM : 0);
		ck_assert_uint_eq(fault.offset, 77);
	}
	allocations_allowed = 0;
	length = many_names(text, 64, "%zu");
	ck_assert_int_eq(check_bytes(text, length), 0); /* the usual event asks for none */
}
END_TEST

/* ---- random texts -------------------------------------------------------------------------------------------- */

static const char *const seeds[] = {
	"{\"a\":1,\"b\":[true,false,null],\"c\":{\"a\":\"x\",\"\\u0061b\":-0.5e+10}}",
	"[\"\\uD834\\uDD1E\\n\xC3\xA9\xE6\x97\xA5\xF0\x9F\x98\x80\",\"text of more than sixteen bytes\"]",
	"{\"\\u0061\":0,\"b\":{\"\xC3\xA9\":0,\"\\u00e8\":0},\"\":[]}",
	" [ 0 , -1 , 1.25 , 1E5 , { } , [ ] , \"\" ] ",
	"{\"aa\":0,\"ab\":0,\"ba\":0,\"bb\":0,\"ac\":0,\"ca\":0,\"name_of_sixteen_\":0,\"name_of_seventeen\":0}",
	("[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[0"
	 "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]"),
};

static size_t mutate(uint8_t *text, size_t length)
{
	static const char pieces[] = "{}[]\",:\\u0061bdD8Cc9eE+-. tfn\n\x01\x7F"
				     "\x80\xBF\xC3\xA9\xE0\xED\xA0\xF0\x90\xF4\xFF";
	size_t place = random_index(length + 1);
	size_t size = 1 + random_index(random_index(4) ? 2 : 12);
	switch (random_index(4)) {
	case 0: /* another byte */
		if (place < length)
			text[place] = (uint8_t)pieces[random_index(sizeof pieces)];
		return length;
	case 1: /* a byte more */
		memmove(text + place + 1, text + place, length - place);
		text[place] = (uint8_t)pieces[random_index(sizeof pieces)];
		return length + 1;
	case 2: /* some bytes less */
		size = size < length - place ? size : length - place;
		memmove(text + place, text + place + size, length - place - size);
		return length - size;
	default: { /* some bytes from elsewhere */
		uint8_t copied[16];
		size = size < length ? size : length;
		memcpy(copied, text + random_index(length - size + 1), size);
		memmove(text + place + size, text + place, length - place);
		memcpy(text + place, copied, size);
		return length + size;
	}
	}
}

START_TEST(random_texts_are_judged_as_by_the_slow_validator)
{
	unsigned accepted = 0;
	unsigned rounds = 40000;
	seeded("json_test");
	for (unsigned round = 0; round < rounds; round++) {
		uint8_t text[TEXT_MAX];
		const char *from = seeds[random_index(COUNT(seeds))];
		size_t length = strlen(from);
		memcpy(text, from, length);
		for (size_t changes = 1 + random_index(3); changes > 0; changes--)
			length = mutate(text, length);
		int expected = slow_accepts(text, length);
		const uint8_t *last = at_cliff(text, length);
		int accepts = check_bytes(last, length) == 0;
		ck_assert_msg(accepts == expected, "round %u: %.*s", round, (int)length, text);
		ck_assert_int_eq(skafu__json_check_weak(&machine, last, length, 1u << 26, NULL) == 0, expected);
		if (expected && !cjson_accepts(text, length))
			ck_assert_msg(cjson_is_excused(text, length), "cJSON: %.*s", (int)length, text);
		accepted += (unsigned)expected;
	}
	ck_assert_uint_gt(accepted, rounds / 50);
	ck_assert_uint_lt(accepted, rounds - rounds / 10);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("json");
	TCase *tcase = tcase_create("json");
	tcase_set_timeout(tcase, 120);
	tcase_add_checked_fixture(tcase, set_up, NULL);
	tcase_add_test(tcase, suite_is_judged_case_by_case);
	tcase_add_loop_test(tcase, faults_are_named_and_located, 0, (int)COUNT(faults));
	tcase_add_loop_test(tcase, valid_texts_pass_and_leave_the_fault_alone, 0, (int)COUNT(fine));
	tcase_add_test(tcase, depth_is_counted_by_us);
	tcase_add_test(tcase, span_stops_where_it_must_at_any_place);
	tcase_add_test(tcase, blanks_are_those_of_json);
	tcase_add_test(tcase, utf8_step_knows_all_sequences_and_no_others);
	tcase_add_test(tcase, long_array_needs_no_memory);
	tcase_add_loop_test(tcase, repeated_name_is_found_in_objects_of_any_size, 0, 12);
	tcase_add_test(tcase, first_repetition_is_reported);
	tcase_add_test(tcase, names_of_open_objects_do_not_mix);
	tcase_add_test(tcase, a_name_is_the_same_when_it_is_escaped);
	tcase_add_test(tcase, names_that_differ_only_in_their_middle);
	tcase_add_loop_test(tcase, colliding_names_do_not_take_quadratic_time, 0, 3);
	tcase_add_test(tcase, small_stack_is_enough);
	tcase_add_test(tcase, missing_memory_is_reported);
	tcase_add_test(tcase, random_texts_are_judged_as_by_the_slow_validator);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
