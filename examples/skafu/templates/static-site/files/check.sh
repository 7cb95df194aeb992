#!/bin/sh
# Check the pages in site/ (or in the folder that is given): language, title, description, one h1, alt, local links.
set -u
site=${1:-site}
failed=0
pages=0

complain() { # page, sentence
	echo "$1: $2"
	failed=1
}

count() { # pattern, page
	grep -o "$1" "$2" | wc -l
}

# The files that a page refers to, without fragments, addresses of other hosts and mail.
targets() { # page
	grep -oE '(href|src)="[^"]*"' "$1" | sed 's/^[a-z]*="//; s/"$//; s/[#?].*//' | grep -vE '^([a-z]+:|//|$)'
}

for page in "$site"/*.html; do
	[ -f "$page" ] || { echo "$site: there are no pages"; exit 1; }
	pages=$((pages + 1))
	head -n 1 "$page" | grep -qi '^<!doctype html>' || complain "$page" 'does not begin with <!DOCTYPE html>'
	grep -q '<html lang="[a-zA-Z-]*"' "$page" || complain "$page" 'has no language'
	grep -q '<title>[^<]' "$page" || complain "$page" 'has no title'
	grep -q '<meta name="description" content="[^"]' "$page" || complain "$page" 'has no description'
	[ "$(count '<h1' "$page")" -eq 1 ] || complain "$page" 'has not exactly one h1'
	[ "$(count '<img ' "$page")" -eq "$(count '<img [^>]*alt="' "$page")" ] || complain "$page" 'has a picture without alt'
	for target in $(targets "$page"); do
		[ -f "$site/$target" ] || complain "$page" "links to $target, which is not there"
	done
done

echo "$pages pages checked"
exit $failed
