/*
 * rule_test.c: the pattern language operator by operator, bad arguments, and memory that runs out.
 */
#include "model/rule.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/failing.h"
#include "model/rulekit.h"
#include "util/suite.h"

/* ---- the language -------------------------------------------------------------------------------------------- */

struct meaning {
	const char *pattern;
	const char *event;
	int matches;
};

static const struct meaning exact[] = {
	{"{\"a\":[\"x\"]}", "{\"a\":\"x\"}", 1},
	{"{\"a\":[\"x\"]}", "{\"a\":\"X\"}", 0},
	{"{\"a\":[\"x\",\"y\"]}", "{\"a\":\"y\"}", 1},
	{"{\"a\":[\"x\"]}", "{\"b\":\"x\"}", 0},
	{"{\"a\":[\"x\"]}", "{}", 0},
	{"{\"a\":[\"\"]}", "{\"a\":\"\"}", 1},
	{"{\"a\":[\"\"]}", "{\"a\":null}", 0},
	{"{\"a\":[\"\"]}", "{\"a\":\" \"}", 0},
	{"{\"a\":[null]}", "{\"a\":null}", 1},
	{"{\"a\":[null]}", "{\"a\":\"null\"}", 0},
	{"{\"a\":[null]}", "{}", 0},
	{"{\"a\":[\"null\"]}", "{\"a\":null}", 0},
	{"{\"a\":[true]}", "{\"a\":true}", 1},
	{"{\"a\":[true]}", "{\"a\":false}", 0},
	{"{\"a\":[false]}", "{\"a\":false}", 1},
	{"{\"a\":[\"true\"]}", "{\"a\":true}", 0},
	{"{\"a\":[\"1\"]}", "{\"a\":1}", 0},
	{"{\"a\":[1]}", "{\"a\":\"1\"}", 0},
	{"{\"a\":[1]}", "{\"a\":1.0}", 1},
	{"{\"a\":[1]}", "{\"a\":10e-1}", 1},
	{"{\"a\":[1e2]}", "{\"a\":100}", 1},
	{"{\"a\":[0]}", "{\"a\":-0.000e7}", 1},
	{"{\"a\":[0.1]}", "{\"a\":0.10000000000000000001}", 0},
	{"{\"a\":[9007199254740993]}", "{\"a\":9007199254740992}", 0},
	{"{\"a\":[9007199254740993]}", "{\"a\":9007199254740993.000}", 1},
	{"{\"a\":[-5]}", "{\"a\":-5}", 1},
	{"{\"a\":[-5]}", "{\"a\":5}", 0},
	{"{\"a\":[\"\\u00e9\"]}", "{\"a\":\"\xc3\xa9\"}", 1},
	{"{\"a\":[\"\xc3\xa9\"]}", "{\"\\u0061\":\"\\u00E9\"}", 1},
	{"{\"\\u0061\":[\"\\ud83d\\ude00\"]}", "{\"a\":\"\xf0\x9f\x98\x80\"}", 1},
	{"{\"a\":[\"x\\u0000y\"]}", "{\"a\":\"x\\u0000y\"}", 1},
	{"{\"a\":[\"x\\u0000y\"]}", "{\"a\":\"x\"}", 0},
	{"{\"a\":[\"x\"],\"b\":[1]}", "{\"b\":1,\"a\":\"x\"}", 1},
	{"{\"a\":[\"x\"],\"b\":[1]}", "{\"b\":2,\"a\":\"x\"}", 0},
	{"{\"\":[\"x\"]}", "{\"\":\"x\"}", 1},
	{"{\"a.b\":[\"x\"]}", "{\"a\":{\"b\":\"x\"}}", 0},
	{"{\"a\":[\"x\"]}", " \t\r\n{\"a\":\"x\"} ", 1},
};

