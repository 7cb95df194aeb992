#include "model/upcast.h"

#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/testhook.h"
#include "base/opts.h"
#include "base/text.h"
#include "codec/hash.h"
#include "codec/json.h"
#include "model/model.h"

#define UPCAST_NAME_BYTES_MAX 255u
#define UPCAST_TARGETS_MAX 64u
#define UPCAST_FORMS_MAX 4096u /* of one stored record */

struct upcast_target {
	struct skafu__type *type;
	uint32_t version;
};

struct skafu__upcaster {
	struct skafu__upcaster *next;
	const struct skafu__type *type; /* that it takes */
	uint32_t from_version;
	uint32_t revision;
	uint32_t target_count;
	uint32_t visited; /* while cycles are looked for: 0 not yet, 1 on the way, 2 done */
	uint32_t chosen;  /* while a fingerprint is made */
	struct upcast_target *targets;
	skafu_upcast_fn upcast;
	void *user;
	skafu_free_fn free_user;
};

static unsigned upcast_major(uint32_t version)
{
	return version >> 16;
}

static unsigned upcast_minor(uint32_t version)
{
	return version & 0xffffu;
}

static struct skafu__upcaster *upcast_find(const struct skafu__type *type, uint32_t version)
{
	struct skafu__upcaster *each = type->upcasters;
	while (each && each->from_version < version)
		each = each->next;
	return each && each->from_version == version ? each : NULL;
}

/* ---- definitions --------------------------------------------------------------------------------------------- */

static void upcast_free(const struct skafu__sys *sys, struct skafu__upcaster *upcaster)
{
	if (!upcaster)
		return;
	skafu__free(sys, upcaster->targets);
	skafu__free(sys, upcaster);
}

void skafu__upcaster_free_all(const struct skafu__sys *sys, struct skafu__upcaster *first)
{
	while (first) {
		struct skafu__upcaster *next = first->next;
		if (first->free_user)
			first->free_user(first->user);
		upcast_free(sys, first);
		first = next;
	}
}

static int32_t upcast_check_target(const skafu_upcaster_def *def, uint32_t number, skafu_error *error)
{
	size_t length;
	int32_t rc = skafu__name_measure(def->to_types[number], UPCAST_NAME_BYTES_MAX, "type", &length, error);
	if (rc != 0)
		return rc;
	if (def->to_versions[number] < 1u << 16)
		return skafu__fail(error, SKAFU_EDEFINITION, "the upcaster of %s leads to version 0.%u of %s; "
				   "versions begin with 1.0", def->type, upcast_minor(def->to_versions[number]),
				   def->to_types[number]);
	if (strcmp(def->to_types[number], def->type) == 0 && def->to_versions[number] <= def->from_version)
		return skafu__fail(error, SKAFU_EDEFINITION, "the upcaster of %s %u.%u leads to version %u.%u, which "
				   "is not newer", def->type, upcast_major(def->from_version),
				   upcast_minor(def->from_version),
				   upcast_major(def->to_versions[number]), upcast_minor(def->to_versions[number]));
	return 0;
}

static int32_t upcast_check(const skafu_upcaster_def *def, skafu_error *error)
{
	size_t length;
	int32_t rc = skafu__name_measure(def->type, UPCAST_NAME_BYTES_MAX, "type", &length, error);
	if (rc != 0)
		return rc;
	if (def->from_version < 1u << 16)
		return skafu__fail(error, SKAFU_EDEFINITION, "the upcaster of %s takes version 0.%u; versions begin "
				   "with 1.0, which is 0x10000", def->type, def->from_version);
	if (def->to_count > UPCAST_TARGETS_MAX)
		return skafu__fail(error, SKAFU_ELIMIT, "the upcaster of %s names %u forms; at most %u are allowed",
				   def->type, def->to_count, UPCAST_TARGETS_MAX);
	if (def->to_count != 0 && (!def->to_types || !def->to_versions))
		return skafu__fail(error, SKAFU_EDEFINITION, "the upcaster of %s says %u forms, but to_types or "
				   "to_versions is NULL", def->type, def->to_count);
	if (def->to_count != 0 && !def->upcast)
		return skafu__fail(error, SKAFU_EDEFINITION, "the upcaster of %s has no function", def->type);
	for (uint32_t i = 0; rc == 0 && i < def->to_count; i++)
		rc = upcast_check_target(def, i, error);
	return rc;
}

