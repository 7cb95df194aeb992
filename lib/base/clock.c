/*
 * clock.c: times as numbers and as RFC 3339 text.
 *
 * Invariant: every int64_t has a text, and parsing that text gives the same number.  Dates follow the Gregorian
 * calendar throughout; days count from 1970-01-01, years for the calculation begin on 1 March, so that a leap day is
 * the last of its year.
 */
#include "skafu_base.h"

#include "base/sys.h"

#define CLOCK_SECOND_NS INT64_C(1000000000)
#define CLOCK_DAY_SECONDS INT64_C(86400)
#define CLOCK_ERA_DAYS INT64_C(146097)  /* of 400 years, after which the calendar repeats */
#define CLOCK_EPOCH_DAYS INT64_C(719468) /* from 0000-03-01 to 1970-01-01 */

struct clock_fields {
	int64_t year;
	int64_t month;
	int64_t day;
	int64_t hour;
	int64_t minute;
	int64_t second;
	int64_t nanosecond;
	int64_t offset_minutes;
};

int64_t skafu_time_now(void)
{
	return skafu__sys_current()->wall_ns();
}

/* Rounds down, where C rounds towards zero. */
static int64_t clock_floor(int64_t value, int64_t by)
{
	return value / by - (value % by < 0);
}

/* Days of the date; the year is 0 to 9999. */
static int64_t clock_days(int64_t year, int64_t month, int64_t day)
{
	int64_t march_year = month > 2 ? year : year - 1;
	int64_t march_month = month > 2 ? month - 3 : month + 9;
	int64_t era = clock_floor(march_year, 400);
	int64_t year_of_era = march_year - era * 400;
	int64_t day_of_year = (153 * march_month + 2) / 5 + day - 1;
	int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

	return era * CLOCK_ERA_DAYS + day_of_era - CLOCK_EPOCH_DAYS;
}

static void clock_date(int64_t days, struct clock_fields *out)
{
	int64_t shifted = days + CLOCK_EPOCH_DAYS;
	int64_t era = clock_floor(shifted, CLOCK_ERA_DAYS);
	int64_t day_of_era = shifted - era * CLOCK_ERA_DAYS;
	/* Take out the leap days: one in 4 years, none in 100, one in 400. */
	int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	int64_t march_month = (5 * day_of_year + 2) / 153;

	out->day = day_of_year - (153 * march_month + 2) / 5 + 1;
	out->month = march_month < 10 ? march_month + 3 : march_month - 9;
	out->year = year_of_era + era * 400 + (out->month <= 2);
}

/* ---- to text ------------------------------------------------------------------------------------------------- */

static char *clock_put(char *at, int64_t value, int digits)
{
	for (int i = digits - 1; i >= 0; i--) {
		at[i] = (char)('0' + value % 10);
		value /= 10;
	}
	return at + digits;
}

static char *clock_put_fraction(char *at, int64_t nanosecond)
{
	if (nanosecond == 0)
		return at;
	*at++ = '.';
	if (nanosecond % 1000000 == 0)
		return clock_put(at, nanosecond / 1000000, 3);
	if (nanosecond % 1000 == 0)
		return clock_put(at, nanosecond / 1000, 6);
	return clock_put(at, nanosecond, 9);
}

void skafu_time_format(int64_t time_ns, char out_text[31])
{
	int64_t seconds = clock_floor(time_ns, CLOCK_SECOND_NS);
	int64_t days = clock_floor(seconds, CLOCK_DAY_SECONDS);
	int64_t rest = seconds - days * CLOCK_DAY_SECONDS;
	struct clock_fields fields = {0};
	char *at = out_text;

	if (!out_text)
		return;
	clock_date(days, &fields);
	at = clock_put(at, fields.year, 4);
	*at++ = '-';
	at = clock_put(at, fields.month, 2);
	*at++ = '-';
	at = clock_put(at, fields.day, 2);
	*at++ = 'T';
	at = clock_put(at, rest / 3600, 2);
	*at++ = ':';
	at = clock_put(at, rest / 60 % 60, 2);
	*at++ = ':';
	at = clock_put(at, rest % 60, 2);
	/* The remainder as C gives it is negative before 1970. */
	at = clock_put_fraction(at, (time_ns % CLOCK_SECOND_NS + CLOCK_SECOND_NS) % CLOCK_SECOND_NS);
	*at++ = 'Z';
	*at = '\0';
}

/* ---- from text ----------------------------------------------------------------------------------------------- */

static int clock_is_digit(char character)
{
	return character >= '0' && character <= '9';
}