static const struct meaning nested[] = {
	{"{\"a\":{\"b\":{\"c\":[1]}}}", "{\"a\":{\"b\":{\"c\":1,\"d\":2}}}", 1},
	{"{\"a\":{\"b\":{\"c\":[1]}}}", "{\"a\":{\"c\":1}}", 0},
	{"{\"a\":{\"b\":[1]}}", "{\"a\":1}", 0},
	{"{\"a\":[1]}", "{\"a\":{\"a\":1}}", 0},
	{"{\"a\":[1]}", "{\"b\":{\"a\":1}}", 0},
	{"{\"a\":{\"b\":[1],\"c\":[2]}}", "{\"a\":{\"b\":1,\"c\":2}}", 1},
	{"{\"a\":{\"b\":[1],\"c\":[2]}}", "{\"a\":{\"b\":1,\"c\":3}}", 0},
	{"{\"a\":[2]}", "{\"a\":[1,2,3]}", 1},
	{"{\"a\":[4]}", "{\"a\":[1,2,3]}", 0},
	{"{\"a\":[4,3]}", "{\"a\":[1,2,3]}", 1},
	{"{\"a\":[1]}", "{\"a\":[]}", 0},
	{"{\"a\":[2]}", "{\"a\":[[1],[[2]]]}", 1},
	{"{\"a\":[2]}", "{\"a\":[{\"a\":2}]}", 0},
	{"{\"a\":{\"b\":[2]}}", "{\"a\":[{\"b\":1},{\"b\":2}]}", 1},
	{"{\"a\":{\"b\":[1],\"c\":[2]}}", "{\"a\":[{\"b\":1,\"c\":1},{\"b\":2,\"c\":2}]}", 0},
	{"{\"a\":{\"b\":[1],\"c\":[2]}}", "{\"a\":[{\"b\":1,\"c\":1},{\"b\":1,\"c\":2}]}", 1},
	{"{\"a\":{\"b\":[1],\"c\":[2]}}", "{\"a\":[7,[{\"b\":1,\"c\":1},{\"b\":1,\"c\":2}]]}", 1},
	{"{\"a\":{\"b\":{\"x\":[1]},\"c\":{\"x\":[2]}}}", "{\"a\":[{\"b\":[{\"x\":0},{\"x\":1}],\"c\":[{\"x\":2}]}]}",
	 1},
	{"{\"a\":{\"b\":{\"x\":[1]},\"c\":{\"x\":[2]}}}", "{\"a\":[{\"b\":[{\"x\":1}]},{\"c\":[{\"x\":2}]}]}", 0},
	{"{\"a\":{\"b\":[1]},\"d\":{\"b\":[2]}}", "{\"a\":[{\"b\":1},{\"b\":3}],\"d\":[{\"b\":3},{\"b\":2}]}", 1},
	{"{\"a\":{\"b\":[1],\"c\":[{\"exists\":false}]}}", "{\"a\":[{\"b\":1,\"c\":1},{\"b\":1}]}", 1},
	{"{\"a\":{\"b\":[1],\"c\":[{\"exists\":false}]}}", "{\"a\":[{\"b\":1,\"c\":1},{\"b\":2}]}", 0},
	{"{\"a\":{\"c\":[{\"exists\":false}]}}", "{\"a\":[{\"c\":1},{\"b\":2}]}", 0},
	{"{\"a\":{\"c\":[{\"exists\":false}]}}", "{\"a\":[{\"d\":1},{\"b\":2}]}", 1},
};

