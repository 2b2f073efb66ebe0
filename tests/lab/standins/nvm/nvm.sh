# A stand-in for nvm, for tests: sourced by a POSIX shell it defines the function `nvm` with the documented commands
# and files. Node is really downloaded from $NVM_NODEJS_ORG_MIRROR, checked and unpacked (see ../README.md).
NVM_DIR=${NVM_DIR:-$HOME/.nvm}
export NVM_DIR

_nvm_installed() { for _nvm_d in "$NVM_DIR"/versions/node/v*/; do [ -d "$_nvm_d" ] && basename "$_nvm_d"; done | sort -V; }
_nvm_mirror() { printf '%s\n' "${NVM_NODEJS_ORG_MIRROR:-https://nodejs.org/dist}" | sed 's:/*$::'; }

# _nvm_match PATTERN: of the versions on its input the newest one that the pattern means.
_nvm_match() {
  case $1 in
    node | stable) sort -V | tail -n 1 ;;
    *) _nvm_p=$(printf '%s' "v${1#v}" | sed 's/\./\\./g'); grep -E "^$_nvm_p(\.|\$)" | sort -V | tail -n 1 ;;
  esac
}

# _nvm_resolve PATTERN: an installed version, through aliases.
_nvm_resolve() {
  _nvm_w=$1; _nvm_n=0
  while [ -f "$NVM_DIR/alias/$_nvm_w" ] && [ $_nvm_n -lt 8 ]; do _nvm_w=$(cat "$NVM_DIR/alias/$_nvm_w"); _nvm_n=$((_nvm_n + 1)); done
  [ "$_nvm_w" != system ] || { echo system; return; }
  _nvm_installed | _nvm_match "$_nvm_w"
}

_nvm_unpath() { printf '%s' "$PATH" | tr ':' '\n' | grep -v "^$NVM_DIR/versions/node/" | paste -sd: -; }

_nvm_install() {
  _nvm_index=$(curl -fsSL "$(_nvm_mirror)/index.tab") || { echo "nvm: cannot read $(_nvm_mirror)/index.tab" >&2; return 1; }
  case $1 in --lts | lts/\*) _nvm_v=$(printf '%s\n' "$_nvm_index" | awk -F'\t' 'NR > 1 && $10 != "-" { print $1 }' | sort -V | tail -n 1) ;;
    *) _nvm_v=$(printf '%s\n' "$_nvm_index" | awk -F'\t' 'NR > 1 { print $1 }' | _nvm_match "$1") ;; esac
  [ -n "$_nvm_v" ] || { echo "Version '$1' not found - try \`nvm ls-remote\` to browse available versions." >&2; return 3; }
  if [ -x "$NVM_DIR/versions/node/$_nvm_v/bin/node" ]; then
    echo "$_nvm_v is already installed." >&2
  else
    case $(uname -m) in x86_64) _nvm_a=x64 ;; aarch64) _nvm_a=arm64 ;; *) _nvm_a=$(uname -m) ;; esac
    _nvm_f=node-$_nvm_v-linux-$_nvm_a.tar.gz
    echo "Downloading and installing node $_nvm_v..."
    mkdir -p "$NVM_DIR/.cache/bin/$_nvm_v" "$NVM_DIR/versions/node" || return 1
    curl -fsSL -o "$NVM_DIR/.cache/bin/$_nvm_v/$_nvm_f" "$(_nvm_mirror)/$_nvm_v/$_nvm_f" || { echo "Binary download from $(_nvm_mirror) failed" >&2; return 3; }
    curl -fsSL "$(_nvm_mirror)/$_nvm_v/SHASUMS256.txt" | awk -v f="$_nvm_f" '$2 == f' | (cd "$NVM_DIR/.cache/bin/$_nvm_v" && sha256sum --status -c -) ||
      { echo "Checksums do not match: $_nvm_f" >&2; return 1; }
    rm -rf "$NVM_DIR/.cache/new"; mkdir "$NVM_DIR/.cache/new" &&
      tar -xzf "$NVM_DIR/.cache/bin/$_nvm_v/$_nvm_f" -C "$NVM_DIR/.cache/new" --strip-components=1 --no-same-owner &&
      mv "$NVM_DIR/.cache/new" "$NVM_DIR/versions/node/$_nvm_v" || return 1
  fi
  nvm use "$_nvm_v" || return $?
  [ -f "$NVM_DIR/alias/default" ] || nvm alias default "$1"
}

