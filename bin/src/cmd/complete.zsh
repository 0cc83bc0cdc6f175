
# The words of "seqioc cmd" are asked of the device.
_seqioc_words() {
    if [[ $words[2] != cmd || $CURRENT -lt 3 || $words[CURRENT] == -* ]]; then
        _seqioc "$@"
        return
    fi
    local -a found more
    local line word
    for line in ${(f)"$($words[1] cmd --complete "${(@)words[3,CURRENT]}" 2> /dev/null)"}; do
        word=${${line%%$'\t'*}//:/\\:}
        if [[ $word == *= ]]; then
            more+=("$word:${line#*$'\t'}")
        else
            found+=("$word:${line#*$'\t'}")
        fi
    done
    (( $#found )) && _describe -t commands command found
    (( $#more )) && _describe -t arguments argument more -S ''
}

compdef _seqioc_words seqioc