static const struct meaning texts[] = {
	{"{\"a\":[{\"prefix\":\"ab\"}]}", "{\"a\":\"abc\"}", 1},
	{"{\"a\":[{\"prefix\":\"ab\"}]}", "{\"a\":\"ab\"}", 1},
	{"{\"a\":[{\"prefix\":\"ab\"}]}", "{\"a\":\"a\"}", 0},
	{"{\"a\":[{\"prefix\":\"ab\"}]}", "{\"a\":\"xab\"}", 0},
	{"{\"a\":[{\"prefix\":\"1\"}]}", "{\"a\":12}", 0},
	{"{\"a\":[{\"prefix\":\"\"}]}", "{\"a\":\"\"}", 1},
	{"{\"a\":[{\"prefix\":\"\"}]}", "{\"a\":1}", 0},
	{"{\"a\":[{\"prefix\":\"t\"}]}", "{\"a\":true}", 0},
	{"{\"a\":[{\"prefix\":{\"equals-ignore-case\":\"EventB\"}}]}", "{\"a\":\"eventbridge\"}", 1},
	{"{\"a\":[{\"prefix\":{\"equals-ignore-case\":\"eventb\"}}]}", "{\"a\":\"EVENTBRIDGE\"}", 1},
	{"{\"a\":[{\"prefix\":{\"equals-ignore-case\":\"eventb\"}}]}", "{\"a\":\"EVENT\"}", 0},
	{"{\"a\":[{\"suffix\":\".png\"}]}", "{\"a\":\"x.png\"}", 1},
	{"{\"a\":[{\"suffix\":\".png\"}]}", "{\"a\":\".png\"}", 1},
	{"{\"a\":[{\"suffix\":\".png\"}]}", "{\"a\":\"x.PNG\"}", 0},
	{"{\"a\":[{\"suffix\":\".png\"}]}", "{\"a\":\"x.png.\"}", 0},
	{"{\"a\":[{\"suffix\":\".png\"}]}", "{\"a\":\"png\"}", 0},
	{"{\"a\":[{\"suffix\":{\"equals-ignore-case\":\".Png\"}}]}", "{\"a\":\"X.pNG\"}", 1},
	{"{\"a\":[{\"suffix\":{\"equals-ignore-case\":\".Png\"}}]}", "{\"a\":\"X.pNG \"}", 0},
	{"{\"a\":[{\"suffix\":\"\xc3\xa9\"}]}", "{\"a\":\"caf\\u00e9\"}", 1},
	{"{\"a\":[{\"equals-ignore-case\":\"Alice\"}]}", "{\"a\":\"aLICE\"}", 1},
	{"{\"a\":[{\"equals-ignore-case\":\"Alice\"}]}", "{\"a\":\"alices\"}", 0},
	{"{\"a\":[{\"equals-ignore-case\":\"\"}]}", "{\"a\":\"\"}", 1},
	{"{\"a\":[{\"equals-ignore-case\":\"\\u00c4\\u03a3\\u0416\"}]}", "{\"a\":\"\\u00e4\\u03c2\\u0436\"}", 1},
	{"{\"a\":[{\"equals-ignore-case\":\"\\u023a\\u212a\"}]}", "{\"a\":\"\\u2c65k\"}", 1},
	{"{\"a\":[{\"equals-ignore-case\":\"stra\\u00dfe\"}]}", "{\"a\":\"STRASSE\"}", 0},
	{"{\"a\":[{\"equals-ignore-case\":\"\\ud801\\udc00\"}]}", "{\"a\":\"\\ud801\\udc28\"}", 1},
	{"{\"a\":[{\"wildcard\":\"*\"}]}", "{\"a\":\"\"}", 1},
	{"{\"a\":[{\"wildcard\":\"*\"}]}", "{\"a\":1}", 0},
	{"{\"a\":[{\"wildcard\":\"abc\"}]}", "{\"a\":\"abc\"}", 1},
	{"{\"a\":[{\"wildcard\":\"abc\"}]}", "{\"a\":\"abcd\"}", 0},
	{"{\"a\":[{\"wildcard\":\"a*c\"}]}", "{\"a\":\"ac\"}", 1},
	{"{\"a\":[{\"wildcard\":\"a*c\"}]}", "{\"a\":\"abbbc\"}", 1},
	{"{\"a\":[{\"wildcard\":\"a*c\"}]}", "{\"a\":\"abcb\"}", 0},
	{"{\"a\":[{\"wildcard\":\"ab*ba\"}]}", "{\"a\":\"aba\"}", 0},
	{"{\"a\":[{\"wildcard\":\"ab*ba\"}]}", "{\"a\":\"abba\"}", 1},
	{"{\"a\":[{\"wildcard\":\"*/lib/*\"}]}", "{\"a\":\"/usr/lib/x\"}", 1},
	{"{\"a\":[{\"wildcard\":\"*/lib/*\"}]}", "{\"a\":\"/usr/lib\"}", 0},
	{"{\"a\":[{\"wildcard\":\"*.png\"}]}", "{\"a\":\"x.png\"}", 1},
	{"{\"a\":[{\"wildcard\":\"*aab\"}]}", "{\"a\":\"aaab\"}", 1},
	{"{\"a\":[{\"wildcard\":\"*aab*\"}]}", "{\"a\":\"aaabb\"}", 1},
	{"{\"a\":[{\"wildcard\":\"a*b*c*d\"}]}", "{\"a\":\"a-b-c-b-d\"}", 1},
	{"{\"a\":[{\"wildcard\":\"a*b*c*d\"}]}", "{\"a\":\"a-c-b-d\"}", 0},
	{"{\"a\":[{\"wildcard\":\"a\\\\*c\"}]}", "{\"a\":\"a*c\"}", 1},
	{"{\"a\":[{\"wildcard\":\"a\\\\*c\"}]}", "{\"a\":\"abc\"}", 0},
	{"{\"a\":[{\"wildcard\":\"a\\\\\\\\*\"}]}", "{\"a\":\"a\\\\bc\"}", 1},
	{"{\"a\":[{\"wildcard\":\"a\\\\**\"}]}", "{\"a\":\"a*bc\"}", 1},
};

