/*
 * template.c: template-management.  Templates are folders in the blobs; what is uploaded is validated, what is valid
 * can be selected, and what is selected is rendered into the folder of its project.
 *
 *   UploadTemplate   TemplateUploaded --> TemplateValidated or TemplateInvalidated
 *   ProjectCreated --> SelectTemplate   TemplateSelected --> TemplateRendered or TemplateRenderingFailed
 *   DeleteTemplate   TemplateDeleted
 *   DiscardRendering RenderingDiscarded --> the folder goes to HOME/discarded: nothing of anybody's work is deleted
 */
#include "domains.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "files.h"
#include "render.h"

static const char *const events[] = {"TemplateUploaded",   "TemplateValidated",       "TemplateInvalidated",
				     "TemplateSelected",   "TemplateRendered",        "TemplateDeleted",
				     "RenderingDiscarded", "TemplateRenderingFailed", NULL};

/* ---- one template: its stream is "template/NAME" ---- */

struct template_state {
	char blob[BLOB_NAME_BYTES]; /* the last one that was uploaded */
	char valid_blob[BLOB_NAME_BYTES];
	char version[32]; /* of the valid one */
};

static int32_t template_evolve(void *user, void *state, const skafu_record *event, skafu_error *error)
{
	struct template_state *template = state;

	(void)user;
	(void)error;
	if (strcmp(event->type, "TemplateUploaded") == 0)
		record_get(event, "/blob", template->blob, sizeof template->blob);
	if (strcmp(event->type, "TemplateDeleted") == 0)
		memset(template, 0, sizeof *template);
	if (strcmp(event->type, "TemplateValidated") != 0)
		return SKAFU_OK;
	record_get(event, "/blob", template->valid_blob, sizeof template->valid_blob);
	record_get(event, "/version", template->version, sizeof template->version);
	return SKAFU_OK;
}

static int32_t upload(const skafu_command *command, const struct template_state *template, skafu_turn *turn,
		      skafu_error *error)
{
	char blob[BLOB_NAME_BYTES];
	struct json data = {.rc = SKAFU_OK};

	json_get(command->data, command->data_length, "/blob", blob, sizeof blob);
	if (strcmp(blob, template->blob) == 0)
		return skafu_turn_refuse(turn, "UNCHANGED", "This content of the template is there already", error);
	json_raw(&data, NULL, command->data, command->data_length);
	return domain_emit(turn, "TemplateUploaded", NULL, NULL, &data, error);
}

static int32_t refuse_unknown(const skafu_command *command, skafu_turn *turn, skafu_error *error)
{
	char name[128];
	char sentence[256];

	snprintf(sentence, sizeof sentence, "There is no valid template \"%s\"",
		 json_get(command->data, command->data_length, "/template", name, sizeof name));
	return skafu_turn_refuse(turn, "TEMPLATE_NOT_FOUND", sentence, error);
}

/* The command carries what is to be rendered; which content that is, is decided here and for good. */
static int32_t choose(const skafu_command *command, const struct template_state *template, skafu_turn *turn,
		      skafu_error *error)
{
	struct json data = {.rc = SKAFU_OK};
	char project[64];
	char stream[320];

	if (template->valid_blob[0] == '\0')
		return refuse_unknown(command, turn, error);
	data.rc = text_add(&data.text, command->data, command->data_length - 1); /* all but the closing bracket */
	json_text(&data, "version", template->version);
	json_text(&data, "blob", template->valid_blob);
	json_close(&data, '}');
	json_get(command->data, command->data_length, "/project", project, sizeof project);
	return domain_emit(turn, "TemplateSelected", domain_stream(stream, "rendering", project), project, &data,
			   error);
}

static int32_t template_decide(void *user, const skafu_command *command, const void *state, skafu_turn *turn,
			       skafu_error *error)
{
	const struct template_state *template = state;
	struct json data = {.rc = SKAFU_OK};

	(void)user;
	if (strcmp(command->type, "UploadTemplate") == 0)
		return upload(command, template, turn, error);
	if (strcmp(command->type, "SelectTemplate") == 0)
		return choose(command, template, turn, error);
	if (template->blob[0] == '\0')
		return refuse_unknown(command, turn, error);
	json_raw(&data, NULL, command->data, command->data_length);
	return domain_emit(turn, "TemplateDeleted", NULL, NULL, &data, error);
}