static int32_t upcast_make(struct skafu__registry *registry, const skafu_upcaster_def *def,
			   struct skafu__upcaster **out, skafu_error *error)
{
	struct skafu__upcaster *upcaster = skafu__alloc_zeroed(registry->sys, 1, sizeof *upcaster);
	int32_t rc = 0;
	if (!upcaster)
		return skafu__fail_memory(error);
	upcaster->targets = skafu__alloc_zeroed(registry->sys, def->to_count, sizeof *upcaster->targets);
	if (!upcaster->targets)
		rc = skafu__fail_memory(error);
	for (uint32_t i = 0; rc == 0 && i < def->to_count; i++) {
		rc = skafu__registry_make_type(registry, def->to_types[i], &upcaster->targets[i].type, error);
		upcaster->targets[i].version = def->to_versions[i];
	}
	if (rc != 0) {
		upcast_free(registry->sys, upcaster);
		return rc;
	}
	upcaster->from_version = def->from_version;
	upcaster->revision = def->revision;
	upcaster->target_count = def->to_count;
	upcaster->upcast = def->upcast;
	upcaster->user = def->user;
	upcaster->free_user = def->free_user;
	*out = upcaster;
	return 0;
}

static int32_t upcast_add(struct skafu__registry *registry, const skafu_upcaster_def *def, skafu_error *error)
{
	struct skafu__type *type;
	struct skafu__upcaster *upcaster = NULL;
	int32_t rc = upcast_check(def, error);
	if (rc == 0)
		rc = skafu__registry_make_type(registry, def->type, &type, error);
	if (rc != 0)
		return rc;
	if (upcast_find(type, def->from_version))
		return skafu__fail(error, SKAFU_EDEFINITION, "there is an upcaster of %s %u.%u already; a version "
				   "has one",
				   def->type, upcast_major(def->from_version), upcast_minor(def->from_version));
	rc = upcast_make(registry, def, &upcaster, error);
	if (rc != 0)
		return rc;
	struct skafu__upcaster **link = &type->upcasters;
	while (*link && (*link)->from_version < upcaster->from_version)
		link = &(*link)->next;
	upcaster->type = type;
	upcaster->next = *link;
	*link = upcaster;
	registry->upcaster_count++;
	return 0;
}

int32_t skafu_model_add_upcaster(skafu_model *model, const skafu_upcaster_def *def, skafu_error *error)
{
	skafu_upcaster_def known = {0};
	int32_t rc = skafu__opts_read(&known, sizeof known, def, "skafu_upcaster_def", error);
	if (rc == 0)
		rc = skafu__model_may_define(model, error);
	if (rc == 0)
		rc = upcast_add(&model->registry, &known, error);
	if (rc == 0)
		skafu__testhook_tell(SKAFU__TESTHOOK_TYPE, model, known.type, NULL, 0, 0);
	if (rc != 0 && known.free_user)
		known.free_user(known.user);
	return rc;
}

/* ---- the whole ----------------------------------------------------------------------------------------------- */

static int32_t upcast_freeze_target(const struct skafu__upcaster *upcaster, const struct upcast_target *target,
				    skafu_error *error)
{
	const struct skafu__type *type = target->type;
	if (upcast_find(type, target->version))
		return 0;
	if (!type->domain)
		return skafu__fail(error, SKAFU_EDEFINITION, "the upcaster of %s %u.%u leads to %s, which is no "
				   "defined event type; define it, or correct the name", upcaster->type->name,
				   upcast_major(upcaster->from_version), upcast_minor(upcaster->from_version),
				   type->name);
	if (target->version == type->version)
		return 0;
	return skafu__fail(error, SKAFU_EDEFINITION, "there is a gap: the upcaster of %s %u.%u leads to %s %u.%u, "
			   "and nothing leads from there to %u.%u, its newest version", upcaster->type->name,
			   upcast_major(upcaster->from_version), upcast_minor(upcaster->from_version), type->name,
			   upcast_major(target->version), upcast_minor(target->version), upcast_major(type->version),
			   upcast_minor(type->version));
}