static const struct meaning others[] = {
	{"{\"a\":[{\"anything-but\":\"x\"}]}", "{\"a\":\"y\"}", 1},
	{"{\"a\":[{\"anything-but\":\"x\"}]}", "{\"a\":\"x\"}", 0},
	{"{\"a\":[{\"anything-but\":\"x\"}]}", "{\"a\":1}", 1},
	{"{\"a\":[{\"anything-but\":\"x\"}]}", "{\"a\":null}", 1},
	{"{\"a\":[{\"anything-but\":\"x\"}]}", "{}", 0},
	{"{\"a\":[{\"anything-but\":\"x\"}]}", "{\"a\":{\"x\":1}}", 0},
	{"{\"a\":[{\"anything-but\":\"x\"}]}", "{\"a\":[\"x\",\"y\"]}", 1},
	{"{\"a\":[{\"anything-but\":\"x\"}]}", "{\"a\":[\"x\",\"x\"]}", 0},
	{"{\"a\":[{\"anything-but\":5}]}", "{\"a\":5.0}", 0},
	{"{\"a\":[{\"anything-but\":5}]}", "{\"a\":\"5\"}", 1},
	{"{\"a\":[{\"anything-but\":[\"x\",\"y\"]}]}", "{\"a\":\"y\"}", 0},
	{"{\"a\":[{\"anything-but\":[\"x\",\"y\"]}]}", "{\"a\":\"z\"}", 1},
	{"{\"a\":[{\"anything-but\":[100,200]}]}", "{\"a\":2e2}", 0},
	{"{\"a\":[{\"anything-but\":[100,200]}]}", "{\"a\":201}", 1},
	{"{\"a\":[{\"anything-but\":{\"prefix\":\"us-\"}}]}", "{\"a\":\"us-east\"}", 0},
	{"{\"a\":[{\"anything-but\":{\"prefix\":\"us-\"}}]}", "{\"a\":\"eu-us-\"}", 1},
	{"{\"a\":[{\"anything-but\":{\"prefix\":[\"us-\",\"eu-\"]}}]}", "{\"a\":\"eu-1\"}", 0},
	{"{\"a\":[{\"anything-but\":{\"prefix\":{\"equals-ignore-case\":\"US-\"}}}]}", "{\"a\":\"us-1\"}", 0},
	{"{\"a\":[{\"anything-but\":{\"suffix\":\".png\"}}]}", "{\"a\":\"x.png\"}", 0},
	{"{\"a\":[{\"anything-but\":{\"suffix\":[\".png\",\".jpg\"]}}]}", "{\"a\":\"x.gif\"}", 1},
	{"{\"a\":[{\"anything-but\":{\"suffix\":{\"equals-ignore-case\":[\".png\",\".jpg\"]}}}]}",
	 "{\"a\":\"X.JPG\"}", 0},
	{"{\"a\":[{\"anything-but\":{\"equals-ignore-case\":\"init\"}}]}", "{\"a\":\"INIT\"}", 0},
	{"{\"a\":[{\"anything-but\":{\"equals-ignore-case\":[\"init\",\"stop\"]}}]}", "{\"a\":\"Stop\"}", 0},
	{"{\"a\":[{\"anything-but\":{\"equals-ignore-case\":[\"init\",\"stop\"]}}]}", "{\"a\":\"run\"}", 1},
	{"{\"a\":[{\"anything-but\":{\"wildcard\":\"*/lib/*\"}}]}", "{\"a\":\"/usr/lib/x\"}", 0},
	{"{\"a\":[{\"anything-but\":{\"wildcard\":[\"*a\",\"b*\"]}}]}", "{\"a\":\"bc\"}", 0},
	{"{\"a\":[{\"anything-but\":{\"wildcard\":[\"*a\",\"b*\"]}}]}", "{\"a\":\"cb\"}", 1},
	{"{\"a\":[\"x\",{\"anything-but\":[\"x\",\"y\"]}]}", "{\"a\":\"x\"}", 1},
	{"{\"a\":[{\"anything-but\":\"x\"},{\"anything-but\":\"y\"}]}", "{\"a\":\"x\"}", 1},
	{"{\"a\":[{\"exists\":true}]}", "{\"a\":null}", 1},
	{"{\"a\":[{\"exists\":true}]}", "{\"b\":1}", 0},
	{"{\"a\":[{\"exists\":true}]}", "{\"a\":{\"b\":1}}", 0},
	{"{\"a\":[{\"exists\":true}]}", "{\"a\":[1]}", 1},
	{"{\"a\":[{\"exists\":true}]}", "{\"a\":[]}", 0},
	{"{\"a\":[{\"exists\":false}]}", "{\"b\":1}", 1},
	{"{\"a\":[{\"exists\":false}]}", "{}", 1},
	{"{\"a\":[{\"exists\":false}]}", "{\"a\":0}", 0},
	{"{\"a\":[{\"exists\":false}]}", "{\"a\":{\"b\":1}}", 1},
	{"{\"a\":{\"b\":[{\"exists\":false}]}}", "{\"a\":1}", 1},
	{"{\"a\":[\"x\",{\"exists\":false}]}", "{}", 1},
	{"{\"a\":[\"x\",{\"exists\":false}]}", "{\"a\":\"x\"}", 1},
	{"{\"a\":[\"x\",{\"exists\":false}]}", "{\"a\":\"y\"}", 0},
	{"{\"a\":[{\"exists\":false}],\"b\":[1]}", "{\"b\":1}", 1},
	{"{\"a\":[{\"exists\":true},{\"exists\":false}]}", "{}", 1},
};

