#compdef kadm
# zsh completion of kadm: kadm itself says what may come next.

_kadm() {
  local line files
  local -a described
  for line in "${(@f)$("${words[1]}" __complete -- "${(@)words[2,CURRENT]}" 2> /dev/null)}"; do
    if [[ $line == :files ]]; then
      files=1
    elif [[ -n $line ]]; then
      # _describe takes the first colon for the end of the word.
      described+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}")
    fi
  done
  if (( files )); then
    compset -P '*='
    _files
  else
    _describe -t words kadm described
  fi
}

# Sourced, it tells zsh; as a file of fpath, zsh calls it.
if [[ $funcstack[1] == _kadm ]]; then
  _kadm "$@"
else
  compdef _kadm kadm
fi
