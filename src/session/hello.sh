# Who and where we are; one line a fact, ended by frame `H`.
__m B
printf 'home %s\nid ' "$HOME"
__l=$(id)
printf '%s\n' "$__l"
__uid=${__l#uid=}
__uid=${__uid%%[!0-9]*}
