#include "store/fold.h"

void skafu__fold_after_append(skafu_store *store)
{
	(void)store;
}
