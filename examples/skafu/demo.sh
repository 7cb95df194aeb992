#!/bin/sh
# The application at work on this machine: projects are made, one fails on purpose and is undone, one is killed half
# way and goes on.  Ends with a status other than 0 when something is not as it should be.
#
# Everything goes into BUILD/demo, which is made anew.  No network is used and no key of yours: see env -u below.
set -u
: "${BUILD:=build}"
case $BUILD in /*) ;; *) BUILD=$PWD/$BUILD ;; esac
here=$(cd "$(dirname "$0")" && pwd)
demo=$BUILD/demo
rm -rf "$demo" && mkdir -p "$demo/projects" || exit 1
export SKAFU_HOME="$demo/home"
failed=0

title() { printf '\n== %s\n' "$*"; }
wrong() { printf 'WRONG: %s\n' "$*"; failed=1; }
skafu() { env -u GITHUB_TOKEN -u ANTHROPIC_API_KEY -u S3_ENDPOINT -u SKAFU_ALERT_URL "$BUILD/examples/skafu" "$@"; }

# Show the command, run it, and compare its exit status.
expect() {
	status=$1
	shift
	printf '$ skafu %s\n' "$*"
	skafu "$@" 2>&1
	is=$?
	[ "$is" = "$status" ] || wrong "exit status $is instead of $status"
}

is_configured() { skafu projects | grep -q "^$1  *configured "; }
repositories() { ls "$demo/home/repositories" | grep -c "^$1\.git$"; }

title 'Six templates, taken in by content; each is validated before it can be used'
cd "$here/templates" && expect 0 templates add *
cd "$demo" || exit 1

title 'Two projects from two templates.  Each line is an event; the second one is tested in a fresh clone as well'
expect 0 create orders --template c-service --into projects --set port=8081
expect 0 create docs --template static-site --into projects --check
for project in orders docs; do
	git -C "$demo/projects/$project" log --format="%h %s" -1 >/dev/null 2>&1 || wrong "$project has no commit"
	is_configured $project || wrong "$project is not configured"
	[ "$(repositories $project)" = 1 ] || wrong "$project has not exactly one repository"
done

title 'The name is taken: the command is refused'
expect 3 create orders --template go-service --into projects

title 'A folder is in the way: the creation fails, and what was made is undone, the last first'
mkdir "$demo/projects/notes" && echo 'my own' >"$demo/projects/notes/keep"
expect 4 create notes --template python-service --into projects
[ "$(cat "$demo/projects/notes/keep")" = 'my own' ] || wrong 'a file of somebody else was touched'
[ "$(repositories notes)" = 0 ] || wrong 'a repository was left behind'

title 'Killed half way (kill -9, by SKAFU_DIE_AFTER), and resumed'
printf '$ SKAFU_DIE_AFTER=TemplateRendered skafu create links --template go-service\n'
(SKAFU_DIE_AFTER=TemplateRendered skafu create links --template go-service --into projects) 2>/dev/null
is=$?
[ $is = 137 ] || wrong "it ended with $is and was not killed"
is_configured links && wrong 'it is configured already'
expect 0 resume
is_configured links || wrong 'it was not resumed'
[ "$(repositories links)" = 1 ] || wrong 'links has not exactly one repository'
expect 0 projects

title 'What followed from what, in the creation of docs'
correlation=$(skafu --json projects | sed -n 's/.*"project":"docs".*"correlation":"\([^"]*\)".*/\1/p')
expect 0 trace "$correlation"

title 'The views are made anew from the first event, and compared with those in use, row by row'
expect 0 rebuild

title 'What went wrong, counted; and the whole log, checked by the operator'\''s tool'
expect 0 errors
printf '$ skafuctl verify\n'
"$BUILD/skafuctl" verify "$demo/home/log" || wrong 'the log has faults'

title 'Where it is, and what to try next'
cat <<END
The projects are in $demo/projects, their repositories and the log in $demo/home.
  export SKAFU_HOME=$demo/home PATH=$BUILD/examples:\$PATH
  (cd $demo/projects/orders && make check)      the project is a real one
  skafu serve                                   then open http://127.0.0.1:8750/ and create a project there
  skafu analyse .                               look over this folder, or any other
  skafu show links                              the history of the one that was killed
  $BUILD/skafuctl tail -f $demo/home/log        everything as it happens, from another terminal
  skafu --help                                  all commands; man man/skafu-app.1 explains them
END
[ $failed = 0 ] && printf '\nAll is well.\n'
exit $failed
