#include "run/name.h"

#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "run/checkpoint.h"

int32_t skafu__run_name_check(const skafu_model *model, const char *name, const char *kind, skafu_error *error)
{
	static const char *const kinds[] = {"projection", "reaction", "process"};
	size_t length;
	int32_t rc = skafu__name_measure(name, SKAFU__CONSUMER_NAME_BYTES_MAX, "consumer", &length, error);
	if (rc != 0)
		return rc;
	if (strncmp(name, "domain:", 7) == 0 || strncmp(name, "skafu.", 6) == 0)
		return skafu__fail(error, SKAFU_EDEFINITION,
				   "the name %s begins with \"domain:\" or \"skafu.\", which "
				   "the library keeps for itself; choose another one",
				   name);
	for (size_t i = 0; model && i < sizeof kinds / sizeof *kinds; i++)
		if (strcmp(kinds[i], kind) != 0 && skafu__model_component(model, kinds[i], name))
			return skafu__fail(error, SKAFU_EDEFINITION, "there is a %s %s already, so a %s cannot have "
					   "that name; choose another one", kinds[i], name, kind);
	return 0;
}