static const struct meaning ordered[] = {
	{"{\"a\":[{\"numeric\":[\"=\",3.018e2]}]}", "{\"a\":301.8}", 1},
	{"{\"a\":[{\"numeric\":[\"=\",3.018e2]}]}", "{\"a\":301.81}", 0},
	{"{\"a\":[{\"numeric\":[\"<\",10]}]}", "{\"a\":9.999}", 1},
	{"{\"a\":[{\"numeric\":[\"<\",10]}]}", "{\"a\":10}", 0},
	{"{\"a\":[{\"numeric\":[\"<\",10]}]}", "{\"a\":-1e300}", 1},
	{"{\"a\":[{\"numeric\":[\"<=\",10]}]}", "{\"a\":10.0}", 1},
	{"{\"a\":[{\"numeric\":[\">\",0]}]}", "{\"a\":0}", 0},
	{"{\"a\":[{\"numeric\":[\">\",0]}]}", "{\"a\":1e-400}", 1},
	{"{\"a\":[{\"numeric\":[\">\",0]}]}", "{\"a\":1e99999999999999999999}", 1},
	{"{\"a\":[{\"numeric\":[\"<\",0]}]}", "{\"a\":-1e-99999999999999999999}", 1},
	{"{\"a\":[{\"numeric\":[\">=\",0]}]}", "{\"a\":-0}", 1},
	{"{\"a\":[{\"numeric\":[\">\",0]}]}", "{\"a\":\"1\"}", 0},
	{"{\"a\":[{\"numeric\":[\">\",0,\"<=\",5]}]}", "{\"a\":5}", 1},
	{"{\"a\":[{\"numeric\":[\">\",0,\"<=\",5]}]}", "{\"a\":0}", 0},
	{"{\"a\":[{\"numeric\":[\"<\",5,\">=\",0]}]}", "{\"a\":0}", 1},
	{"{\"a\":[{\"numeric\":[\">=\",5,\"<=\",5]}]}", "{\"a\":5}", 1},
	{"{\"a\":[{\"numeric\":[\">\",-12.5,\"<\",-12.25]}]}", "{\"a\":-12.3}", 1},
	{"{\"a\":[{\"numeric\":[\">\",-12.5,\"<\",-12.25]}]}", "{\"a\":-12.25}", 0},
	{"{\"a\":[{\"numeric\":[\">\",-12.5]}]}", "{\"a\":-12.51}", 0},
	{"{\"a\":[{\"numeric\":[\">\",1]},{\"numeric\":[\"<\",-1]}]}", "{\"a\":[0,-2]}", 1},
	{"{\"a\":[{\"numeric\":[\">\",0.1]}]}", "{\"a\":0.10000000000000000000000001}", 1},
	{"{\"a\":[{\"cidr\":\"10.0.0.0/24\"}]}", "{\"a\":\"10.0.0.255\"}", 1},
	{"{\"a\":[{\"cidr\":\"10.0.0.0/24\"}]}", "{\"a\":\"10.0.1.0\"}", 0},
	{"{\"a\":[{\"cidr\":\"10.0.0.77/24\"}]}", "{\"a\":\"10.0.0.1\"}", 1},
	{"{\"a\":[{\"cidr\":\"0.0.0.0/0\"}]}", "{\"a\":\"255.255.255.255\"}", 1},
	{"{\"a\":[{\"cidr\":\"0.0.0.0/0\"}]}", "{\"a\":\"::1\"}", 0},
	{"{\"a\":[{\"cidr\":\"10.1.2.3/32\"}]}", "{\"a\":\"10.1.2.3\"}", 1},
	{"{\"a\":[{\"cidr\":\"10.1.2.3/31\"}]}", "{\"a\":\"10.1.2.4\"}", 0},
	{"{\"a\":[{\"cidr\":\"10.0.0.0/13\"}]}", "{\"a\":\"10.7.255.255\"}", 1},
	{"{\"a\":[{\"cidr\":\"10.0.0.0/13\"}]}", "{\"a\":\"10.8.0.0\"}", 0},
	{"{\"a\":[{\"cidr\":\"10.0.0.0/8\"}]}", "{\"a\":\"10.0.0\"}", 0},
	{"{\"a\":[{\"cidr\":\"10.0.0.0/8\"}]}", "{\"a\":\"10.0.0.1 \"}", 0},
	{"{\"a\":[{\"cidr\":\"10.0.0.0/8\"}]}", "{\"a\":10}", 0},
	{"{\"a\":[{\"cidr\":\"2001:db8::/32\"}]}", "{\"a\":\"2001:DB8:ffff::1\"}", 1},
	{"{\"a\":[{\"cidr\":\"2001:db8::/32\"}]}", "{\"a\":\"2001:db9::1\"}", 0},
	{"{\"a\":[{\"cidr\":\"::/0\"}]}", "{\"a\":\"10.0.0.1\"}", 0},
	{"{\"a\":[{\"cidr\":\"::/0\"}]}", "{\"a\":\"fe80::\"}", 1},
	{"{\"a\":[{\"cidr\":\"fe80::1/128\"}]}", "{\"a\":\"fe80:0:0::1\"}", 1},
	{"{\"a\":[{\"cidr\":\"10.0.0.0/8\"},{\"numeric\":[\">\",5]}]}", "{\"a\":6}", 1},
};

