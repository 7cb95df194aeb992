/*
 * failrest_test.c: every function of skafu_base.h, skafu_watch.h and of the kit, while the n-th thing that it asks of
 * the machine fails.
 */
#include "fault/callscene.h"
#include "fault/callsrest.h"

int main(void)
{
	return callscene_main("failrest", callsrest_rows, callsrest_count, 5);
}
