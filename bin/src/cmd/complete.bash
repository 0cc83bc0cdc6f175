
# The words of "seqioc cmd" are asked of the device.
_seqioc_words() {
    local line=${COMP_LINE:0:COMP_POINT} words found
    read -ra words <<< "$line"
    [[ $line == *[[:space:]] ]] && words+=("")
    while (( ${#words[@]} )) && [[ ${words[0]} != "$1" ]]; do
        words=("${words[@]:1}")
    done
    if [[ ${words[1]} != cmd || ${#words[@]} -lt 3 || ${words[-1]} == -* ]]; then
        _seqioc "$@"
        return
    fi
    # bash takes a word apart at these, and completes its last part.
    local breaks= before= last=${words[-1]}
    [[ $COMP_WORDBREAKS == *:* ]] && breaks+=:
    [[ $COMP_WORDBREAKS == *=* ]] && breaks+==
    [[ -n $breaks ]] && before=${last%"${last##*[$breaks]}"}
    COMPREPLY=()
    while IFS=$'\t' read -r found _; do
        [[ -n $found ]] && COMPREPLY+=("${found#"$before"}")
    done < <("$1" cmd --complete "${words[@]:2}" 2> /dev/null)
    compopt +o default +o bashdefault 2> /dev/null
    if [[ ${#words[@]} -gt 3 && ${COMPREPLY[0]} == *= ]]; then
        compopt -o nospace 2> /dev/null
    fi
}

complete -F _seqioc_words -o nosort -o bashdefault -o default seqioc