static const struct meaning either[] = {
	{"{\"$or\":[{\"a\":[1]},{\"b\":[2]}]}", "{\"a\":1}", 1},
	{"{\"$or\":[{\"a\":[1]},{\"b\":[2]}]}", "{\"b\":2}", 1},
	{"{\"$or\":[{\"a\":[1]},{\"b\":[2]}]}", "{\"a\":2,\"b\":1}", 0},
	{"{\"s\":[\"x\"],\"$or\":[{\"a\":[1]},{\"b\":[2]}]}", "{\"a\":1}", 0},
	{"{\"s\":[\"x\"],\"$or\":[{\"a\":[1]},{\"b\":[2]}]}", "{\"a\":1,\"s\":\"x\"}", 1},
	{"{\"$or\":[{\"a\":[1]},{\"b\":[2]}],\"s\":[\"x\"]}", "{\"b\":2,\"s\":\"x\"}", 1},
	{"{\"$or\":[{\"a\":[1]},{\"b\":[2]}],\"s\":[\"x\"]}", "{\"b\":2,\"s\":\"y\"}", 0},
	{"{\"d\":{\"$or\":[{\"a\":[1]},{\"b\":[2],\"c\":[3]}]}}", "{\"d\":{\"b\":2,\"c\":3}}", 1},
	{"{\"d\":{\"$or\":[{\"a\":[1]},{\"b\":[2],\"c\":[3]}]}}", "{\"d\":{\"b\":2,\"c\":4}}", 0},
	{"{\"d\":{\"$or\":[{\"a\":[1]},{\"b\":[2]}]}}", "{\"a\":1}", 0},
	{"{\"$or\":[{\"a\":[1]},{\"m\":[2],\"$or\":[{\"b\":[1]},{\"c\":[1]}]}]}", "{\"m\":2,\"c\":1}", 1},
	{"{\"$or\":[{\"a\":[1]},{\"m\":[2],\"$or\":[{\"b\":[1]},{\"c\":[1]}]}]}", "{\"m\":2,\"c\":2}", 0},
	{"{\"$or\":[{\"a\":[1]},{\"b\":[1]}],\"d\":{\"$or\":[{\"x\":[1]},{\"y\":[1]}]}}", "{\"b\":1,\"d\":{\"y\":1}}",
	 1},
	{"{\"$or\":[{\"a\":[1]},{\"b\":[1]}],\"d\":{\"$or\":[{\"x\":[1]},{\"y\":[1]}]}}", "{\"b\":1,\"d\":{\"y\":2}}",
	 0},
	{"{\"t\":[\"vip\"],\"$or\":[{\"t\":[\"eu\"]},{\"t\":[\"us\"]}]}", "{\"t\":[\"us\",\"vip\"]}", 1},
	{"{\"t\":[\"vip\"],\"$or\":[{\"t\":[\"eu\"]},{\"t\":[\"us\"]}]}", "{\"t\":[\"us\"]}", 0},
	{"{\"a\":{\"d\":[3]},\"$or\":[{\"a\":{\"b\":[1]}},{\"a\":{\"c\":[2]}}]}", "{\"a\":[{\"d\":3},{\"b\":1}]}", 0},
	{"{\"a\":{\"d\":[3]},\"$or\":[{\"a\":{\"b\":[1]}},{\"a\":{\"c\":[2]}}]}",
	 "{\"a\":[{\"d\":3},{\"d\":3,\"c\":2}]}", 1},
	{"{\"$or\":[{\"a\":[{\"exists\":false}]},{\"a\":[5]}]}", "{\"a\":5}", 1},
	{"{\"$or\":[{\"a\":[{\"exists\":false}]},{\"a\":[5]}]}", "{\"a\":6}", 0},
};

/* Each alone, before and after the index is made; then all in one set. */
static void check_meanings(const struct meaning *meanings, size_t count)
{
	skafu_rules *all;
	uint32_t numbers[64];
	ck_assert_int_eq(skafu_rules_new(&all, NULL), 0);
	for (size_t i = 0; i < count; i++) {
		const struct meaning *meaning = &meanings[i];
		skafu_rules *rules;
		ck_assert_int_eq(skafu_rules_new(&rules, NULL), 0);
		add(rules, meaning->pattern);
		for (int round = 0; round < 8; round++) {
			int32_t found = match_json(rules, meaning->event, numbers, 1);
			ck_assert_msg(found == meaning->matches, "%s on %s, round %d: %d, not %d", meaning->pattern,
				      meaning->event, round, found, meaning->matches);
		}
		skafu_rules_free(rules);
		ck_assert_uint_eq(add(all, meaning->pattern), i);
	}
	ck_assert_uint_le(count, COUNT(numbers));
	for (size_t i = 0; i < count; i++) {
		int32_t found = match_json(all, meanings[i].event, numbers, COUNT(numbers));
		int listed = 0;
		ck_assert_int_ge(found, 0);
		for (int32_t n = 0; n < found; n++) {
			ck_assert(n == 0 || numbers[n - 1] < numbers[n]);
			listed |= numbers[n] == i;
		}
		ck_assert_msg(listed == meanings[i].matches, "%s among others", meanings[i].pattern);
	}
	skafu_rules_free(all);
}

