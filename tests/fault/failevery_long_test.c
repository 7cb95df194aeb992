/*
 * failevery_long_test.c: what failmodel_test, failrun_test and failrest_test sample, with no site left out.
 */
#include "fault/callscene.h"
#include "fault/callsmodel.h"
#include "fault/callsrest.h"
#include "fault/callsrun.h"

int main(void)
{
	int failed = callscene_main("failmodel", callsmodel_rows, callsmodel_count, 1);

	failed |= callscene_main("failrest", callsrest_rows, callsrest_count, 1);
	failed |= callscene_main("failrun", callsrun_rows, callsrun_count, 1);
	return failed;
}
