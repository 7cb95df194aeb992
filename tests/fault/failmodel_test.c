/*
 * failmodel_test.c: every public function of skafu_model.h, while the n-th thing that it asks of the machine fails.
 */
#include "fault/callscene.h"
#include "fault/callsmodel.h"

int main(void)
{
	return callscene_main("failmodel", callsmodel_rows, callsmodel_count, 7);
}
