/*
 * pattern.c: a program of steps, and all states of it side by side.
 *
 * Jumps are relative, so a finished block can be moved to make room for a step before it.
 */
#include "pattern.h"

#include <stdint.h>
#include <string.h>

#define PATTERN_STEPS 1024
#define PATTERN_CLASSES 64
#define PATTERN_DEPTH 16
#define PATTERN_COUNT 255

enum step_kind { STEP_BYTE, STEP_SPLIT, STEP_MATCH };

struct step {
	uint8_t kind;
	uint8_t class; /* of a byte */
	int16_t first; /* of a split, from here; a jump has both alike */
	int16_t second;
};

struct program {
	struct step steps[PATTERN_STEPS];
	int count;
	uint8_t classes[PATTERN_CLASSES][32];
	int class_count;
	int at_begin;
	int at_end;
	const char *rest; /* of the pattern */
	int depth;
	int broken;
};

/* ---- compiling ---- */

static void insert(struct program *program, int at, struct step step)
{
	if (program->count >= PATTERN_STEPS - 1) {
		program->broken = 1;
		return;
	}
	memmove(program->steps + at + 1, program->steps + at, (size_t)(program->count - at) * sizeof step);
	program->steps[at] = step;
	program->count++;
}

static void split(struct program *program, int at, int first, int second)
{
	insert(program, at, (struct step){STEP_SPLIT, 0, (int16_t)first, (int16_t)second});
}

static uint8_t *add_class(struct program *program)
{
	if (program->class_count == PATTERN_CLASSES) {
		program->broken = 1;
		return program->classes[0];
	}
	memset(program->classes[program->class_count], 0, 32);
	insert(program, program->count, (struct step){STEP_BYTE, (uint8_t)program->class_count, 0, 0});
	return program->classes[program->class_count++];
}

static void set_bytes(uint8_t *class, unsigned from, unsigned to)
{
	for (unsigned byte = from; byte <= to; byte++)
		class[byte / 8] |= (uint8_t)(1u << byte % 8);
}

static unsigned take(struct program *program)
{
	unsigned byte = (unsigned char)*program->rest;

	if (byte == 0)
		program->broken = 1;
	else
		program->rest++;
	return byte;
}

static void parse_bracket(struct program *program)
{
	uint8_t *class = add_class(program);
	int negated = *program->rest == '^';
	int first = 1;

	program->rest += negated;
	while ((first || *program->rest != ']') && !program->broken) {
		unsigned from = take(program);
		unsigned to = from;

		if (from == '[' && strchr(":.=", *program->rest) != NULL)
			program->broken = 1; /* [:alpha:] and its kin */
		if (program->rest[0] == '-' && program->rest[1] != '\0' && program->rest[1] != ']') {
			program->rest++;
			to = take(program);
		}
		if (from > to)
			program->broken = 1;
		set_bytes(class, from, to);
		first = 0;
	}
	program->rest += *program->rest == ']';
	for (int i = 0; i < 32 && negated; i++)
		class[i] = (uint8_t) ~class[i];
}

static void parse_choice(struct program *program);

