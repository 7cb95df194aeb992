/*
 * filter.h: one name in the spellings of many languages: OrderBook -> order_book, order-book, orderBook, ORDERBOOK.
 *
 * Words end at anything that is neither letter nor digit, and where a capital begins one ("HTTPServer" is http and
 * server).  Case is that of ASCII; other bytes pass through.
 *
 * The filters "json" and "html" make a value safe between the quotes of a JSON, TOML, Python or JavaScript text and
 * in a page.
 */
#ifndef SKAFU_APP_FILTER_H
#define SKAFU_APP_FILTER_H

#include "text.h"

/* Add what the filter upper, lower, snake, kebab, camel, pascal, json or html makes of a value.  SKAFU_ENOTFOUND for
 * another one; SKAFU_ELIMIT, SKAFU_ENOMEM as text_add(). */
int32_t filter_apply(const char *filter, const char *value, struct text *out);

#endif