START_TEST(exact_values)
{
	check_meanings(exact, COUNT(exact));
}
END_TEST

START_TEST(nested_objects_and_arrays)
{
	check_meanings(nested, COUNT(nested));
}
END_TEST

START_TEST(operators_on_texts)
{
	check_meanings(texts, COUNT(texts));
}
END_TEST

START_TEST(anything_but_and_exists)
{
	check_meanings(others, COUNT(others));
}
END_TEST

START_TEST(numbers_and_networks)
{
	check_meanings(ordered, COUNT(ordered));
}
END_TEST

START_TEST(alternatives)
{
	check_meanings(either, COUNT(either));
}
END_TEST

START_TEST(bad_arguments_and_events_are_refused)
{
	skafu_rules *rules;
	skafu_record record = {.size = sizeof record};
	ck_assert_int_eq(skafu_rules_new(NULL, NULL), SKAFU_EINVAL);
	ck_assert_int_eq(skafu_rules_new(&rules, NULL), 0);
	ck_assert_int_eq(skafu_rules_add(NULL, "{}", 2, NULL, NULL), SKAFU_EINVAL);
	ck_assert_int_eq(skafu_rules_add(rules, NULL, 2, NULL, NULL), SKAFU_EINVAL);
	ck_assert_int_eq(skafu_rules_match(NULL, &record, NULL, 0, NULL), SKAFU_EINVAL);
	ck_assert_int_eq(skafu_rules_match(rules, NULL, NULL, 0, NULL), SKAFU_EINVAL);
	ck_assert_int_eq(skafu_rules_match(rules, &record, NULL, 1, NULL), SKAFU_EINVAL);
	ck_assert_int_eq(skafu_rules_match_json(rules, NULL, 0, NULL, 0, NULL), SKAFU_EINVAL);
	ck_assert_int_eq(skafu_rules_match_json(rules, "{}", 2, NULL, 3, NULL), SKAFU_EINVAL);
	ck_assert_int_eq(skafu_rules_match_json(NULL, "{}", 2, NULL, 0, NULL), SKAFU_EINVAL);
	ck_assert_int_eq(skafu_rules_match_json(rules, "{}", SIZE_MAX, NULL, 0, NULL), SKAFU_ELIMIT);
	for (int rule = 0; rule < 2; rule++) {
		ck_assert_int_eq(match_json(rules, "", NULL, 0), SKAFU_EJSON);
		ck_assert_int_eq(match_json(rules, "[]", NULL, 0), SKAFU_EJSON);
		ck_assert_int_eq(match_json(rules, "5", NULL, 0), SKAFU_EJSON);
		ck_assert_int_eq(match_json(rules, "{\"a\":1,}", NULL, 0), SKAFU_EJSON);
		ck_assert_int_eq(match_json(rules, "{\"a\":1,\"a\":1}", NULL, 0), SKAFU_EJSON);
		ck_assert_int_eq(match_json(rules, "{}", NULL, 0), rule);
		add(rules, "{\"a\":[{\"exists\":false}]}");
	}
	skafu_rules_free(rules);
	skafu_rules_free(NULL);
}
END_TEST

START_TEST(rules_added_between_matches_count_at_once)
{
	char text[100];
	uint32_t numbers[4];
	skafu_rules *rules;
	ck_assert_int_eq(skafu_rules_new(&rules, NULL), 0);
	for (uint32_t i = 0; i < 1000; i++) {
		snprintf(text, sizeof text, "{\"a\":{\"k%u\":[%u,\"x%u\"]},\"b\":[true]}", i % 7, i, i);
		ck_assert_uint_eq(add(rules, text), i);
		snprintf(text, sizeof text, "{\"a\":{\"k%u\":\"x%u\"},\"b\":true}", i / 2 % 7, i / 2);
		ck_assert_int_eq(match_json(rules, text, numbers, 4), 1);
		ck_assert_uint_eq(numbers[0], i / 2);
		snprintf(text, sizeof text, "{\"a\":{\"k%u\":%u},\"b\":true}", i % 7, i);
		ck_assert_int_eq(match_json(rules, text, numbers, 4), 1);
		ck_assert_uint_eq(numbers[0], i);
	}
	skafu_rules_free(rules);
}
END_TEST

/* ---- memory -------------------------------------------------------------------------------------------------- */