static int32_t upcast_freeze_one(const struct skafu__upcaster *upcaster, skafu_error *error)
{
	const struct skafu__type *type = upcaster->type;
	int32_t rc = 0;
	if (type->domain && upcaster->from_version >= type->version)
		return skafu__fail(error, SKAFU_EDEFINITION, "the upcaster of %s takes version %u.%u, but %u.%u is "
				   "the newest, "
				   "which handlers take as it is; raise the version of the type, or leave its "
				   "definition out", type->name, upcast_major(upcaster->from_version),
				   upcast_minor(upcaster->from_version), upcast_major(type->version),
				   upcast_minor(type->version));
	for (uint32_t i = 0; rc == 0 && i < upcaster->target_count; i++)
		rc = upcast_freeze_target(upcaster, &upcaster->targets[i], error);
	return rc;
}

/* From the oldest version that is upcast, each major version up to the newest needs an upcaster. */
static int32_t upcast_freeze_majors(const struct skafu__type *type, skafu_error *error)
{
	const struct skafu__upcaster *each = type->upcasters;
	if (!type->domain || !each)
		return 0;
	for (unsigned major = upcast_major(each->from_version); major < upcast_major(type->version); major++) {
		while (each && upcast_major(each->from_version) < major)
			each = each->next;
		if (!each || upcast_major(each->from_version) != major)
			return skafu__fail(error, SKAFU_EDEFINITION, "there is a gap: %s is at version %u.%u and has "
					   "upcasters, but "
					   "none of version %u", type->name, upcast_major(type->version),
					   upcast_minor(type->version), major);
	}
	return 0;
}

/* Recursion is as deep as a chain is long; every upcaster is on the way at most once. */
static int32_t upcast_visit(struct skafu__upcaster *upcaster, skafu_error *error)
{
	int32_t rc = 0;
	if (upcaster->visited == 2)
		return 0;
	if (upcaster->visited == 1)
		return skafu__fail(error, SKAFU_EDEFINITION, "there is a cycle: the upcaster of %s %u.%u leads back "
				   "to itself", upcaster->type->name, upcast_major(upcaster->from_version),
				   upcast_minor(upcaster->from_version));
	upcaster->visited = 1;
	for (uint32_t i = 0; rc == 0 && i < upcaster->target_count; i++) {
		struct skafu__upcaster *next = upcast_find(upcaster->targets[i].type, upcaster->targets[i].version);
		if (next)
			rc = upcast_visit(next, error);
	}
	upcaster->visited = rc == 0 ? 2 : 0;
	return rc;
}

static int32_t upcast_freeze_type(const struct skafu__type *type, skafu_error *error)
{
	int32_t rc = upcast_freeze_majors(type, error);
	for (struct skafu__upcaster *each = type->upcasters; rc == 0 && each; each = each->next) {
		rc = upcast_freeze_one(each, error);
		if (rc == 0)
			rc = upcast_visit(each, error);
	}
	return rc;
}

int32_t skafu__upcast_freeze(const struct skafu__registry *registry, skafu_error *error)
{
	int32_t rc = 0;
	for (const struct skafu__type *type = registry->types; rc == 0 && type; type = type->next)
		rc = upcast_freeze_type(type, error);
	return rc;
}

/* ---- the fingerprint ----------------------------------------------------------------------------------------- */

struct upcast_choice {
	const char *const *types;
	size_t count; /* 0: all */
	struct skafu__upcaster **list;
	uint32_t found;
};

static int upcast_leads_to(const struct skafu__upcaster *upcaster, const struct upcast_choice *choice)
{
	if (choice->count == 0)
		return 1;
	for (size_t i = 0; i < choice->count; i++)
		if (strcmp(upcaster->type->name, choice->types[i]) == 0)
			return 1;
	for (uint32_t i = 0; i < upcaster->target_count; i++) {
		const struct skafu__upcaster *next = upcast_find(upcaster->targets[i].type,
								 upcaster->targets[i].version);
		for (size_t j = 0; j < choice->count; j++)
			if (strcmp(upcaster->targets[i].type->name, choice->types[j]) == 0)
				return 1;
		if (next && upcast_leads_to(next, choice))
			return 1;
	}
	return 0;
}

int skafu__upcast_leads_to(const struct skafu__type *type, const char *const *types, size_t count)
{
	const struct upcast_choice choice = {.types = types, .count = count};
	for (const struct skafu__upcaster *each = type->upcasters; each; each = each->next)
		if (upcast_leads_to(each, &choice))
			return 1;
	return 0;
}