static void parse_atom(struct program *program)
{
	unsigned byte = take(program);

	if (byte == '(') {
		if (++program->depth > PATTERN_DEPTH) {
			program->broken = 1;
			return;
		}
		parse_choice(program);
		program->depth--;
		if (take(program) != ')')
			program->broken = 1;
	} else if (byte == '[') {
		parse_bracket(program);
	} else if (byte == '.') {
		set_bytes(add_class(program), 1, 255);
	} else {
		if (strchr("?*+{}^$)", (int)byte) != NULL)
			program->broken = 1;
		if (byte == '\\') {
			byte = take(program);
			/* A letter or digit behind it would mean something in other languages. */
			if ((byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') ||
			    (byte >= 'a' && byte <= 'z'))
				program->broken = 1;
		}
		set_bytes(add_class(program), byte, byte);
	}
}

static int parse_number(struct program *program)
{
	int number = 0;

	if (*program->rest < '0' || *program->rest > '9')
		program->broken = 1;
	while (*program->rest >= '0' && *program->rest <= '9' && number <= PATTERN_COUNT)
		number = number * 10 + (*program->rest++ - '0');
	if (number > PATTERN_COUNT)
		program->broken = 1;
	return number;
}

/* The one step at the end, so many times. */
static void parse_count(struct program *program, int start)
{
	int least = parse_number(program);
	int most = least;
	struct step step = program->steps[start];

	if (*program->rest == ',') {
		program->rest++;
		most = *program->rest == '}' ? -1 : parse_number(program);
	}
	if (take(program) != '}' || program->count != start + 1 || step.kind != STEP_BYTE ||
	    (most >= 0 && most < least))
		program->broken = 1;
	if (program->broken)
		return;
	program->count = start;
	for (int i = 0; i < least; i++)
		insert(program, program->count, step);
	for (int i = least; i < most; i++) {
		split(program, program->count, 1, 2);
		insert(program, program->count, step);
	}
	if (most < 0) {
		split(program, program->count, 1, 3);
		insert(program, program->count, step);
		split(program, program->count, -2, -2);
	}
}

static void parse_repeated(struct program *program)
{
	int start = program->count;
	int length;

	parse_atom(program);
	length = program->count - start;
	if (program->broken || *program->rest == '\0' || strchr("?*+{", *program->rest) == NULL)
		return;
	switch (*program->rest++) {
	case '?':
		split(program, start, 1, length + 1);
		break;
	case '*':
		split(program, start, 1, length + 2);
		split(program, program->count, -length - 1, -length - 1);
		break;
	case '+':
		split(program, program->count, -length, 1);
		break;
	default:
		parse_count(program, start);
	}
	if (*program->rest != '\0' && strchr("?*+{", *program->rest) != NULL)
		program->broken = 1;
}

static void parse_choice(struct program *program)
{
	int start = program->count;

	while (!program->broken && *program->rest != '\0' && strchr("|)", *program->rest) == NULL &&
	       !(program->rest[0] == '$' && program->rest[1] == '\0' && program->depth == 0))
		parse_repeated(program);
	if (!program->broken && *program->rest == '|') {
		int length = program->count - start;
		int jump;

		program->rest++;
		split(program, start, 1, length + 2);
		jump = program->count;
		split(program, jump, 0, 0);
		parse_choice(program);
		program->steps[jump].first = program->steps[jump].second = (int16_t)(program->count - jump);
	}
}

static int compile(struct program *program, const char *pattern)
{
	*program = (struct program){.rest = pattern};
	program->at_begin = pattern[0] == '^';
	program->rest += program->at_begin;
	parse_choice(program);
	if (program->rest[0] == '$' && program->rest[1] == '\0') {
		program->at_end = 1;
		program->rest++;
	}
	program->steps[program->count] = (struct step){.kind = STEP_MATCH};
	return !program->broken && *program->rest == '\0';
}

int pattern_is_good(const char *pattern)
{
	struct program program;

	return compile(&program, pattern);
}

/* ---- matching ---- */

struct states {
	uint8_t is_in[PATTERN_STEPS];
};

/* Enter a state and all that are reached from it without a byte. */
static void enter(const struct program *program, struct states *states, int at)
{
	int stack[2 * PATTERN_STEPS + 2];
	int depth = 0;

	stack[depth++] = at;
	while (depth > 0) {
		at = stack[--depth];
		if (states->is_in[at])
			continue;
		states->is_in[at] = 1;
		if (program->steps[at].kind == STEP_SPLIT) {
			stack[depth++] = at + program->steps[at].first;
			stack[depth++] = at + program->steps[at].second;
		}
	}
}

int pattern_matches(const char *pattern, const char *text)
{
	struct program program;
	struct states now = {{0}};

	if (!compile(&program, pattern))
		return 0;
	enter(&program, &now, 0);
	for (; *text != '\0' && (program.at_end || !now.is_in[program.count]); text++) {
		unsigned byte = (unsigned char)*text;
		struct states next = {{0}};

		for (int i = 0; i < program.count; i++) {
			const struct step *step = &program.steps[i];

			if (now.is_in[i] && step->kind == STEP_BYTE &&
			    (program.classes[step->class][byte / 8] >> byte % 8 & 1) != 0)
				enter(&program, &next, i + 1);
		}
		if (!program.at_begin)
			enter(&program, &next, 0);
		now = next;
	}
	return now.is_in[program.count];
}
