# Completion for bash: what a program says with --help are its options.
_distcompute()
{
	local word=${COMP_WORDS[COMP_CWORD]} program=${COMP_WORDS[0]} command='' i

	COMPREPLY=()
	if [[ ${program##*/} == distcompute-admin ]]; then
		for ((i = 1; i < COMP_CWORD; i++)); do
			[[ ${COMP_WORDS[i]} == -* || ${COMP_WORDS[i - 1]} == --config ]] || {
				command=${COMP_WORDS[i]}
				break
			}
		done
	fi
	if [[ $word == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$("$program" ${command:+"$command"} --help 2>/dev/null |
			sed -n 's/^ *\(-[A-Za-z?], \)\{0,1\}\(--[a-z][a-z-]*\).*/\2/p')" -- "$word")
	elif [[ ${program##*/} == distcompute-admin && -z $command && ${COMP_WORDS[COMP_CWORD - 1]} != --config ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$("$program" --commands 2>/dev/null)" -- "$word")
	else
		mapfile -t COMPREPLY < <(compgen -f -- "$word")
	fi
}
complete -o filenames -F _distcompute distcompute-admin distcompute-export distcompute-load distcompute-tracker \
	distcompute-worker