/* By name and version, so that the order of definition does not count. */
static void upcast_insert(struct upcast_choice *choice, struct skafu__upcaster *upcaster)
{
	uint32_t at = choice->found++;
	for (; at > 0; at--) {
		const struct skafu__upcaster *before = choice->list[at - 1];
		int order = strcmp(before->type->name, upcaster->type->name);
		if (order < 0 || (order == 0 && before->from_version < upcaster->from_version))
			break;
		choice->list[at] = choice->list[at - 1];
	}
	choice->list[at] = upcaster;
}

static void upcast_describe(struct skafu__buf *out, const struct skafu__upcaster *upcaster)
{
	skafu__buf_put(out, upcaster->type->name, strlen(upcaster->type->name) + 1);
	skafu__buf_put_u32(out, upcaster->from_version);
	skafu__buf_put_u32(out, upcaster->revision);
	skafu__buf_put_u32(out, upcaster->target_count);
	for (uint32_t i = 0; i < upcaster->target_count; i++) {
		const char *name = upcaster->targets[i].type->name;
		skafu__buf_put(out, name, strlen(name) + 1);
		skafu__buf_put_u32(out, upcaster->targets[i].version);
	}
}

static int32_t upcast_hash(const struct skafu__registry *registry, const struct upcast_choice *choice,
			   uint8_t out[16], skafu_error *error)
{
	static const char purpose[] = "skafu upcasters 1";
	struct skafu__buf text;
	skafu__buf_init(&text, registry->sys, SIZE_MAX);
	for (uint32_t i = 0; i < choice->found; i++)
		upcast_describe(&text, choice->list[i]);
	int32_t rc = text.failed ? skafu__fail_memory(error) : 0;
	const struct skafu__part parts[] = {{purpose, sizeof purpose}, {text.bytes, text.length}};
	if (rc == 0)
		skafu__blake2b(out, 16, parts, 2);
	skafu__buf_done(&text);
	return rc;
}

int32_t skafu__upcast_fingerprint(const struct skafu__registry *registry, const char *const *types, size_t count,
				  uint8_t out[16], skafu_error *error)
{
	struct upcast_choice choice = {.types = types, .count = count};
	choice.list = skafu__alloc_zeroed(registry->sys, registry->upcaster_count, sizeof *choice.list);
	if (!choice.list)
		return skafu__fail_memory(error);
	for (const struct skafu__type *type = registry->types; type; type = type->next)
		for (struct skafu__upcaster *each = type->upcasters; each; each = each->next)
			if (upcast_leads_to(each, &choice))
				upcast_insert(&choice, each);
	int32_t rc = upcast_hash(registry, &choice, out, error);
	skafu__free(registry->sys, choice.list);
	return rc;
}

/* ---- the lens ------------------------------------------------------------------------------------------------ */

/* One form that an upcaster added; its data follow it. */
struct skafu__lens_form {
	struct skafu__lens_form *next; /* of the lens, in no order */
	struct skafu__lens_form *then; /* the next one that the same upcaster added */
	skafu_record record;
	uint8_t data[];
};

/* What an upcaster is given to add to. */
struct skafu_upcast {
	struct skafu__lens *lens;
	const struct skafu__upcaster *upcaster; /* NULL: a mask, which may add anything */
	const skafu_record *from;
	struct skafu__lens_form *first;
	struct skafu__lens_form **last;
	uint32_t added;
	int32_t failed;
};

void skafu__lens_init(struct skafu__lens *lens, const struct skafu__registry *registry)
{
	memset(lens, 0, sizeof *lens);
	lens->registry = registry;
}

static void lens_forget(struct skafu__lens *lens)
{
	while (lens->forms) {
		struct skafu__lens_form *form = lens->forms;
		lens->forms = form->next;
		skafu__free(lens->registry->sys, form);
	}
	lens->count = 0;
}

void skafu__lens_done(struct skafu__lens *lens)
{
	if (!lens->registry)
		return;
	lens_forget(lens);
	skafu__free(lens->registry->sys, lens->shown);
	lens->shown = NULL;
	lens->room = 0;
}

static const struct upcast_target *lens_target(const struct skafu__upcaster *upcaster, const char *type,
					       uint32_t version)
{
	for (uint32_t i = 0; i < upcaster->target_count; i++)
		if (upcaster->targets[i].version == version && strcmp(upcaster->targets[i].type->name, type) == 0)
			return &upcaster->targets[i];
	return NULL;
}