/* Exactly `digits` digits; the place behind them, or NULL, which every step hands on.  Stops at a NUL. */
static const char *clock_take(const char *at, int digits, int64_t *out)
{
	*out = 0;
	for (int i = 0; at && i < digits; i++) {
		if (!clock_is_digit(*at))
			return NULL;
		*out = *out * 10 + (*at++ - '0');
	}
	return at;
}

static const char *clock_expect(const char *at, char upper, char lower)
{
	return at && (*at == upper || *at == lower) ? at + 1 : NULL;
}

static const char *clock_take_fraction(const char *at, int64_t *out_ns)
{
	int64_t scale = CLOCK_SECOND_NS;

	*out_ns = 0;
	if (!at || *at != '.')
		return at;
	for (at++; clock_is_digit(*at) && scale > 1; at++) {
		scale /= 10;
		*out_ns += (*at - '0') * scale;
	}
	return scale == CLOCK_SECOND_NS || clock_is_digit(*at) ? NULL : at;
}

static const char *clock_take_offset(const char *at, int64_t *out_minutes)
{
	int64_t hours = 0;
	int64_t minutes = 0;
	int west;

	*out_minutes = 0;
	if (!at || *at == 'Z' || *at == 'z')
		return at ? at + 1 : NULL;
	if (*at != '+' && *at != '-')
		return NULL;
	west = *at == '-';
	at = clock_take(at + 1, 2, &hours);
	at = clock_expect(at, ':', ':');
	at = clock_take(at, 2, &minutes);
	if (hours > 23 || minutes > 59)
		return NULL;
	*out_minutes = (hours * 60 + minutes) * (west ? -1 : 1);
	return at;
}

static int clock_read(const char *text, struct clock_fields *out)
{
	const char *at = clock_take(text, 4, &out->year);

	at = clock_take(clock_expect(at, '-', '-'), 2, &out->month);
	at = clock_take(clock_expect(at, '-', '-'), 2, &out->day);
	at = clock_take(clock_expect(at, 'T', 't'), 2, &out->hour);
	at = clock_take(clock_expect(at, ':', ':'), 2, &out->minute);
	at = clock_take(clock_expect(at, ':', ':'), 2, &out->second);
	at = clock_take_fraction(at, &out->nanosecond);
	at = clock_take_offset(at, &out->offset_minutes);
	return at && *at == '\0';
}

static int64_t clock_month_days(int64_t year, int64_t month)
{
	static const int8_t lengths[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return lengths[month - 1] + (month == 2 && leap);
}

static int clock_in_range(const struct clock_fields *fields)
{
	return fields->month >= 1 && fields->month <= 12 && fields->day >= 1 &&
	       fields->day <= clock_month_days(fields->year, fields->month) && fields->hour <= 23 &&
	       fields->minute <= 59 && fields->second <= 60;
}

/* A leap second can only be the last one of a month in UTC.  It counts as the second that follows it. */
static int clock_leap_is_right(int64_t seconds_after)
{
	struct clock_fields fields = {0};
	int64_t days = clock_floor(seconds_after, CLOCK_DAY_SECONDS);

	clock_date(days, &fields);
	return seconds_after == days * CLOCK_DAY_SECONDS && fields.day == 1;
}

static int clock_join(int64_t seconds, int64_t nanosecond, int64_t *out_ns)
{
	/* Both parts get the same sign, else the earliest times would overflow on the way. */
	if (seconds < 0 && nanosecond > 0) {
		seconds++;
		nanosecond -= CLOCK_SECOND_NS;
	}
	return !__builtin_mul_overflow(seconds, CLOCK_SECOND_NS, &seconds) &&
	       !__builtin_add_overflow(seconds, nanosecond, out_ns);
}

int32_t skafu_time_parse(const char *text, int64_t *out_time_ns)
{
	struct clock_fields fields = {0};
	int64_t seconds;
	int64_t time_ns;

	if (!text || !out_time_ns || !clock_read(text, &fields) || !clock_in_range(&fields))
		return SKAFU_EINVAL;
	seconds = clock_days(fields.year, fields.month, fields.day) * CLOCK_DAY_SECONDS + fields.hour * 3600 +
		  (fields.minute - fields.offset_minutes) * 60 + fields.second;
	if (fields.second == 60 && !clock_leap_is_right(seconds))
		return SKAFU_EINVAL;
	if (!clock_join(seconds, fields.nanosecond, &time_ns))
		return SKAFU_EINVAL;
	*out_time_ns = time_ns;
	return SKAFU_OK;
}
