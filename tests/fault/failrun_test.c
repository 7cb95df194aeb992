/*
 * failrun_test.c: every public function of skafu_run.h, while the n-th thing that it asks of the machine fails.
 */
#include "fault/callscene.h"
#include "fault/callsrun.h"

int main(void)
{
	return callscene_main("failrun", callsrun_rows, callsrun_count, 29);
}