/* A payload that was JSON stays strict JSON. */
static int32_t lens_check_data(const struct skafu_upcast *out, const void *data, size_t length, skafu_error *error)
{
	struct skafu__json_fault fault;
	if (length > UINT32_MAX || (length != 0 && !data))
		return skafu__fail(error, SKAFU_EINVAL, "the data of an upcast event is NULL or too long");
	if (!(out->from->flags & SKAFU_RECORD_IS_JSON))
		return 0;
	int32_t rc = skafu__json_check(out->lens->registry->sys, data, length, SKAFU__JSON_DEPTH_MAX, &fault);
	if (rc == SKAFU_ENOMEM)
		return skafu__fail_memory(error);
	if (rc != 0)
		return skafu__fail(error, SKAFU_EJSON, "the %s of %s made data that are not strict JSON: at byte "
				   "%zu, %s", out->upcaster ? "upcaster" : "mask", out->from->type, fault.offset,
				   fault.reason);
	return 0;
}

/* Who copies records for longer than a look lets the names of types be: they are the model's where it knows them. */
static const char *lens_type_name(const struct skafu__lens *lens, const char *type)
{
	const struct skafu__type *known = skafu__registry_type(lens->registry, type);
	return known ? known->name : NULL;
}

static int32_t lens_add(struct skafu_upcast *out, const char *type, uint32_t version, const void *data,
			size_t length, skafu_error *error)
{
	struct skafu__lens *lens = out->lens;
	size_t type_length = strlen(type);
	struct skafu__lens_form *form = skafu__alloc(lens->registry->sys, sizeof *form + length + type_length + 1);
	if (!form)
		return skafu__fail_memory(error);
	form->record = *out->from;
	form->record.type = lens_type_name(lens, type);
	if (!form->record.type)
		form->record.type = memcpy(form->data + length, type, type_length + 1);
	form->record.event_version = version;
	form->record.data = form->data;
	form->record.data_length = (uint32_t)length;
	if (length != 0)
		memcpy(form->data, data, length);
	form->then = NULL;
	form->next = lens->forms;
	lens->forms = form;
	*out->last = form;
	out->last = &form->then;
	out->added++;
	return 0;
}

int32_t skafu_upcast_add(skafu_upcast *out, const char *type, uint32_t event_version, const void *data,
			 size_t data_length, skafu_error *error)
{
	static const char empty[] = "{}";
	if (!out || !type)
		return skafu__fail(error, SKAFU_EINVAL, "the place to add to, or the type, is NULL");
	int32_t rc = 0;
	if (out->upcaster && !lens_target(out->upcaster, type, event_version))
		rc = skafu__fail(error, SKAFU_EDEFINITION, "the upcaster of %s adds %s %u.%u, which its definition "
				 "does not name", out->upcaster->type->name, type, upcast_major(event_version),
				 upcast_minor(event_version));
	else if (out->added == UPCAST_FORMS_MAX)
		rc = skafu__fail(error, SKAFU_ELIMIT, "the upcaster of %s adds more than %u events",
				 out->from->type, UPCAST_FORMS_MAX);
	if (rc == 0 && data_length == 0 && (out->from->flags & SKAFU_RECORD_IS_JSON)) {
		data = empty;
		data_length = sizeof empty - 1;
	}
	if (rc == 0)
		rc = lens_check_data(out, data, data_length, error);
	if (rc == 0)
		rc = lens_add(out, type, event_version, data, data_length, error);
	if (rc != 0)
		out->failed = rc;
	return rc;
}

static int32_t lens_show(struct skafu__lens *lens, const skafu_record *record, skafu_error *error)
{
	if (lens->count == UPCAST_FORMS_MAX)
		return skafu__fail(error, SKAFU_ELIMIT, "record %llu is upcast to more than %u events",
				   (unsigned long long)record->sequence, UPCAST_FORMS_MAX);
	if (lens->count == lens->room) {
		uint32_t room = lens->room ? lens->room * 2 : 8;
		const skafu_record **grown =
			skafu__realloc_array(lens->registry->sys, lens->shown, room, sizeof *lens->shown);
		if (!grown)
			return skafu__fail_memory(error);
		lens->shown = grown;
		lens->room = room;
	}
	lens->shown[lens->count++] = record;
	return 0;
}