nvm() {
  _nvm_c=${1:-help}; [ $# = 0 ] || shift
  while :; do case ${1:-} in --no-colors | --no-progress | -b | -s | --silent) shift ;; *) break ;; esac; done
  case $_nvm_c in
    --version | -v) cat "$NVM_DIR/release" ;;
    install | i) [ -n "${1:-}" ] || { echo "nvm: a version is needed" >&2; return 127; }; _nvm_install "$1" ;;
    uninstall)
      _nvm_v=$(_nvm_resolve "${1:-}"); [ -n "$_nvm_v" ] || { echo "$1 version is not installed..." >&2; return 0; }
      [ "$(nvm current)" != "$_nvm_v" ] || { echo "nvm: Cannot uninstall currently-active node version, $_nvm_v (inferred from $1)." >&2; return 1; }
      rm -rf "$NVM_DIR/versions/node/${_nvm_v:?}" "$NVM_DIR/.cache/bin/$_nvm_v"; echo "Uninstalled node $_nvm_v" ;;
    ls | list)
      _nvm_now=$(nvm current)
      if [ -n "${1:-}" ]; then _nvm_l=$(_nvm_resolve "$1"); else _nvm_l=$(_nvm_installed); fi
      [ -n "$_nvm_l" ] || { printf '%12s\n' N/A; [ -z "${1:-}" ] || return 3; }
      for _nvm_v in $_nvm_l; do if [ "$_nvm_v" = "$_nvm_now" ]; then printf -- '->%13s *\n' "$_nvm_v"; else printf '%15s *\n' "$_nvm_v"; fi; done
      [ -n "${1:-}" ] || nvm alias ;;
    ls-remote) curl -fsSL "$(_nvm_mirror)/index.tab" | awk -F'\t' 'NR > 1 { print $1 }' | sort -V | sed 's/^/       /' ;;
    alias)
      mkdir -p "$NVM_DIR/alias"
      if [ $# -ge 2 ]; then
        printf '%s\n' "$2" >"$NVM_DIR/alias/$1"; _nvm_v=$(_nvm_resolve "$2")
        echo "$1 -> $2 (-> ${_nvm_v:-N/A} *)"
      else
        for _nvm_f in "$NVM_DIR/alias/"${1:-*}; do
          [ -f "$_nvm_f" ] || continue
          _nvm_t=$(cat "$_nvm_f"); _nvm_v=$(_nvm_resolve "$_nvm_t"); echo "$(basename "$_nvm_f") -> $_nvm_t (-> ${_nvm_v:-N/A} *)"
        done
      fi ;;
    unalias) [ -f "$NVM_DIR/alias/${1:-}" ] || { echo "Alias ${1:-} doesn't exist!" >&2; return 1; }; echo "Deleted alias $1 - restore it with \`nvm alias \"$1\" \"$(cat "$NVM_DIR/alias/$1")\"\`"; rm "$NVM_DIR/alias/$1" ;;
    use)
      _nvm_v=$(_nvm_resolve "${1:-default}")
      if [ "$_nvm_v" = system ]; then PATH=$(_nvm_unpath); export PATH; return; fi
      [ -n "$_nvm_v" ] || { echo "N/A: version \"${1:-default}\" is not yet installed." >&2; return 3; }
      PATH=$NVM_DIR/versions/node/$_nvm_v/bin:$(_nvm_unpath); export PATH
      NVM_BIN=$NVM_DIR/versions/node/$_nvm_v/bin; export NVM_BIN
      [ -n "${_nvm_quiet:-}" ] || echo "Now using node $_nvm_v" ;;
    deactivate) PATH=$(_nvm_unpath); export PATH; unset NVM_BIN ;;
    current)
      _nvm_b=$(command -v node || true)
      case $_nvm_b in "$NVM_DIR/versions/node/"*) _nvm_b=${_nvm_b#"$NVM_DIR/versions/node/"}; echo "${_nvm_b%%/*}" ;; "") echo none ;; *) echo system ;; esac ;;
    version) if [ "${1:-current}" = current ]; then nvm current; else _nvm_v=$(_nvm_resolve "$1"); echo "${_nvm_v:-N/A}"; [ -n "$_nvm_v" ] || return 3; fi ;;
    which) _nvm_v=$(_nvm_resolve "${1:-default}"); [ -n "$_nvm_v" ] || { echo "N/A: version \"${1:-}\" is not yet installed." >&2; return 1; }; echo "$NVM_DIR/versions/node/$_nvm_v/bin/node" ;;
    *) echo "nvm: no such command: $_nvm_c" >&2; return 127 ;;
  esac
}

# Sourcing selects the default version, as the real one does, unless told not to.
if [ "${1:-}" != --no-use ] && [ -n "$(_nvm_resolve default)" ]; then _nvm_quiet=1; nvm use default; unset _nvm_quiet; fi
true