static int32_t discard_decide(void *user, const skafu_command *command, const void *state, skafu_turn *turn,
			      skafu_error *error)
{
	struct json data = {.rc = SKAFU_OK};
	char project[64];

	(void)user;
	(void)state;
	json_get(command->data, command->data_length, "/project", project, sizeof project);
	json_raw(&data, NULL, command->data, command->data_length);
	return domain_emit(turn, "RenderingDiscarded", NULL, project, &data, error);
}

/* ---- validation ---- */

static int32_t tell_validity(skafu_turn *turn, const skafu_record *event, const struct faults *faults,
			     skafu_error *error)
{
	static const char *const names[] = {"template", "version", "blob", "description", NULL};
	struct json data = {.rc = SKAFU_OK};

	json_open(&data, NULL, '{');
	domain_copy(&data, event, names);
	if (faults->count > 0) {
		json_number(&data, "faultCount", (int64_t)faults->count);
		json_open(&data, "faults", '[');
		for (size_t i = 0; i < faults->kept && i < 20; i++) {
			json_open(&data, NULL, '{');
			json_text(&data, "where", faults->items[i].where);
			json_number(&data, "line", (int64_t)faults->items[i].line);
			json_text(&data, "text", faults->items[i].text);
			json_close(&data, '}');
		}
		json_close(&data, ']');
	}
	json_close(&data, '}');
	return domain_emit(turn, faults->count > 0 ? "TemplateInvalidated" : "TemplateValidated", event->stream, NULL,
			   &data, error);
}

static int32_t validate(void *user, const skafu_record *event, skafu_turn *turn, skafu_error *error)
{
	const struct world *world = user;
	struct faults faults = {0};
	char blob[BLOB_NAME_BYTES];
	char folder[1200];
	int32_t rc;

	domain_scratch(world, event->id, "template", folder, sizeof folder);
	rc = blob_get_folder(world->blobs, record_get(event, "/blob", blob, sizeof blob), folder, error);
	if (rc == SKAFU_OK)
		rc = render_validate(folder, &faults, error);
	if (rc == SKAFU_OK)
		rc = tell_validity(turn, event, &faults, error);
	files_remove(folder);
	faults_free(&faults);
	return rc;
}

/* ---- selection: the shelf of templates decides ---- */

static int32_t ask_for_template(void *user, const skafu_record *event, skafu_turn *turn, skafu_error *error)
{
	static const char *const names[] = {"template", "into", "deadline", NULL};
	struct json data = {.rc = SKAFU_OK};
	const char *variables;
	size_t length;
	char name[128];
	char stream[320];

	(void)user;
	json_open(&data, NULL, '{');
	json_text(&data, "project", record_get(event, "/name", name, sizeof name));
	domain_copy(&data, event, names);
	if (skafu_json_find(event->data, event->data_length, "/variables", &variables, &length, NULL) == SKAFU_OK)
		json_raw(&data, "variables", variables, length);
	json_close(&data, '}');
	domain_stream(stream, "template", record_get(event, "/template", name, sizeof name));
	return domain_send(turn, "SelectTemplate", stream, &data, error);
}

/* ---- rendering ---- */

struct rendering {
	const struct world *world;
	cJSON *data;
	struct value values[MANIFEST_VARIABLES];
	struct values all;
	char from[1200]; /* the template as a folder */
	char made[1200]; /* the project, before it is where it shall be */
	char blob[BLOB_NAME_BYTES];
	struct render_report report;
};

static const char *member(const struct rendering *rendering, const char *name)
{
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(rendering->data, name));

	return text != NULL ? text : "";
}

static void take_values(struct rendering *rendering)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(rendering->data, "variables");

	rendering->values[0] = (struct value){"name", member(rendering, "project")};
	rendering->all = (struct values){rendering->values, 1};
	for (item = item != NULL ? item->child : NULL; item != NULL; item = item->next)
		if (cJSON_IsString(item) && rendering->all.count < MANIFEST_VARIABLES)
			rendering->values[rendering->all.count++] = (struct value){item->string, item->valuestring};
}

