#!/bin/sh
# Writes what OpenSSH makes of `config` for each host to `expected`. Needs `ssh`; the tests do not.
set -eu
cd "$(dirname "$0")"
# Relative paths of `Include` are those of ~/.ssh: spell them out.
sed "s#^Include #Include $PWD/#" config >/tmp/ssh_config.$$
for host in alias1 alias2 alias3 a.prod web byexec final1 cmd none inc quoted other x; do
  echo "== $host"
  ssh -G -F /tmp/ssh_config.$$ "$host" 2>/dev/null | grep -E '^(hostname|port|user|identityfile|identitiesonly|identityagent|userknownhostsfile|stricthostkeychecking|hostkeyalias|connecttimeout|serveraliveinterval|serveralivecountmax|proxyjump|proxycommand) ' || true
done >expected
rm /tmp/ssh_config.$$
