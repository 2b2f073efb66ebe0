# What every shell is taught when it starts. Whole-line comments and indentation are not sent.
# `__N` is the nonce. Every name of ours starts with two underscores; nothing of it is exported.
__n='
'
__d= __F=
__path=$PATH
case :$PATH: in *:/usr/sbin:*) ;; *) PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin ;; esac
__lx=${LC_ALL+x} __lc=${LC_ALL-}
LC_ALL=C
export PATH LC_ALL
unset CDPATH
# Another user may not be allowed where the login began.
cd . 2>/dev/null && [ -r . ] || cd "$HOME" 2>/dev/null || cd /
trap : PIPE
trap 'exit 129' HUP INT TERM
trap '[ -z "$__d" ] || rm -rf -- "$__d"' EXIT

# words…: ends a frame on both streams; the first word is its number
__m() {
  printf '\n%s %s\n' "$__N" "$*"
  printf '\n%s %s\n' "$__N" "$1" >&2
}

# n: runs a script of n lines
__e() {
  __s= __k=$1
  while [ "$__k" -gt 0 ]; do
    IFS= read -r __l || exit 74
    __s=$__s$__l$__n __k=$((__k - 1))
  done
  eval "$__s"
}

# n: runs a script of n bytes; a truncated one is not run
__b() {
  __s=$(dd bs="$1" count=1 iflag=fullblock 2>/dev/null)
  case $__s in
    *"#$__N") eval "$__s" ;;
    *) exit 74 ;;
  esac
}

# n [conv]: a payload of n bytes to standard output. It is consumed whatever happens to the output;
# fails if that took less. Without the seal behind it the connection was cut: nothing may go on.
__i() {
  __r=$1 __w=0 __x=${__d:+$__d/x}
  while [ "$__r" -gt 0 ]; do
    __k=1048576 __v=
    [ "$__r" -gt "$__k" ] || __k=$__r __v=${2-}
    __r=$((__r - __k))
    if [ "$__w" = 0 ]; then
      dd bs="$__k" count=1 iflag=fullblock ${__v:+conv=$__v} 2>"${__x:-/dev/null}" || __w=1
    else
      dd bs="$__k" count=1 iflag=fullblock >/dev/null 2>&1
    fi
  done
  IFS= read -r __l && [ "$__l" = "$__N" ] || exit 74
  return "$__w"
}

# n file [conv]: a payload into a file; what went wrong to standard error
__g() {
  if { :; } >"$2"; then
    __i "$1" "${3-}" >"$2" && return 0
    while IFS= read -r __l; do
      case $__l in dd:*) printf '%s\n' "$__l" >&2 ;; esac
    done <"$__d/x"
  else
    __i "$1" >/dev/null
  fi
  return 1
}

# The private directory, made when first needed, where something can be written.
__t() {
  [ -n "$__d" ] && [ -d "$__d" ] && return 0
  for __l in "${TMPDIR:-/tmp}" /tmp /var/tmp "$HOME"; do
    __d=$(umask 077 && mktemp -d "$__l/rprov.XXXXXXXXXX" 2>/dev/null) || continue
    { printf %4096s >"$__d/o"; } 2>/dev/null && return 0
    rm -rf -- "$__d"
  done
  __d=
  return 1
}

# seq: whether a step may run
__a() {
  if [ -n "$__F" ]; then
    __m "$1" skip
    return 1
  fi
  __t && { :; } >"$__d/o" && { :; } >"$__d/e" && return 0
  echo 'no room for temporary files in TMPDIR, /tmp, /var/tmp or the home directory' >&2
  __F=1
  __m "$1" 1
  return 1
}

# seq status must: the end of a step whose output is in files
__z() {
  [ -s "$__d/o" ] && cat "$__d/o"
  [ -s "$__d/e" ] && cat "$__d/e" >&2
  [ "$3" = 0 ] || [ "$2" = 0 ] || __F=1
  __m "$1" "$2"
}

# The environment as it was, for commands of the playbook's author.
__u() {
  PATH=$__path
  if [ -n "$__lx" ]; then LC_ALL=$__lc; else unset LC_ALL; fi
}

# Says its process id, then becomes the command. Nobody else gets to see the nonce.
__K='__l=$__N; unset __N; printf "\n%s P %s\n" "$__l" $$ >&9; unset __l; exec "$@" 9>&-'
__k() {
  export __N
  if command -v setsid >/dev/null; then
    exec setsid /bin/sh -c "$__K" sh "$@"
  fi
  exec /bin/sh -c "$__K" sh "$@"
}

# path limit unless: whether the content is wanted, by the lines of stat ($__A, of links $__B) and
# the digests ($__D). To cut a long text at its end takes time by the square of its length: the last
# line is found by splitting.
__c() {
  case $__n$__D$__n in
    *"$__n$3  $1$__n"*) return 1 ;;
    *"  $1$__n"*) ;;
    *) return 1 ;;
  esac
  if [ -L "$1" ]; then __v=$__B$__n; else __v=$__A$__n; fi
  __v=${__v%%":$1$__n"*}
  __l= __k=$IFS IFS=$__n
  set -f
  for __l in $__v; do :; done
  set +f
  IFS=$__k
  __l=${__l#*:*:*:}
  [ "${__l%%:*}" -le "$2" ] 2>/dev/null
}

# n temp path mode owner group backup [validate…]: replaces a file; runs in a subshell
__p() {
  __P=$1 __T=$2 __O=$3 __M=$4 __U=$5 __G=$6 __B=$7
  shift 7
  __k=${__O%/*}
  if [ -d "$__O" ]; then
    echo "\`$__O\` is a directory" >&2
  elif [ ! -d "${__k:-/}" ]; then
    echo "the directory \`${__k:-/}\` does not exist" >&2
  elif ! (set -C && umask 077 && : >"$__T"); then
    :
  else
    trap '[ -z "$__T" ] || rm -f -- "$__T"' EXIT
    trap 'exit 129' HUP INT TERM PIPE
    __g "$__P" "$__T" fsync || exit 1
    __q "$@"
    exit
  fi
  __i "$__P" >/dev/null
  exit 1
}
__q() {
  __k= __v=$__M
  if [ -e "$__O" ]; then
    __k=$(stat -L -c %a:%u:%g -- "$__O") || exit 1
    : "${__v:=${__k%%:*}}"
    __k=${__k#*:}
  fi
  if [ -n "$__U$__G" ]; then
    __U=${__U:-${__k%%:*}} __G=${__G:-${__k#*:}}
    chown "$__U${__G:+:$__G}" "$__T" || exit 1
  elif [ -n "$__k" ]; then
    chown "$__k" "$__T" 2>"$__d/x" || [ "$__uid" != 0 ] || { cat "$__d/x" >&2; exit 1; }
  fi
  chmod "${__v:-=rw}" "$__T" || exit 1
  if [ $# -gt 0 ]; then
    (__u; exec "$@") </dev/null || { __k=$?; echo "validation failed with status $__k" >&2; exit 1; }
  fi
  __k=
  if [ -n "$__B" ] && [ -e "$__O" ]; then
    __k=$__O.$$.$(date +%Y-%m-%d@%H:%M:%S)~
    cp -pf -- "$__O" "$__k" || exit 1
  fi
  if mv -f -- "$__T" "$__O"; then
    __T=
    [ -z "$__k" ] || printf 'backup_file=%s\n' "$__k"
  else
    [ -z "$__k" ] || rm -f -- "$__k"
    exit 1
  fi
}