static const char rich_pattern[] =
	"{\"eventType\":[\"A\",{\"prefix\":{\"equals-ignore-case\":\"Or\"}}],"
	"\"data\":{\"n\":[{\"numeric\":[\">\",1,\"<\",9]}],"
	"\"$or\":[{\"x\":[{\"wildcard\":\"*a*b\"}]},"
	"{\"ip\":[{\"cidr\":\"::/0\"}],\"y\":[{\"anything-but\":[\"q\",\"r\"]}]}]}}";
static const char rich_event[] =
	"{\"eventType\":\"Or\\u0064er\",\"data\":{\"n\":2.5,\"x\":\"zab\",\"ip\":\"::1\",\"y\":[1,2]}}";

static int32_t add_many(skafu_rules *rules, struct failing *failing, long allocations)
{
	char text[64];
	int32_t code = 0;
	failing->left = allocations;
	code = skafu_rules_add(rules, rich_pattern, strlen(rich_pattern), NULL, NULL);
	for (uint32_t i = 0; i < 100 && code == 0; i++) {
		snprintf(text, sizeof text, "{\"data\":{\"n\":[%u]}}", i * 10);
		code = skafu_rules_add(rules, text, strlen(text), NULL, NULL);
	}
	failing->left = -1;
	return code;
}

START_TEST(a_lack_of_memory_is_said_and_harmless)
{
	static struct failing failing;
	skafu_rules *rules = NULL;
	uint32_t number;
	int done = 0;
	failing_init(&failing);
	skafu__sys_override(&failing.sys);
	for (long allocations = 0; !done; allocations++) {
		failing.left = allocations;
		int32_t code = skafu_rules_new(&rules, NULL);
		if (code < 0) {
			ck_assert_int_eq(code, SKAFU_ENOMEM);
			ck_assert_int_eq(failing.live, 0);
			continue;
		}
		code = add_many(rules, &failing, allocations);
		ck_assert(code == 0 || code == SKAFU_ENOMEM);
		done = code == 0;
		/* What is in the set still works, also when the index cannot be made and the event not be held. */
		uint32_t count = rules->rule_count;
		for (long left = 0; left < 40; left++) {
			failing.left = left;
			code = skafu_rules_match_json(rules, rich_event, strlen(rich_event), &number, 1, NULL);
			failing.left = -1;
			ck_assert(code == SKAFU_ENOMEM || code == (count > 0));
			ck_assert_int_eq(skafu_rules_match_json(rules, rich_event, strlen(rich_event), &number, 1,
					NULL),
					 count > 0);
		}
		ck_assert_int_eq(skafu_rules_add(rules, rich_pattern, strlen(rich_pattern), &number, NULL), 0);
		ck_assert_uint_eq(number, count);
		ck_assert_int_eq(skafu_rules_match_json(rules, rich_event, strlen(rich_event), NULL, 0, NULL),
				 (count > 0) + 1);
		skafu_rules_free(rules);
		ck_assert_int_eq(failing.live, 0);
	}
	skafu__sys_override(NULL);
}
END_TEST

START_TEST(a_match_asks_for_memory_only_at_first)
{
	static struct failing failing;
	skafu_rules *rules = NULL;
	skafu_record record = make_record(SKAFU_KIND_EVENT, rich_event, 1);
	failing_init(&failing);
	skafu__sys_override(&failing.sys);
	ck_assert_int_eq(skafu_rules_new(&rules, NULL), 0);
	ck_assert_int_eq(add_many(rules, &failing, -1), 0);
	for (int warm = 0; warm < 10; warm++) {
		ck_assert_int_eq(match_json(rules, rich_event, NULL, 0), 1);
		ck_assert_int_eq(skafu_rules_match(rules, &record, NULL, 0, NULL), 0);
	}
	failing.left = 0;
	ck_assert_int_eq(match_json(rules, rich_event, NULL, 0), 1);
	ck_assert_int_eq(skafu_rules_match(rules, &record, NULL, 0, NULL), 0);
	skafu_rules_free(rules);
	ck_assert_int_eq(failing.live, 0);
	skafu__sys_override(NULL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("rule");
	TCase *language = tcase_create("language");
	TCase *memory = tcase_create("memory");
	tcase_add_test(language, exact_values);
	tcase_add_test(language, nested_objects_and_arrays);
	tcase_add_test(language, operators_on_texts);
	tcase_add_test(language, anything_but_and_exists);
	tcase_add_test(language, numbers_and_networks);
	tcase_add_test(language, alternatives);
	tcase_add_test(language, bad_arguments_and_events_are_refused);
	tcase_add_test(language, rules_added_between_matches_count_at_once);
	tcase_set_timeout(language, 60);
	suite_add_tcase(suite, language);
	tcase_add_test(memory, a_lack_of_memory_is_said_and_harmless);
	tcase_add_test(memory, a_match_asks_for_memory_only_at_first);
	tcase_set_timeout(memory, 60);
	suite_add_tcase(suite, memory);
	return suite_run(suite);
}