static int32_t lens_run(const struct skafu__upcaster *upcaster, struct skafu_upcast *out, skafu_error *error)
{
	struct skafu_error own = {0};
	out->upcaster = upcaster;
	out->last = &out->first;
	if (!upcaster->upcast)
		return 0;
	int32_t rc = upcaster->upcast(upcaster->user, out->from, out, &own);
	if (rc >= 0 && out->failed == 0)
		return 0;
	if (rc >= 0)
		rc = out->failed;
	if (own.code == 0)
		skafu__fail(&own, rc, "the upcaster of %s failed on record %llu", upcaster->type->name,
			    (unsigned long long)out->from->sequence);
	skafu__error_set_hosts(&own);
	return skafu__error_copy(error, &own, rc);
}

int32_t skafu__lens_mask(struct skafu__lens *lens, skafu_upcast_fn mask, void *user, const skafu_record *record,
			 skafu_error *error)
{
	struct skafu_error own = {0};
	struct skafu_upcast out = {.lens = lens, .from = record};
	uint32_t ordinal = 0;
	out.last = &out.first;
	lens_forget(lens);
	int32_t rc = mask(user, record, &out, &own);
	if (rc >= 0)
		rc = out.failed;
	if (rc < 0 && own.code == 0)
		skafu__fail(&own, rc, "the mask failed on record %llu", (unsigned long long)record->sequence);
	if (rc < 0)
		return skafu__error_copy(error, &own, rc);
	for (struct skafu__lens_form *form = out.first; rc == 0 && form; form = form->then) {
		form->record.reserved = ordinal++;
		rc = lens_show(lens, &form->record, error);
	}
	return rc ? rc : (int32_t)lens->count;
}

/* A version that no definition knows: newer than ours, or older with nothing that leads on. */
static int32_t lens_check_version(const struct skafu__type *type, const skafu_record *record, skafu_error *error)
{
	int32_t rc = 0;
	if (!type->domain || record->event_version == type->version)
		return 0;
	if (record->event_version > type->version)
		rc = skafu__fail(error, SKAFU_ENEWER, "record %llu is %s %u.%u, and this program knows it up to "
				 "%u.%u; run a newer program", (unsigned long long)record->sequence, type->name,
				 upcast_major(record->event_version), upcast_minor(record->event_version),
				 upcast_major(type->version), upcast_minor(type->version));
	else if (upcast_major(record->event_version) != upcast_major(type->version))
		rc = skafu__fail(error, SKAFU_EDEFINITION, "record %llu is %s %u.%u, and no upcaster leads from "
				 "there to %u.%u; add one", (unsigned long long)record->sequence, type->name,
				 upcast_major(record->event_version), upcast_minor(record->event_version),
				 upcast_major(type->version), upcast_minor(type->version));
	if (rc != 0)
		skafu__error_set_sequence(error, record->sequence);
	return rc;
}

/* The graph has no cycles, so this ends; it is as deep as the longest chain. */
static int32_t lens_pass(struct skafu__lens *lens, const skafu_record *record, skafu_error *error)
{
	const struct skafu__type *type = skafu__registry_type(lens->registry, record->type);
	const struct skafu__upcaster *upcaster = type ? upcast_find(type, record->event_version) : NULL;
	if (!upcaster) {
		int32_t rc = type ? lens_check_version(type, record, error) : 0;
		return rc ? rc : lens_show(lens, record, error);
	}
	struct skafu_upcast out = {.lens = lens, .from = record};
	int32_t rc = lens_run(upcaster, &out, error);
	for (const struct skafu__lens_form *form = out.first; rc == 0 && form; form = form->then)
		rc = lens_pass(lens, &form->record, error);
	return rc;
}

int32_t skafu__lens_look(struct skafu__lens *lens, const skafu_record *stored, skafu_error *error)
{
	lens_forget(lens);
	int32_t rc = lens_pass(lens, stored, error);
	if (rc != 0)
		return rc;
	uint32_t ordinal = 0;
	for (struct skafu__lens_form *form = lens->forms; form; form = form->next)
		form->record.reserved = 0;
	/* Shown forms are ours but for the stored record itself, which is always alone and number 0. */
	for (uint32_t i = 0; i < lens->count; i++)
		if (lens->shown[i] != stored)
			((skafu_record *)(uintptr_t)lens->shown[i])->reserved = ordinal++;
	return (int32_t)lens->count;
}