/* Put the project where it shall be.  After a crash it may be there already: then with this content and no other. */
static int32_t install(struct rendering *rendering, skafu_error *error)
{
	const char *into = member(rendering, "into");
	const char *slash = strrchr(into, '/');
	char above[1024];
	char there[BLOB_NAME_BYTES];
	int32_t rc;

	snprintf(above, sizeof above, "%.*s", slash != NULL ? (int)(slash - into) : 0, into);
	rc = above[0] != '\0' ? files_make_folder(above, error) : SKAFU_OK;
	if (rc == SKAFU_OK)
		rc = blob_get_folder(rendering->world->blobs, rendering->blob, into, error);

	if (rc == SKAFU_EEXISTS &&
	    blob_put_folder(rendering->world->blobs, into, there, NULL) == SKAFU_OK &&
	    strcmp(there, rendering->blob) == 0)
		return SKAFU_OK;
	return rc;
}

static int32_t render(struct rendering *rendering, skafu_error *error)
{
	int32_t rc = blob_get_folder(rendering->world->blobs, member(rendering, "blob"), rendering->from, error);

	if (rc == SKAFU_OK)
		rc = render_project(rendering->from, &rendering->all, rendering->made, &rendering->report, NULL,
				    error);
	if (rc == SKAFU_OK)
		rc = blob_put_folder(rendering->world->blobs, rendering->made, rendering->blob, error);
	return rc == SKAFU_OK ? install(rendering, error) : rc;
}

/* The command that tests such a project, as its manifest says. */
static void tell_test(struct json *data, const char *folder)
{
	struct manifest *manifest = NULL;
	struct faults faults = {0};

	if (manifest_read(folder, &manifest, &faults, NULL) == SKAFU_OK && manifest != NULL) {
		json_open(data, "test", '[');
		for (const char *const *word = manifest_test(manifest); word != NULL && *word != NULL; word++)
			json_text(data, NULL, *word);
		json_close(data, ']');
	}
	manifest_free(manifest);
	faults_free(&faults);
}

static int32_t tell_rendered(const struct rendering *rendering, const skafu_record *event, skafu_turn *turn,
			     skafu_error *error)
{
	static const char *const names[] = {"project", "template", "version", "into", NULL};
	struct json data = {.rc = SKAFU_OK};

	json_open(&data, NULL, '{');
	domain_copy(&data, event, names);
	json_text(&data, "blob", rendering->blob);
	json_number(&data, "files", (int64_t)rendering->report.files);
	json_number(&data, "bytes", (int64_t)rendering->report.bytes);
	tell_test(&data, rendering->from);
	json_close(&data, '}');
	return domain_emit(turn, "TemplateRendered", event->stream, member(rendering, "project"), &data, error);
}

static int32_t tell_failed(skafu_turn *turn, const skafu_record *event, const char *project, const char *code,
			   const char *message, skafu_error *error)
{
	struct json data = {.rc = SKAFU_OK};

	json_open(&data, NULL, '{');
	json_text(&data, "project", project);
	json_text(&data, "code", code);
	json_text(&data, "message", message);
	json_close(&data, '}');
	return domain_emit(turn, "TemplateRenderingFailed", event->stream, project, &data, error);
}

/* What will not change by trying again is an event; everything else is left to the retries. */
static int32_t rendering_react(void *user, const skafu_record *event, skafu_turn *turn, skafu_error *error)
{
	struct rendering rendering = {.world = user};
	uint8_t key[16];
	int32_t rc = skafu_effect(turn, "render", key, error);

	if (rc != 1)
		return rc;
	rendering.data = cJSON_ParseWithLength((const char *)event->data, event->data_length);
	if (rendering.data == NULL)
		return failed(error, SKAFU_ENOMEM, "There is no memory for the rendering.");
	take_values(&rendering);
	domain_scratch(rendering.world, key, "from", rendering.from, sizeof rendering.from);
	domain_scratch(rendering.world, key, "made", rendering.made, sizeof rendering.made);
	rc = domain_is_late(event) ? failed(error, SKAFU_EINVAL, "It is too late to render the project.")
				   : render(&rendering, error);
	if (rc == SKAFU_EINVAL || rc == SKAFU_EEXISTS)
		rc = tell_failed(turn, event, member(&rendering, "project"),
				 rc == SKAFU_EEXISTS ? "FOLDER_EXISTS" : "RENDERING_ERROR",
				 skafu_error_message(error), error);
	else if (rc == SKAFU_OK)
		rc = tell_rendered(&rendering, event, turn, error);
	files_remove(rendering.from);
	files_remove(rendering.made);
	cJSON_Delete(rendering.data);
	return rc;
}

