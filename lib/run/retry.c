#include "run/retry.h"

#include "base/error.h"
#include "base/opts.h"

#define RETRY_ATTEMPTS_MAX 5u
#define RETRY_DELAY_NS UINT64_C(100000000)
#define RETRY_DELAY_NS_MAX UINT64_C(60000000000)
#define RETRY_LONGEST_NS (UINT64_C(1) << 60)

int32_t skafu__retry_read(const skafu_retry_policy *given, skafu_retry_policy *out, skafu_error *error)
{
	skafu_retry_policy policy;
	int32_t rc = skafu__opts_read(&policy, sizeof policy, given, "skafu_retry_policy", error);
	if (rc != 0)
		return rc;
	if (policy.backoff > SKAFU_BACKOFF_CONSTANT)
		return skafu__fail(error, SKAFU_EINVAL, "a retry policy has the backoff %u, which is no "
				   "SKAFU_BACKOFF_", policy.backoff);
	if (policy.then > SKAFU_THEN_HALT)
		return skafu__fail(error, SKAFU_EINVAL, "a retry policy ends with %u, which is no SKAFU_THEN_",
				   policy.then);
	if (policy.jitter_percent > 100)
		return skafu__fail(error, SKAFU_EINVAL, "a retry policy has a jitter of %u %%; at most 100 are "
				   "possible", policy.jitter_percent);
	if (policy.reserved != 0)
		return skafu__fail(error, SKAFU_EOPTION, "the member reserved of a retry policy is not 0");
	if (policy.attempts_max == 0)
		policy.attempts_max = RETRY_ATTEMPTS_MAX;
	if (policy.delay_ns == 0)
		policy.delay_ns = RETRY_DELAY_NS;
	if (policy.delay_ns_max == 0)
		policy.delay_ns_max = RETRY_DELAY_NS_MAX;
	policy.size = sizeof policy;
	*out = policy;
	return 0;
}

int64_t skafu__retry_delay(const skafu_retry_policy *policy, uint32_t attempts, uint64_t random)
{
	uint64_t delay = policy->delay_ns;
	uint64_t longest = policy->delay_ns_max < RETRY_LONGEST_NS ? policy->delay_ns_max : RETRY_LONGEST_NS;
	if (attempts >= policy->attempts_max)
		return -1;
	for (uint32_t i = 1; policy->backoff == SKAFU_BACKOFF_EXPONENTIAL && i < attempts && delay < longest; i++)
		delay *= 2;
	if (delay > longest)
		delay = longest;
	uint64_t shortest = delay / 100 * (100 - policy->jitter_percent);
	return (int64_t)(delay - (delay > shortest ? random % (delay - shortest + 1) : 0));
}
