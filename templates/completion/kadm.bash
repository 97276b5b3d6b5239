# bash completion of kadm: kadm itself says what may come next.

_kadm() {
  local line=${COMP_LINE:0:COMP_POINT} words word typed
  read -ra words <<< "$line"
  # A line that ends with a space has begun the next word.
  [[ $line == *[[:space:]] ]] && words+=("")
  typed=${words[-1]}
  # bash takes = and : for the end of a word, and replaces what comes after it.
  local kept=""
  [[ $typed == *[=:]* ]] && kept=${typed%"${typed##*[=:]}"}
  COMPREPLY=()
  while IFS=$'\t' read -r word _; do
    if [[ $word == :files ]]; then
      compopt -o filenames
      mapfile -t COMPREPLY < <(compgen -f -- "${typed#"$kept"}")
    else
      COMPREPLY+=("${word#"$kept"}")
    fi
  done < <("${words[0]}" __complete -- "${words[@]:1}" 2> /dev/null)
}

complete -F _kadm kadm
