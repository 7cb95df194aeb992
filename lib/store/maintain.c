#include "skafu_store.h"

#include "store/store.h"

int32_t skafu_store_maintain(skafu_store *store, uint64_t budget_ns, skafu_error *error)
{
	(void)budget_ns;
	return skafu__store_check(store, error);
}