/* ---- undoing ---- */

static int32_t discard(void *user, const skafu_record *event, skafu_turn *turn, skafu_error *error)
{
	const struct world *world = user;
	char into[1024];
	char project[64];
	char to[1200];
	uint8_t key[16];
	char id[SKAFU_ID_TEXT_BYTES];
	int32_t rc = skafu_effect(turn, "discard", key, error);

	if (rc != 1)
		return rc;
	skafu_id_format(key, id);
	snprintf(to, sizeof to, "%s/discarded/%s-%s", world->home, record_get(event, "/project", project, 64), id);
	record_get(event, "/into", into, sizeof into);
	/* Gone already, or on another file system: then it stays where it is, for its owner to look at. */
	if (rename(into, to) == 0 || errno == ENOENT || errno == EXDEV)
		return SKAFU_OK;
	return failed_os(error, errno, "%s cannot be moved to %s", into, to);
}

/* ---- the view of all templates: a row of JSON for each ---- */

static int32_t templates_each(void *user, const skafu_record *event, skafu_edit *edit, skafu_error *error)
{
	const char *name = event->stream + strlen("template/");
	struct json row = {.rc = SKAFU_OK};
	int32_t rc;

	(void)user;
	if (strcmp(event->type, "TemplateDeleted") == 0)
		return skafu_edit_delete(edit, NULL, name, strlen(name), error);
	json_open(&row, NULL, '{');
	json_text(&row, "state",
		  strcmp(event->type, "TemplateUploaded") == 0    ? "uploaded"
		  : strcmp(event->type, "TemplateValidated") == 0 ? "valid"
								  : "invalid");
	json_raw(&row, "template", (const char *)event->data, event->data_length);
	json_close(&row, '}');
	rc = row.rc != SKAFU_OK
		     ? failed_text(error, row.rc, "the row of a template")
		     : skafu_edit_put(edit, NULL, name, strlen(name), row.text.bytes, row.text.length, error);
	json_free(&row);
	return rc;
}

/* ---- the definition ---- */

static const struct domain_decider deciders[] = {
	{.name = "template",
	 .commands = {"UploadTemplate", "SelectTemplate", "DeleteTemplate"},
	 .state_bytes = sizeof(struct template_state),
	 .evolve = template_evolve,
	 .decide = template_decide},
	{.name = "rendering", .commands = {"DiscardRendering"}, .decide = discard_decide},
	{.name = NULL}};

static const struct domain_reaction reactions[] = {
	{.name = "template-validation", .types = {"TemplateUploaded"}, .react = validate},
	{.name = "template-selection", .types = {"ProjectCreated"}, .react = ask_for_template},
	{.name = "template-rendering", .types = {"TemplateSelected"}, .react = rendering_react},
	{.name = "template-discarding", .types = {"RenderingDiscarded"}, .react = discard},
	{.name = NULL}};

static const struct domain_view views[] = {
	{.name = "templates",
	 .types = {"TemplateUploaded", "TemplateValidated", "TemplateInvalidated", "TemplateDeleted"},
	 .each = templates_each},
	{.name = NULL}};

int32_t template_define(skafu_model *model, const struct world *world, skafu_error *error)
{
	static const struct domain domain = {.name = TEMPLATE_DOMAIN,
					     .events = events,
					     .deciders = deciders,
					     .reactions = reactions,
					     .views = views};

	return domain_define(model, &domain, world, error);
}
