/*
 * state_test.c: the two records of the meta table: layout, round trip, every flipped bit, versions and features.
 */
#include "store/state.h"

#include <string.h>

#include "base/bytes.h"
#include "codec/crc32c.h"
#include "store/tempstore.h"

static struct skafu__format a_format(void)
{
	struct skafu__format format = {.features_compatible = 0x70, .birth = {1}, .incarnation = {2},
				       .hash_key = {3}, .created_ns = -44, .fan_in = 16};

	return format;
}

static int32_t decode(const uint8_t *bytes, size_t length, struct skafu__format *out)
{
	int read_only = -1;

	return skafu__format_decode(bytes, length, out, &read_only, fault);
}

static void reseal(uint8_t bytes[SKAFU__FORMAT_BYTES])
{
	skafu__store_u32(bytes + 108, skafu__crc32c(0, bytes, 108));
}

START_TEST(format_comes_back)
{
	struct skafu__format format = a_format();
	struct skafu__format back;
	uint8_t bytes[SKAFU__FORMAT_BYTES];
	int read_only = -1;

	skafu__format_encode(&format, bytes);
	ck_assert_mem_eq(bytes, "SKAFULOG\1\0\0\0\0\x10\0\0", 16);
	went(skafu__format_decode(bytes, sizeof bytes, &back, &read_only, fault));
	ck_assert_int_eq(read_only, 0);
	ck_assert_uint_eq(back.features_compatible, 0x70); /* those may be ignored */
	ck_assert_int_eq(back.created_ns, -44);
	ck_assert_uint_eq(back.fan_in, 16);
	ck_assert_uint_eq(skafu__load_u64(bytes + 24), 1); /* an older library must not write */
	ck_assert(back.birth[0] == 1 && back.incarnation[0] == 2 && back.hash_key[0] == 3);
}
END_TEST

START_TEST(every_flipped_bit_is_found)
{
	struct skafu__format format = a_format();
	struct skafu__format back = {.created_ns = 99};
	uint8_t bytes[SKAFU__FORMAT_BYTES];

	skafu__format_encode(&format, bytes);
	for (size_t bit = 0; bit < sizeof bytes * 8; bit++) {
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		refused(bit < 64 ? SKAFU_EFOREIGN : bit < 96 ? SKAFU_ENEWER : SKAFU_EDAMAGED,
			decode(bytes, sizeof bytes, &back));
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	ck_assert_int_eq(back.created_ns, 99);
	for (size_t length = 0; length < sizeof bytes; length++)
		refused(length < 12 ? SKAFU_EFOREIGN : SKAFU_EDAMAGED, decode(bytes, length, &back));
}
END_TEST

START_TEST(other_worlds_are_named)
{
	struct skafu__format format = a_format();
	struct skafu__format back;
	uint8_t bytes[SKAFU__FORMAT_BYTES];
	int read_only = 0;

	skafu__format_encode(&format, bytes);
	skafu__store_u32(bytes + 8, 2);
	reseal(bytes);
	refused(SKAFU_ENEWER, decode(bytes, sizeof bytes, &back));
	message_names("version 2");
	skafu__store_u32(bytes + 8, 1);
	skafu__store_u32(bytes + 12, 16384);
	reseal(bytes);
	refused(SKAFU_EUNSUPPORTED, decode(bytes, sizeof bytes, &back));
	message_names("16384");
	format.features_incompatible = 0x100;
	skafu__format_encode(&format, bytes);
	refused(SKAFU_ENEWER, decode(bytes, sizeof bytes, &back));
	message_names("0x100");
	format.features_incompatible = 0;
	format.features_read_only = 2;
	skafu__format_encode(&format, bytes);
	went(skafu__format_decode(bytes, sizeof bytes, &back, &read_only, fault));
	ck_assert_int_eq(read_only, 1);
}
END_TEST

START_TEST(a_fan_in_of_8_goes_without_saying)
{
	static const uint32_t bad[] = {1, 65, UINT32_MAX};
	struct skafu__format format = a_format();
	struct skafu__format back;
	uint8_t bytes[SKAFU__FORMAT_BYTES];
	int read_only = 1;

	for (uint32_t i = 0; i < 2; i++) {
		format.fan_in = i * 8;
		skafu__format_encode(&format, bytes);
		ck_assert(skafu__load_u64(bytes + 24) == 0 && skafu__load_u32(bytes + 104) == 0);
		went(skafu__format_decode(bytes, sizeof bytes, &back, &read_only, fault));
		ck_assert(back.fan_in == 8 && read_only == 0);
	}
	for (uint32_t i = 0; i < 3; i++) {
		skafu__store_u32(bytes + 104, bad[i]);
		reseal(bytes);
		refused(SKAFU_EDAMAGED, decode(bytes, sizeof bytes, &back));
	}
}
END_TEST

START_TEST(index_state_comes_back)
{
	struct skafu__index_state state;
	struct skafu__index_state back;
	uint8_t bytes[SKAFU__INDEX_BYTES];

	memset(&state, 0, sizeof state);
	state.sequence = 1;
	state.commit = 2;
	state.generation = 3;
	state.chained_commit = 5;
	state.chained_sequence = 6;
	memset(state.chain, 0xab, sizeof state.chain);
	skafu__index_state_encode(&state, bytes);
	ck_assert_uint_eq(skafu__load_u64(bytes + 8), 1);
	ck_assert_uint_eq(skafu__load_u64(bytes + 40), 5);
	memset(&back, 0, sizeof back);
	went(skafu__index_state_decode(bytes, sizeof bytes, &back, fault));
	ck_assert_mem_eq(&back, &state, sizeof back);
	back.sequence = 99;
	for (size_t bit = 0; bit < sizeof bytes * 8; bit++) {
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		refused(SKAFU_EDAMAGED, skafu__index_state_decode(bytes, sizeof bytes, &back, fault));
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	for (size_t length = 0; length < sizeof bytes; length++)
		refused(SKAFU_EDAMAGED, skafu__index_state_decode(bytes, length, &back, fault));
	ck_assert_uint_eq(back.sequence, 99);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_test(tests, format_comes_back);
	tcase_add_test(tests, every_flipped_bit_is_found);
	tcase_add_test(tests, other_worlds_are_named);
	tcase_add_test(tests, a_fan_in_of_8_goes_without_saying);
	tcase_add_test(tests, index_state_comes_back);
}

int main(void)
{
	return tempstore_main("state", add);
}
