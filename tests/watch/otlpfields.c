#include "watch/otlpfields.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static cJSON *list;

int otlpfields_load(void)
{
	FILE *file = fopen("../shared/data/otlp-fields.json", "rb");
	static char text[65536];
	size_t length;

	if (!file)
		return 0;
	length = fread(text, 1, sizeof text - 1, file);
	fclose(file);
	text[length] = '\0';
	list = cJSON_Parse(text);
	return list != NULL;
}

void otlpfields_done(void)
{
	cJSON_Delete(list);
	list = NULL;
}

static int complain(char *why, const char *what, const char *field)
{
	snprintf(why, 200, "%s: %s", field, what);
	return 0;
}

static int is_hex(const char *text, size_t digits)
{
	return strlen(text) == digits && strspn(text, "0123456789abcdef") == digits && strspn(text, "0") != digits;
}

static int check_message(const cJSON *value, const char *message, char *why);

static int check_integer(const cJSON *value, int is_signed)
{
	const char *digits = value->valuestring;

	if (!cJSON_IsString(value))
		return 0;
	digits += is_signed && *digits == '-';
	return *digits && strlen(digits) <= 20 && strspn(digits, "0123456789") == strlen(digits);
}

static int check_enum(const cJSON *value, const char *name)
{
	const cJSON *numbers =
		cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(list, "enums"), name);
	const cJSON *number;

	cJSON_ArrayForEach(number,
			   numbers) if (cJSON_IsNumber(value) && value->valuedouble == number->valuedouble) return 1;
	return 0;
}

static int check_one(const cJSON *value, const char *type, const char *field, char *why)
{
	if (strncmp(type, "message:", 8) == 0)
		return check_message(value, type + 8, why);
	if (strncmp(type, "enum:", 5) == 0)
		return check_enum(value, type + 5) || complain(why, "no number of the enumeration", field);
	if (strcmp(type, "string") == 0)
		return cJSON_IsString(value) || complain(why, "no string", field);
	if (strcmp(type, "bytes") == 0)
		return (cJSON_IsString(value) &&
			is_hex(value->valuestring, strcmp(field, "traceId") == 0 ? 32 : 16)) ||
		       complain(why, "no id in hex", field);
	if (strcmp(type, "double") == 0)
		return cJSON_IsNumber(value) || complain(why, "no number", field);
	if (strcmp(type, "bool") == 0)
		return cJSON_IsBool(value) || complain(why, "no truth value", field);
	if (strcmp(type, "uint32") == 0 || strcmp(type, "int32") == 0 || strcmp(type, "fixed32") == 0)
		return (cJSON_IsNumber(value) && value->valuedouble == (double)value->valueint) ||
		       complain(why, "no small integer", field);
	return check_integer(value, type[0] == 'i' || type[0] == 's') || complain(why, "no integer as text", field);
}

static int check_field(const cJSON *value, const char *type, char *why)
{
	size_t length = strlen(type);
	char one[100];
	const cJSON *each;

	if (length < 2 || strcmp(type + length - 2, "[]") != 0)
		return check_one(value, type, value->string, why);
	if (!cJSON_IsArray(value))
		return complain(why, "no array", value->string);
	snprintf(one, sizeof one, "%.*s", (int)length - 2, type);
	cJSON_ArrayForEach(each, value) if (!check_one(each, one, value->string, why)) return 0;
	return 1;
}

static int check_oneof(const cJSON *value, const cJSON *groups, char *why)
{
	const cJSON *group, *name;

	cJSON_ArrayForEach(group, groups)
	{
		int count = 0;

		cJSON_ArrayForEach(name, group) count +=
			cJSON_GetObjectItemCaseSensitive(value, name->valuestring) != NULL;
		if (count > 1)
			return complain(why, "several of what is one of", group->child->valuestring);
	}
	return 1;
}

static int check_message(const cJSON *value, const char *message, char *why)
{
	const cJSON *known =
		cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(list, "messages"), message);
	const cJSON *fields = cJSON_GetObjectItemCaseSensitive(known, "fields");
	const cJSON *member;

	if (!fields || !cJSON_IsObject(value))
		return complain(why, "no message", message);
	cJSON_ArrayForEach(member, value)
	{
		const cJSON *type = cJSON_GetObjectItemCaseSensitive(fields, member->string);

		if (!type)
			return complain(why, "no field of the message", member->string);
		if (!check_field(member, type->valuestring, why))
			return 0;
	}
	return check_oneof(value, cJSON_GetObjectItemCaseSensitive(known, "oneof"), why);
}

int otlpfields_check(const char *text, const char *message, char *why)
{
	cJSON *root = cJSON_Parse(text);
	int ok;

	if (!root)
		return complain(why, "no JSON", message);
	ok = !list || check_message(root, message, why);
	cJSON_Delete(root);
	return ok;
}

const cJSON *otlpfields_at(const cJSON *root, const char *path)
{
	while (root && *path) {
		char name[100];
		size_t length = strcspn(path, "/");

		snprintf(name, sizeof name, "%.*s", (int)length, path);
		if (name[0] >= '0' && name[0] <= '9')
			root = cJSON_GetArrayItem(root, atoi(name));
		else
			root = cJSON_GetObjectItemCaseSensitive(root, name);
		path += length + (path[length] == '/');
	}
	return root;
}
