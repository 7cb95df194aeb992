# bash completion for skafuctl: commands, options of the command, and paths.

_skafuctl()
{
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} command= i options=
	local commands='stat cat tail grep stream streams types trace verify backup restore fork diff export import consumers
		deadletters processes timers errors replay maintain reindex salvage help'
	for ((i = 1; i < COMP_CWORD; i++)); do
		[[ ${COMP_WORDS[i]} == -* ]] || { command=${COMP_WORDS[i]}; break; }
	done
	if [[ -z $command ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$commands --json --no-color --help --version" -- "$word")
		return
	fi
	case $command in
	help) mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$word"); return ;;
	cat) options='--type --tag --reverse --limit' ;;
	tail) options='-f' ;;
	diff) options='--records' ;;
	export) options='--form --from --to' ;;
	import) options='--form --set-aside --same-places --origin' ;;
	deadletters) options='--key --type' ;;
	errors) options='--by' ;;
	replay) options='--from --to --rule --rate' ;;
	esac
	if [[ $before == --by ]]; then
		mapfile -t COMPREPLY < <(compgen -W 'code source severity correlation minute command' -- "$word")
		return
	fi
	if [[ $before == --form ]]; then
		mapfile -t COMPREPLY < <(compgen -W 'lines cloudevents array' -- "$word")
	elif [[ $word == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$options --json --no-color --help" -- "$word")
	else
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -f -- "$word")
	fi
}
complete -F _skafuctl skafuctl
